/* SPDX-License-Identifier: MIT
 *
 * table - columns that line up, for a terminal as narrow as a phone's in landscape.
 *
 * Owns:    nothing; cells live in the arena
 * Callers: ctl
 * Blocks:  never
 * Units:   columns of the terminal; one per character of UTF-8
 * Order:   table_init, table_cell for each cell row by row, table_print
 *
 * At most one column is flexible: what does not fit is cut off it. Names that somebody
 * will copy are never cut: a row that is too long for them is broken behind its first
 * cell.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/text.h"

struct table_column {
    const char *title;
    bool right; /* numbers */
    bool flexible; /* cut when the row is too long */
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct arena *arena;
    struct span *cells; /* row after row */
    size_t count;
    size_t room;
    struct span *notes; /* by row; empty ones are not printed */
    size_t note_room;
};

void table_init(struct table *table,
                struct arena *arena,
                const struct table_column *columns,
                size_t column_count);
void table_cell(struct table *table, struct span cell); /* borrowed until table_print */
void table_number(struct table *table, int64_t number);
/* A line under the row that was just begun or finished, cut to the terminal. */
void table_note(struct table *table, struct span note);
/* A line of dashes stands for no rows. */
void table_print(const struct table *table, struct text *out);

/* How many columns of the terminal the text takes. */
size_t table_width(struct span text);

#endif
