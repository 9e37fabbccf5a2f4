/* SPDX-License-Identifier: MIT
 * Rows of a sheet, cell by cell. */
#include "ctl/sheet.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/model/pii.h"

enum { NO_CELL = -1, TITLE_BYTES = 32 };

static void read_titles(struct sheet *sheet, const struct csv_row *row);
static int find_cell(const struct sheet_kind *kind, struct span title);
static void read_row(struct sheet *sheet, const struct csv_row *row);
static void read_cells(struct sheet *sheet, const struct csv_row *row);
static bool is_empty(const struct csv_row *row);
static bool has_control(struct span text);
static struct span canonical(struct arena *arena, struct span address);
static struct sheet_row *add_row(struct sheet *sheet, size_t line);
static size_t column_of(const struct sheet *sheet, size_t cell);
static void complain(struct sheet *sheet,
                     size_t line,
                     size_t column,
                     const char *name,
                     const char *text);
static void find_twins(struct sheet *sheet);
static int by_address(const void *a, const void *b);
static int by_line(const void *a, const void *b);

void sheet_read(const struct sheet_kind *kind,
                struct span file,
                struct arena *arena,
                struct sheet *out_sheet)
{
    struct sheet sheet = {.kind = kind, .arena = arena};
    struct csv csv;
    struct csv_row row;
    csv_init(&csv, file, arena);
    if (!csv_next(&csv, &row)) {
        complain(&sheet, 1, 0, NULL, "the file is empty");
    } else if (row.fault != CSV_GOOD) {
        complain(&sheet, row.line, row.fault_cell, NULL, csv_fault_text(row.fault));
    } else {
        read_titles(&sheet, &row);
    }
    if (sheet.complaint_count == 0) {
        while (csv_next(&csv, &row)) {
            if (sheet.count == SHEET_ROWS) {
                complain(&sheet, row.line, 0, NULL, "there are too many rows");
                break;
            }
            read_row(&sheet, &row);
        }
        find_twins(&sheet);
        sheet_order(&sheet);
    }
    *out_sheet = sheet;
}

static void read_titles(struct sheet *sheet, const struct csv_row *row)
{
    const struct sheet_column *columns = sheet->kind->columns;
    bool seen[SHEET_CELLS] = {false};
    sheet->column_count = row->count;
    for (size_t i = 0; i < row->count; i++) {
        int cell = find_cell(sheet->kind, span_trim(row->cells[i]));
        sheet->cells[i] = cell;
        if (cell == NO_CELL) {
            complain(sheet, row->line, i + 1, NULL, sheet->kind->no_such_column);
        } else if (seen[cell]) {
            complain(sheet, row->line, i + 1, columns[cell].name, "it is there twice");
        } else {
            seen[cell] = true;
        }
    }
    for (size_t cell = 0; cell < sheet->kind->count; cell++) {
        if (columns[cell].must && !seen[cell]) {
            complain(sheet, row->line, 0, columns[cell].name, "the column is missing");
        }
    }
}

/* As people write it: "Code postal" is code_postal. */
static int find_cell(const struct sheet_kind *kind, struct span title)
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
    for (size_t cell = 0; cell < kind->count; cell++) {
        const struct sheet_column *column = &kind->columns[cell];
        if (span_is(name, column->name) ||
            (column->other_name && span_is(name, column->other_name))) {
            return (int)cell;
        }
    }
    return NO_CELL;
}

static void read_row(struct sheet *sheet, const struct csv_row *row)
{
    if (row->fault != CSV_GOOD) {
        complain(sheet, row->line, row->fault_cell, NULL, csv_fault_text(row->fault));
    } else if (is_empty(row)) {
        return;
    } else if (row->count != sheet->column_count) {
        complain(sheet,
                 row->line,
                 0,
                 NULL,
                 row->count < sheet->column_count ? "cells are missing"
                                                  : "there are more cells than columns");
    } else {
        read_cells(sheet, row);
    }
}

static void read_cells(struct sheet *sheet, const struct csv_row *row)
{
    const struct sheet_kind *kind = sheet->kind;
    struct sheet_row *made = add_row(sheet, row->line);
    bool good = true;
    for (size_t i = 0; i < row->count; i++) {
        size_t cell = (size_t)sheet->cells[i];
        struct span text = span_trim(row->cells[i]);
        if (cell == kind->address) {
            text = canonical(sheet->arena, text);
        }
        const char *wrong = sheet_cell_fault(kind, cell, text);
        if (wrong) {
            complain(sheet, row->line, i + 1, kind->columns[cell].name, wrong);
            good = false;
        } else {
            made->cells[cell] = text;
        }
    }
    size_t cell = 0;
    const char *wrong =
        good && kind->row_fault ? kind->row_fault(made->cells, &cell) : NULL;
    if (wrong) {
        sheet_complain(sheet, made, cell, wrong);
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

const char *sheet_cell_fault(const struct sheet_kind *kind, size_t cell, struct span text)
{
    if (!span_is_utf8(text)) {
        return "it is not UTF-8: save the file as \"CSV UTF-8\"";
    }
    if (text.len > kind->columns[cell].most_bytes) {
        return "it is too long";
    }
    if (has_control(text)) {
        return "it holds a line end, a tab or another control character";
    }
    if (text.len == 0) {
        return kind->columns[cell].must ? "it is empty" : NULL;
    }
    if (cell == kind->address && !pii_is_address(text)) {
        return "it is no address";
    }
    return kind->cell_fault(cell, text);
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

static struct span canonical(struct arena *arena, struct span address)
{
    struct text text;
    text_init(&text, address.len + 1);
    pii_canonical_address(address, &text);
    struct span copy = arena_span(arena, text_span(&text));
    text_wipe(&text);
    return copy;
}

static struct sheet_row *add_row(struct sheet *sheet, size_t line)
{
    if (sheet->count == sheet->row_room) {
        sheet->row_room = sheet->row_room ? sheet->row_room * 2 : 64;
        struct sheet_row *rows =
            ARENA_ARRAY(sheet->arena, struct sheet_row, sheet->row_room);
        if (sheet->count > 0) {
            memcpy(rows, sheet->rows, sheet->count * sizeof(*rows));
        }
        sheet->rows = rows;
    }
    sheet->rows[sheet->count] = (struct sheet_row){.line = line};
    return &sheet->rows[sheet->count++];
}

void sheet_complain(struct sheet *sheet,
                    const struct sheet_row *row,
                    size_t cell,
                    const char *text)
{
    complain(sheet,
             row->line,
             column_of(sheet, cell),
             sheet->kind->columns[cell].name,
             text);
}

/* 0: the file has no such column. */
static size_t column_of(const struct sheet *sheet, size_t cell)
{
    for (size_t i = 0; i < sheet->column_count; i++) {
        if (sheet->cells[i] == (int)cell) {
            return i + 1;
        }
    }
    return 0;
}

static void complain(struct sheet *sheet,
                     size_t line,
                     size_t column,
                     const char *name,
                     const char *text)
{
    if (sheet->complaint_count == sheet->complaint_room) {
        sheet->complaint_room = sheet->complaint_room ? sheet->complaint_room * 2 : 16;
        struct sheet_complaint *complaints =
            ARENA_ARRAY(sheet->arena, struct sheet_complaint, sheet->complaint_room);
        if (sheet->complaint_count > 0) {
            memcpy(complaints,
                   sheet->complaints,
                   sheet->complaint_count * sizeof(*complaints));
        }
        sheet->complaints = complaints;
    }
    sheet->complaints[sheet->complaint_count++] =
        (struct sheet_complaint){.line = line,
                                 .column = column,
                                 .name = name,
                                 .text = text};
}

/* Who it is, and which address they have. */
struct twin {
    size_t line;
    struct span address;
};

/* An address stands for one: the second row with it would be taken for the first one when
 * the file is imported again. */
static void find_twins(struct sheet *sheet)
{
    size_t address = sheet->kind->address;
    struct twin *rows = ARENA_ARRAY(sheet->arena, struct twin, sheet->count + 1);
    for (size_t i = 0; i < sheet->count; i++) {
        rows[i] = (struct twin){.line = sheet->rows[i].line,
                                .address = sheet->rows[i].cells[address]};
    }
    qsort(rows, sheet->count, sizeof(rows[0]), by_address);
    for (size_t i = 1; i < sheet->count; i++) {
        if (rows[i].address.len > 0 && span_equal(rows[i].address, rows[i - 1].address)) {
            complain(sheet,
                     rows[i].line,
                     column_of(sheet, address),
                     sheet->kind->columns[address].name,
                     arena_format(sheet->arena,
                                  "line %zu has the same address",
                                  rows[i - 1].line));
        }
    }
}

static int by_address(const void *a, const void *b)
{
    const struct twin *left = a;
    const struct twin *right = b;
    struct span first = left->address;
    struct span second = right->address;
    size_t shorter = first.len < second.len ? first.len : second.len;
    int order = shorter > 0 ? memcmp(first.at, second.at, shorter) : 0;
    if (order == 0) {
        order = (first.len > second.len) - (first.len < second.len);
    }
    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

void sheet_order(struct sheet *sheet)
{
    if (sheet->complaint_count > 0) {
        qsort(sheet->complaints,
              sheet->complaint_count,
              sizeof(sheet->complaints[0]),
              by_line);
    }
}

static int by_line(const void *a, const void *b)
{
    const struct sheet_complaint *left = a;
    const struct sheet_complaint *right = b;
    return left->line != right->line
               ? (left->line > right->line) - (left->line < right->line)
               : (left->column > right->column) - (left->column < right->column);
}
