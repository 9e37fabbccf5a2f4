/* SPDX-License-Identifier: MIT
 * Rows of amicales, cell by cell. */
#include "ctl/amicale_file.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/model/pii.h"
#include "ctl/csv.h"

enum { NO_CELL = -1, POSTAL_DIGITS = 5, TITLE_BYTES = 32 };

/* What is known of the columns. `most` is in characters for the columns of SQL, in bytes
 * for what is sealed: bytes are the stricter of the two. */
static const struct {
    const char *name;
    size_t most_bytes;
} columns[AMICALE_CELLS] = {
    [AMICALE_NAME] = {"nom", 200},
    [AMICALE_EMAIL] = {"email", PII_ADDRESS_BYTES},
    [AMICALE_ADRESSE1] = {"adresse1", 255},
    [AMICALE_ADRESSE2] = {"adresse2", 255},
    [AMICALE_CODE_POSTAL] = {"code_postal", 10},
    [AMICALE_VILLE] = {"ville", 120},
};

/* The file while it is read. */
struct reading {
    struct arena *arena;
    struct amicale_file file;
    size_t row_room;
    size_t complaint_room;
    int cells[CSV_MOST_CELLS]; /* by column: which cell of a row, or NO_CELL */
    size_t column_count;
};

static void read_titles(struct reading *reading, const struct csv_row *row);
static int find_cell(struct span title);
static void read_row(struct reading *reading, const struct csv_row *row);
static bool is_empty(const struct csv_row *row);
static bool has_control(struct span text);
static bool is_postal_code(struct span text);
static struct span canonical(struct arena *arena, struct span address);
static struct amicale_row *add_row(struct reading *reading, size_t line);
static void complain(struct reading *reading,
                     size_t line,
                     size_t column,
                     const char *name,
                     const char *text);
static void find_twins(struct reading *reading);
static int by_address(const void *a, const void *b);
static int by_line(const void *a, const void *b);

void amicale_file_read(struct span file,
                       struct arena *arena,
                       struct amicale_file *out_file)
{
    struct reading reading = {.arena = arena};
    struct csv csv;
    struct csv_row row;
    csv_init(&csv, file, arena);
    if (!csv_next(&csv, &row)) {
        complain(&reading, 1, 0, NULL, "the file is empty");
    } else if (row.fault != CSV_GOOD) {
        complain(&reading, row.line, row.fault_cell, NULL, csv_fault_text(row.fault));
    } else {
        read_titles(&reading, &row);
    }
    if (reading.file.complaint_count == 0) {
        while (csv_next(&csv, &row)) {
            if (reading.file.count == AMICALE_FILE_ROWS) {
                complain(&reading, row.line, 0, NULL, "there are too many rows");
                break;
            }
            read_row(&reading, &row);
        }
        find_twins(&reading);
    }
    *out_file = reading.file;
}

static void read_titles(struct reading *reading, const struct csv_row *row)
{
    bool seen[AMICALE_CELLS] = {false};
    reading->column_count = row->count;
    for (size_t i = 0; i < row->count; i++) {
        int cell = find_cell(span_trim(row->cells[i]));
        reading->cells[i] = cell;
        if (cell == NO_CELL) {
            complain(reading,
                     row->line,
                     i + 1,
                     NULL,
                     "there is no such column; known are nom, email, adresse1, adresse2, "
                     "code_postal and ville");
        } else if (seen[cell]) {
            complain(reading, row->line, i + 1, columns[cell].name, "it is there twice");
        } else {
            seen[cell] = true;
        }
    }
    for (int cell = AMICALE_NAME; cell <= AMICALE_EMAIL; cell++) {
        if (!seen[cell]) {
            complain(reading, row->line, 0, columns[cell].name, "the column is missing");
        }
    }
}

/* As people write it: "Code postal" is code_postal. */
static int find_cell(struct span title)
{
    char plain[TITLE_BYTES];
    if (title.len >= sizeof(plain)) {
        return NO_CELL;
    }
    for (size_t i = 0; i < title.len; i++) {
        char byte = title.at[i];
        plain[i] = (char)(byte >= 'A' && byte <= 'Z'   ? byte - 'A' + 'a'
                          : byte == ' ' || byte == '-' ? '_'
                                                       : byte);
    }
    struct span name = {plain, title.len};
    for (int cell = 0; cell < AMICALE_CELLS; cell++) {
        if (span_is(name, columns[cell].name)) {
            return cell;
        }
    }
    return span_is(name, "name") ? (int)AMICALE_NAME : NO_CELL;
}

static void read_row(struct reading *reading, const struct csv_row *row)
{
    if (row->fault != CSV_GOOD) {
        complain(reading, row->line, row->fault_cell, NULL, csv_fault_text(row->fault));
        return;
    }
    if (is_empty(row)) {
        return;
    }
    if (row->count != reading->column_count) {
        complain(reading,
                 row->line,
                 0,
                 NULL,
                 row->count < reading->column_count
                     ? "cells are missing"
                     : "there are more cells than columns");
        return;
    }
    struct amicale_row *amicale = add_row(reading, row->line);
    for (size_t i = 0; i < row->count; i++) {
        enum amicale_cell cell = (enum amicale_cell)reading->cells[i];
        struct span text = span_trim(row->cells[i]);
        if (cell == AMICALE_EMAIL) {
            text = canonical(reading->arena, text);
        }
        const char *wrong = amicale_cell_fault(cell, text);
        if (wrong) {
            complain(reading, row->line, i + 1, columns[cell].name, wrong);
        } else {
            amicale->cells[cell] = text;
        }
    }
}

static bool is_empty(const struct csv_row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        if (span_trim(row->cells[i]).len > 0) {
            return false;
        }
    }
    return true;
}

const char *amicale_cell_fault(enum amicale_cell cell, struct span text)
{
    if (!span_is_utf8(text)) {
        return "it is not UTF-8: save the file as \"CSV UTF-8\"";
    }
    if (text.len > columns[cell].most_bytes) {
        return "it is too long";
    }
    if (has_control(text)) {
        return "it holds a line end, a tab or another control character";
    }
    if (text.len == 0 && (cell == AMICALE_NAME || cell == AMICALE_EMAIL)) {
        return "it is empty";
    }
    if (cell == AMICALE_EMAIL && !pii_is_address(text)) {
        return "it is no address";
    }
    if (cell == AMICALE_CODE_POSTAL && text.len > 0 && !is_postal_code(text)) {
        return "a postal code has 5 digits (a spreadsheet drops a 0 in front)";
    }
    return NULL;
}

static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte < 0x20 || byte == 0x7F) {
            return true;
        }
    }
    return false;
}

static bool is_postal_code(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
    }
    return text.len == POSTAL_DIGITS;
}

static struct span canonical(struct arena *arena, struct span address)
{
    struct text text;
    text_init(&text, address.len + 1);
    pii_canonical_address(address, &text);
    struct span copy = arena_span(arena, text_span(&text));
    text_wipe(&text);
    return copy;
}

static struct amicale_row *add_row(struct reading *reading, size_t line)
{
    struct amicale_file *file = &reading->file;
    if (file->count == reading->row_room) {
        reading->row_room = reading->row_room ? reading->row_room * 2 : 64;
        struct amicale_row *rows =
            ARENA_ARRAY(reading->arena, struct amicale_row, reading->row_room);
        if (file->count > 0) {
            memcpy(rows, file->rows, file->count * sizeof(*rows));
        }
        file->rows = rows;
    }
    file->rows[file->count].line = line;
    return &file->rows[file->count++];
}

static void complain(struct reading *reading,
                     size_t line,
                     size_t column,
                     const char *name,
                     const char *text)
{
    struct amicale_file *file = &reading->file;
    if (file->complaint_count == reading->complaint_room) {
        reading->complaint_room =
            reading->complaint_room ? reading->complaint_room * 2 : 16;
        struct amicale_complaint *complaints = ARENA_ARRAY(reading->arena,
                                                           struct amicale_complaint,
                                                           reading->complaint_room);
        if (file->complaint_count > 0) {
            memcpy(complaints,
                   file->complaints,
                   file->complaint_count * sizeof(*complaints));
        }
        file->complaints = complaints;
    }
    file->complaints[file->complaint_count++] =
        (struct amicale_complaint){.line = line,
                                   .column = column,
                                   .name = name,
                                   .text = text};
}

/* An address stands for one amicale: the second row with it would be taken for the first
 * one when the file is imported again. */
static void find_twins(struct reading *reading)
{
    struct amicale_file *file = &reading->file;
    const struct amicale_row **rows =
        ARENA_ARRAY(reading->arena, const struct amicale_row *, file->count + 1);
    size_t column = 0;
    while (reading->column_count > 0 && reading->cells[column] != (int)AMICALE_EMAIL) {
        column++;
    }
    for (size_t i = 0; i < file->count; i++) {
        rows[i] = &file->rows[i];
    }
    qsort(rows, file->count, sizeof(rows[0]), by_address);
    for (size_t i = 1; i < file->count; i++) {
        struct span address = rows[i]->cells[AMICALE_EMAIL];
        if (address.len > 0 && span_equal(address, rows[i - 1]->cells[AMICALE_EMAIL])) {
            complain(reading,
                     rows[i]->line,
                     column + 1,
                     columns[AMICALE_EMAIL].name,
                     arena_format(reading->arena,
                                  "line %zu has the same address",
                                  rows[i - 1]->line));
        }
    }
    if (file->complaint_count > 0) {
        qsort(file->complaints,
              file->complaint_count,
              sizeof(file->complaints[0]),
              by_line);
    }
}

static int by_address(const void *a, const void *b)
{
    const struct amicale_row *left = *(const struct amicale_row *const *)a;
    const struct amicale_row *right = *(const struct amicale_row *const *)b;
    struct span first = left->cells[AMICALE_EMAIL];
    struct span second = right->cells[AMICALE_EMAIL];
    size_t shorter = first.len < second.len ? first.len : second.len;
    int order = shorter > 0 ? memcmp(first.at, second.at, shorter) : 0;
    if (order == 0) {
        order = (first.len > second.len) - (first.len < second.len);
    }
    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static int by_line(const void *a, const void *b)
{
    const struct amicale_complaint *left = a;
    const struct amicale_complaint *right = b;
    return left->line != right->line
               ? (left->line > right->line) - (left->line < right->line)
               : (left->column > right->column) - (left->column < right->column);
}
