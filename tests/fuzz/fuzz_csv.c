/* SPDX-License-Identifier: MIT
 * Any bytes as a file of rows: it comes to an end, lines only grow, and what was read is
 * read again from the same cells written in quotes. */
#include <assert.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "ctl/csv.h"

enum { BYTES = 1 << 24 };

static void write_row(struct text *out, const struct csv_row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        text_add_string(out, i > 0 ? ",\"" : "\"");
        for (size_t j = 0; j < row->cells[i].len; j++) {
            text_add_char(out, row->cells[i].at[j]);
            if (row->cells[i].at[j] == '"') {
                text_add_char(out, '"');
            }
        }
        text_add_char(out, '"');
    }
    text_add_string(out, "\r\n");
}

static void read_again(const struct csv_row *row, struct arena *arena)
{
    struct text written;
    struct csv csv;
    struct csv_row again;
    text_init(&written, BYTES);
    write_row(&written, row);
    csv_init(&csv, text_span(&written), arena);
    bool there = csv_next(&csv, &again);
    assert(there && again.fault == CSV_GOOD && again.count == row->count);
    for (size_t i = 0; i < row->count; i++) {
        assert(span_equal(again.cells[i], row->cells[i]));
    }
    assert(!csv_next(&csv, &again));
    text_done(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct csv csv;
    struct csv_row row;
    size_t line = 0;
    arena_init(&arena, BYTES);
    csv_init(&csv, (struct span){(const char *)bytes, len}, &arena);
    while (csv_next(&csv, &row)) {
        assert(row.line > line && row.count <= CSV_MOST_CELLS);
        line = row.line;
        if (row.fault == CSV_GOOD) {
            assert(row.count > 0);
            read_again(&row, &arena);
        } else {
            assert(row.fault_cell == row.count + 1 && csv_fault_text(row.fault)[0]);
        }
    }
    arena_done(&arena);
    return 0;
}
