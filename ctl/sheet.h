/* SPDX-License-Identifier: MIT
 *
 * sheet - a CSV file of people or amicales, every cell checked before any is believed. Pure.
 *
 * Owns:    nothing; everything lives in the arena given, or points into the file
 * Callers: ctl (the verbs that import), tests
 * Blocks:  as long as the checks of its kind take
 * Units:   lines and columns are counted from 1, as people do
 * Order:   sheet_read; sheet_complain; sheet_order
 *
 * The first row names the columns, in any order. Upper and lower case, and a space, a -
 * or a _ count alike. Rows without anything in them are skipped.
 */
#ifndef CTL_SHEET_H
#define CTL_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"
#include "ctl/csv.h"

struct arena;

enum { SHEET_ROWS = 20000, SHEET_BYTES = 16 << 20, SHEET_CELLS = 6 };

struct sheet_column {
    const char *name;
    const char *other_name; /* or NULL */
    size_t most_bytes;
    bool must; /* the column is there, and no cell of it is empty */
};

/* What a file is of. */
struct sheet_kind {
    const struct sheet_column *columns;
    size_t count;
    size_t
        address; /* the column of the addresses: made canonical, and none is there twice */
    const char *no_such_column;
    /* What else is wrong with a text for its column; NULL: nothing. */
    const char *(*cell_fault)(size_t cell, struct span text);
    /* What is wrong with cells that are good each for itself; or NULL. */
    const char *(*row_fault)(const struct span *cells, size_t *out_cell);
};

struct sheet_row {
    size_t line;
    struct span cells[SHEET_CELLS]; /* empty where there is nothing, or nothing good */
};

struct sheet_complaint {
    size_t line;
    size_t column; /* 0: the row as a whole */
    const char *name; /* of the column; NULL: it has none that is known */
    const char *text;
};

struct sheet {
    const struct sheet_kind *kind;
    struct arena *arena;
    struct sheet_row *rows;
    size_t count;
    size_t row_room;
    struct sheet_complaint *complaints;
    size_t complaint_count;
    size_t complaint_room;
    int cells[CSV_MOST_CELLS]; /* by column: which cell of a row it is, or -1 */
    size_t column_count;
};

/* With a complaint, no row is to be used. */
void sheet_read(const struct sheet_kind *kind,
                struct span file,
                struct arena *arena,
                struct sheet *out_sheet);
/* What is wrong with a text for its column; NULL: nothing. */
const char *sheet_cell_fault(const struct sheet_kind *kind,
                             size_t cell,
                             struct span text);
/* What only the books can tell of a cell. */
void sheet_complain(struct sheet *sheet,
                    const struct sheet_row *row,
                    size_t cell,
                    const char *text);
/* Puts complaints in the order of their lines, as sheet_read leaves them. */
void sheet_order(struct sheet *sheet);

#endif
