/* SPDX-License-Identifier: MIT
 * Rows and cells, from the front of the file to its end. */
#include "ctl/csv.h"

#include <assert.h>
#include <string.h>

#include "common/base/arena.h"

static char find_separator(struct span file);
static void read_row(struct csv *csv, struct csv_row *row);
static enum csv_fault read_cell(struct csv *csv, struct span *out_cell);
static enum csv_fault read_quoted(struct csv *csv, struct span *out_cell);
static struct span undouble(struct csv *csv, struct span inside);
static bool at_line_end(struct span rest);
static void skip(struct csv *csv, size_t bytes);
static void skip_line(struct csv *csv);

void csv_init(struct csv *csv, struct span file, struct arena *arena)
{
    if (span_starts(file, "\xEF\xBB\xBF")) {
        file = (struct span){file.at + 3, file.len - 3};
    }
    *csv = (struct csv){.rest = file,
                        .arena = arena,
                        .separator = find_separator(file),
                        .line = 1};
}

bool csv_next(struct csv *csv, struct csv_row *out_row)
{
    while (csv->rest.len > 0 && at_line_end(csv->rest)) {
        skip_line(csv);
    }
    if (csv->rest.len == 0) {
        return false;
    }
    *out_row = (struct csv_row){.line = csv->line};
    read_row(csv, out_row);
    return true;
}

const char *csv_fault_text(enum csv_fault fault)
{
    switch (fault) {
    case CSV_GOOD:
        break;
    case CSV_OPEN_QUOTE:
        return "a quote is opened and never closed";
    case CSV_BEHIND_QUOTE:
        return "something stands behind the closing quote";
    case CSV_STRAY_QUOTE:
        return "a quote stands in a cell that is not in quotes";
    case CSV_TOO_MANY_CELLS:
        return "there are too many cells";
    }
    assert(!"only what is wrong has a text");
    return "";
}

/* The first line's quotes count, so that a title with a comma in it misleads nobody. */
static char find_separator(struct span file)
{
    size_t commas = 0;
    size_t semicolons = 0;
    bool quoted = false;
    for (size_t i = 0; i < file.len && (quoted || file.at[i] != '\n'); i++) {
        quoted = quoted != (file.at[i] == '"');
        commas += !quoted && file.at[i] == ',';
        semicolons += !quoted && file.at[i] == ';';
    }
    return semicolons > commas ? ';' : ',';
}

static void read_row(struct csv *csv, struct csv_row *row)
{
    for (;;) {
        struct span cell = {NULL, 0};
        row->fault =
            row->count == CSV_MOST_CELLS ? CSV_TOO_MANY_CELLS : read_cell(csv, &cell);
        if (row->fault != CSV_GOOD) {
            row->fault_cell = row->count + 1;
            skip_line(csv);
            return;
        }
        row->cells[row->count++] = cell;
        if (csv->rest.len == 0 || at_line_end(csv->rest)) {
            skip_line(csv);
            return;
        }
        skip(csv, 1); /* the separator */
    }
}

/* Behind it stands a separator, a line's end or the file's. */
static enum csv_fault read_cell(struct csv *csv, struct span *out_cell)
{
    struct span rest = csv->rest;
    size_t len = 0;
    if (rest.len > 0 && rest.at[0] == '"') {
        return read_quoted(csv, out_cell);
    }
    while (len < rest.len && rest.at[len] != csv->separator &&
           !at_line_end((struct span){rest.at + len, rest.len - len})) {
        if (rest.at[len] == '"') {
            return CSV_STRAY_QUOTE;
        }
        len++;
    }
    *out_cell = (struct span){rest.at, len};
    skip(csv, len);
    return CSV_GOOD;
}

static enum csv_fault read_quoted(struct csv *csv, struct span *out_cell)
{
    struct span rest = csv->rest;
    size_t len = 1;
    while (len < rest.len &&
           (rest.at[len] != '"' || (len + 1 < rest.len && rest.at[len + 1] == '"'))) {
        len += rest.at[len] == '"' ? 2 : 1;
    }
    if (len >= rest.len) {
        skip(csv, rest.len);
        return CSV_OPEN_QUOTE;
    }
    struct span behind = {rest.at + len + 1, rest.len - len - 1};
    skip(csv, len + 1);
    if (behind.len > 0 && behind.at[0] != csv->separator && !at_line_end(behind)) {
        return CSV_BEHIND_QUOTE;
    }
    *out_cell = undouble(csv, (struct span){rest.at + 1, len - 1});
    return CSV_GOOD;
}

static struct span undouble(struct csv *csv, struct span inside)
{
    if (inside.len == 0 || !memchr(inside.at, '"', inside.len)) {
        return inside;
    }
    char *at = arena_take(csv->arena, inside.len);
    size_t len = 0;
    for (size_t i = 0; i < inside.len; i++) {
        at[len++] = inside.at[i];
        i += inside.at[i] == '"';
    }
    return (struct span){at, len};
}

static bool at_line_end(struct span rest)
{
    return rest.at[0] == '\n' ||
           (rest.at[0] == '\r' && rest.len > 1 && rest.at[1] == '\n');
}

static void skip(struct csv *csv, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        csv->line += csv->rest.at[i] == '\n';
    }
    csv->rest = (struct span){csv->rest.at + bytes, csv->rest.len - bytes};
}

static void skip_line(struct csv *csv)
{
    const char *end =
        csv->rest.len > 0 ? memchr(csv->rest.at, '\n', csv->rest.len) : NULL;
    skip(csv, end ? (size_t)(end - csv->rest.at) + 1 : csv->rest.len);
}
