/* SPDX-License-Identifier: MIT
 * Columns that line up. */
#include "tests/unit/cmocka_all.h"

#include "common/base/arena.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

static const struct table_column columns[] = {
    {"NAME", false, false},
    {"COUNT", true, false},
    {"FAULT", false, true},
};

struct page {
    struct arena arena;
    struct table table;
    struct text out;
};

static int set_up(void **state)
{
    static struct page page;
    arena_init(&page.arena, 1 << 20);
    table_init(&page.table, &page.arena, columns, 3);
    text_init(&page.out, 1 << 20);
    *state = &page;
    return 0;
}

static int tear_down(void **state)
{
    struct page *page = *state;
    text_done(&page->out);
    arena_done(&page->arena);
    return 0;
}

static void add_row(struct page *page, const char *name, int64_t count, const char *fault)
{
    table_cell(&page->table, span_of(name));
    table_number(&page->table, count);
    table_cell(&page->table, span_of(fault));
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    struct page *page = *state;
    add_row(page, "a", 1, "");
    add_row(page, "caf\xC3\xA9 noir", 1234567, "x");
    table_print(&page->table, &page->out);
    assert_string_equal(page->out.at,
                        "NAME         COUNT  FAULT\n"
                        "a                1\n"
                        "caf\xC3\xA9 noir  1234567  x\n");
}

static void no_rows_are_shown_as_a_dash(void **state)
{
    struct page *page = *state;
    table_print(&page->table, &page->out);
    assert_string_equal(page->out.at, "NAME  COUNT  FAULT\n-\n");
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    struct page *page = *state;
    static const char long_name[] =
        "sync:123456789:abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnop";
    add_row(page,
            "evt_1",
            7,
            "a fault that goes on and on, far beyond what any terminal of eighty "
            "columns could show");
    add_row(page, long_name, 8, "short");
    table_note(&page->table,
               SPAN("a note that is much longer than the line has room for, so that "
                    "it is cut at the end"));
    table_print(&page->table, &page->out);
    struct span rest = text_span(&page->out);
    bool whole = false;
    while (rest.len > 0) {
        struct span line = span_cut(rest, '\n', &rest);
        assert_true(table_width(line) <= CTL_COLUMNS);
        whole = whole || span_is(line, long_name);
    }
    assert_true(whole);
}

static void a_note_stands_under_its_row(void **state)
{
    struct page *page = *state;
    for (int i = 0; i < 100; i++) {
        add_row(page, "r", i, "");
        if (i == 0 || i == 99) {
            table_note(&page->table, i ? SPAN("last") : SPAN("first"));
        }
    }
    table_print(&page->table, &page->out);
    struct span rest = text_span(&page->out);
    int number = 0;
    while (rest.len > 0) {
        struct span line = span_cut(rest, '\n', &rest);
        assert_int_equal(span_is(line, "  first"), number == 2);
        assert_int_equal(span_is(line, "  last"), number == 102);
        number++;
    }
    assert_int_equal(number, 103);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(columns_are_as_wide_as_their_widest_cell),
        TEST(no_rows_are_shown_as_a_dash),
        TEST(no_line_is_wider_than_the_terminal),
        TEST(a_note_stands_under_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
