/* SPDX-License-Identifier: MIT
 * Columns that line up. */
#include "ctl/table.h"

#include <assert.h>
#include <string.h>

#include "ctl/ctl.h"

enum { MOST_COLUMNS = 12, GAP = 2, LEAST_FLEXIBLE = 8 };

static void fit(const struct table *table, size_t *widths);
static void print_row(const struct table *table,
                      const size_t *widths,
                      const struct span *cells,
                      struct text *out);
static void print_cell(struct span cell, size_t width, bool right, struct text *out);
static struct span cut_to(struct span text, size_t width);
static void trim_line(struct text *out);

void table_init(struct table *table,
                struct arena *arena,
                const struct table_column *columns,
                size_t column_count)
{
    assert(column_count > 0 && column_count <= MOST_COLUMNS);
    *table =
        (struct table){.columns = columns, .column_count = column_count, .arena = arena};
}

void table_cell(struct table *table, struct span cell)
{
    if (table->count == table->room) {
        size_t room = table->room ? table->room * 2 : 64;
        struct span *cells = ARENA_ARRAY(table->arena, struct span, room);
        if (table->count > 0) {
            memcpy(cells, table->cells, table->count * sizeof(*cells));
        }
        table->cells = cells;
        table->room = room;
    }
    table->cells[table->count++] = cell;
}

void table_number(struct table *table, int64_t number)
{
    table_cell(table, span_of(arena_format(table->arena, "%lld", (long long)number)));
}

void table_note(struct table *table, struct span note)
{
    assert(table->count > 0);
    size_t row = (table->count - 1) / table->column_count;
    if (row >= table->note_room) {
        size_t room = row < 32 ? 64 : row * 2;
        struct span *notes = ARENA_ARRAY(table->arena, struct span, room);
        if (table->note_room > 0) {
            memcpy(notes, table->notes, table->note_room * sizeof(*notes));
        }
        table->notes = notes;
        table->note_room = room;
    }
    table->notes[row] = note;
}

void table_print(const struct table *table, struct text *out)
{
    assert(table->count % table->column_count == 0);
    size_t widths[MOST_COLUMNS];
    struct span titles[MOST_COLUMNS];
    for (size_t i = 0; i < table->column_count; i++) {
        titles[i] = span_of(table->columns[i].title);
    }
    fit(table, widths);
    print_row(table, widths, titles, out);
    for (size_t i = 0; i < table->count; i += table->column_count) {
        print_row(table, widths, table->cells + i, out);
        size_t row = i / table->column_count;
        if (row < table->note_room && table->notes[row].len > 0) {
            struct span note = cut_to(table->notes[row], CTL_COLUMNS - GAP);
            text_addf(out, "%*s", GAP, "");
            ctl_add_line(out, note);
            text_add_char(out, '\n');
        }
    }
    if (table->count == 0) {
        text_add_string(out, "-\n");
    }
}

size_t table_width(struct span text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++) {
        width += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    }
    return width;
}

/* As wide as the widest cell; the flexible column gives what the others need. */
static void fit(const struct table *table, size_t *widths)
{
    size_t total = GAP * (table->column_count - 1);
    size_t flexible = table->column_count;
    for (size_t i = 0; i < table->column_count; i++) {
        widths[i] = table_width(span_of(table->columns[i].title));
        for (size_t at = i; at < table->count; at += table->column_count) {
            size_t width = table_width(table->cells[at]);
            widths[i] = width > widths[i] ? width : widths[i];
        }
        total += widths[i];
        flexible = table->columns[i].flexible ? i : flexible;
    }
    if (total <= CTL_COLUMNS) {
        return;
    }
    size_t over = total - CTL_COLUMNS;
    if (flexible < table->column_count) {
        size_t least =
            widths[flexible] < LEAST_FLEXIBLE ? widths[flexible] : LEAST_FLEXIBLE;
        size_t give = widths[flexible] - least;
        give = give < over ? give : over;
        widths[flexible] -= give;
        over -= give;
    }
    /* What is still over comes off the first column: cells that are longer stand on a
     * line of their own. */
    size_t title = table_width(span_of(table->columns[0].title));
    widths[0] = widths[0] > over + title ? widths[0] - over : title;
}

static void print_row(const struct table *table,
                      const size_t *widths,
                      const struct span *cells,
                      struct text *out)
{
    for (size_t i = 0; i < table->column_count; i++) {
        struct span cell = cells[i];
        if (i == 0 && table_width(cell) > widths[0] && !table->columns[0].flexible) {
            ctl_add_line(out, cell);
            text_add_char(out, '\n');
            cell = SPAN("");
        }
        print_cell(cut_to(cell, widths[i]), widths[i], table->columns[i].right, out);
        if (i + 1 < table->column_count) {
            text_addf(out, "%*s", GAP, "");
        }
    }
    trim_line(out);
    text_add_char(out, '\n');
}

static void print_cell(struct span cell, size_t width, bool right, struct text *out)
{
    int pad = (int)(width - table_width(cell));
    if (right) {
        text_addf(out, "%*s", pad, "");
    }
    ctl_add_line(out, cell);
    if (!right) {
        text_addf(out, "%*s", pad, "");
    }
}

static struct span cut_to(struct span text, size_t width)
{
    while (table_width(text) > width) {
        do {
            text.len--;
        } while (((unsigned char)text.at[text.len] & 0xC0) == 0x80);
    }
    return text;
}

static void trim_line(struct text *out)
{
    while (out->len > 0 && out->at[out->len - 1] == ' ') {
        out->at[--out->len] = '\0';
    }
}
