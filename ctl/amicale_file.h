/* SPDX-License-Identifier: MIT
 *
 * amicale_file - a CSV file of amicales, every cell checked before any is believed. Pure.
 *
 * Owns:    nothing; everything lives in the arena given, or points into the file
 * Callers: ctl (amicale import), tests
 * Blocks:  never
 * Units:   lines and columns are counted from 1, as people do
 *
 * The first row names the columns, in any order: nom (or name) and email, which must be
 * there, adresse1, adresse2, code_postal and ville, which may. Upper and lower case, and
 * a space, a - or a _ count alike. Rows without anything in them are skipped.
 */
#ifndef CTL_AMICALE_FILE_H
#define CTL_AMICALE_FILE_H

#include <stddef.h>

#include "common/base/text.h"

struct arena;

enum { AMICALE_FILE_ROWS = 20000, AMICALE_FILE_BYTES = 16 << 20 };

/* The columns. Each is a text of at most as many bytes as the books keep. */
enum amicale_cell {
    AMICALE_NAME,
    AMICALE_EMAIL, /* canonical */
    AMICALE_ADRESSE1,
    AMICALE_ADRESSE2,
    AMICALE_CODE_POSTAL,
    AMICALE_VILLE,
};
enum { AMICALE_CELLS = AMICALE_VILLE + 1 };

struct amicale_row {
    size_t line;
    struct span cells[AMICALE_CELLS]; /* empty where there is nothing */
};

struct amicale_complaint {
    size_t line;
    size_t column; /* 0: the row as a whole */
    const char *name; /* of the column; NULL: it has none that is known */
    const char *text;
};

struct amicale_file {
    struct amicale_row *rows;
    size_t count;
    struct amicale_complaint *complaints; /* in the order of their lines */
    size_t complaint_count;
};

/* What is wrong with a text for its column; NULL: nothing. */
const char *amicale_cell_fault(enum amicale_cell cell, struct span text);
/* With a complaint, no row is to be used. */
void amicale_file_read(struct span file,
                       struct arena *arena,
                       struct amicale_file *out_file);

#endif
