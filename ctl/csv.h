/* SPDX-License-Identifier: MIT
 *
 * csv - a file of rows and cells taken apart (RFC 4180), as spreadsheets write it. Pure.
 *
 * Owns:    nothing; cells point into the file or live in the arena given
 * Callers: ctl (sheet), tests, the fuzzer
 * Blocks:  never
 * Units:   lines and cells are counted from 1, as people do
 * Order:   csv_init; csv_next until it says false
 *
 * Cells stand between commas or semicolons, whichever the first line has more of: a French
 * spreadsheet writes semicolons. A cell in quotes may hold separators, line ends and
 * doubled quotes. Lines end with LF or CRLF; empty ones are skipped; a byte order mark in
 * front is skipped. Whether cells are UTF-8 is the caller's to see.
 */
#ifndef CTL_CSV_H
#define CTL_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"

struct arena;

enum { CSV_MOST_CELLS = 32 };

/* What is wrong with a row. */
enum csv_fault {
    CSV_GOOD,
    CSV_OPEN_QUOTE, /* a quote that is never closed: the file ends in it */
    CSV_BEHIND_QUOTE, /* something between a closing quote and the separator */
    CSV_STRAY_QUOTE, /* a quote inside a cell that is not in quotes */
    CSV_TOO_MANY_CELLS,
};

struct csv {
    struct span rest;
    struct arena *arena;
    char separator;
    size_t line; /* the next one */
};

struct csv_row {
    struct span cells[CSV_MOST_CELLS];
    size_t count;
    size_t line; /* that it begins on */
    enum csv_fault fault; /* not CSV_GOOD: the cells before it are all that there is */
    size_t fault_cell;
};

void csv_init(struct csv *csv, struct span file, struct arena *arena);
/* False at the end. A row with a fault ends at its line's end: the next one can be read. */
bool csv_next(struct csv *csv, struct csv_row *out_row);
/* "a quote is not closed": for people. */
const char *csv_fault_text(enum csv_fault fault);

#endif
