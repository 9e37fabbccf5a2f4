/* SPDX-License-Identifier: MIT
 * Rows and cells as spreadsheets write them. */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "common/base/arena.h"
#include "ctl/csv.h"

/* Each row as "line: [cell][cell]", or "line: !cell" where its fault is. */
static void assert_reads(const char *file, const char *expected)
{
    struct arena arena;
    struct text read;
    struct csv csv;
    struct csv_row row;
    arena_init(&arena, 1 << 20);
    text_init(&read, 1 << 20);
    text_add_string(&read, "");
    csv_init(&csv, span_of(file), &arena);
    while (csv_next(&csv, &row)) {
        text_addf(&read, "%zu:", row.line);
        for (size_t i = 0; i < row.count && row.fault == CSV_GOOD; i++) {
            text_addf(&read, "[%.*s]", SPAN_ARGS(row.cells[i]));
        }
        if (row.fault != CSV_GOOD) {
            text_addf(&read, "!%zu %s", row.fault_cell, csv_fault_text(row.fault));
        }
        text_add_char(&read, '\n');
    }
    assert_string_equal(read.at, expected);
    text_done(&read);
    arena_done(&arena);
}

static void cells_stand_between_commas(void **state)
{
    (void)state;
    assert_reads("a,b,c\n1,2,3\n", "1:[a][b][c]\n2:[1][2][3]\n");
    assert_reads("a,b\n,\n", "1:[a][b]\n2:[][]\n");
    assert_reads("a", "1:[a]\n");
    assert_reads("a,", "1:[a][]\n");
    assert_reads("", "");
}

static void a_french_spreadsheet_writes_semicolons(void **state)
{
    (void)state;
    assert_reads("nom;email\nA, B;c@d.fr\n", "1:[nom][email]\n2:[A, B][c@d.fr]\n");
    assert_reads("a;b,c;d\n", "1:[a][b,c][d]\n");
    assert_reads("\"x;y;z\",b\n1,2\n", "1:[x;y;z][b]\n2:[1][2]\n");
}

static void lines_end_with_or_without_cr(void **state)
{
    (void)state;
    assert_reads("a,b\r\n1,2\r\n", "1:[a][b]\n2:[1][2]\n");
    assert_reads("a,b\r\n1,2", "1:[a][b]\n2:[1][2]\n");
    assert_reads("a\rb,c\n", "1:[a\rb][c]\n");
    assert_reads("a\r", "1:[a\r]\n");
}

static void empty_lines_are_skipped_and_counted(void **state)
{
    (void)state;
    assert_reads("\n\r\na\n\n\nb\n\n", "3:[a]\n6:[b]\n");
    assert_reads(" \n", "1:[ ]\n");
}

static void a_byte_order_mark_is_no_part_of_the_first_cell(void **state)
{
    (void)state;
    assert_reads("\xEF\xBB\xBFnom;email\n", "1:[nom][email]\n");
    assert_reads("\xEF\xBB\xBF\"nom\";email\n", "1:[nom][email]\n");
    assert_reads("\xEF\xBB\xBF", "");
}

static void cells_in_quotes_may_hold_anything(void **state)
{
    (void)state;
    assert_reads("\"a,b\",\"c\"\"d\",\"\"\n", "1:[a,b][c\"d][]\n");
    assert_reads("\"\"\"\"\n", "1:[\"]\n");
    assert_reads("\"two\r\nlines\",x\ny,z\n", "1:[two\r\nlines][x]\n3:[y][z]\n");
    assert_reads("a,\"b\"", "1:[a][b]\n");
}

static void a_row_that_is_no_csv_is_told_and_passed_over(void **state)
{
    (void)state;
    assert_reads("a,\"b\"c,d\ne\n",
                 "1:!2 something stands behind the closing quote\n2:[e]\n");
    assert_reads("a,b\"c\",d\ne\n",
                 "1:!2 a quote stands in a cell that is not in quotes\n2:[e]\n");
    assert_reads("a,\"b\nc\nd\n", "1:!2 a quote is opened and never closed\n");
    assert_reads("\"", "1:!1 a quote is opened and never closed\n");
    assert_reads("\"\"\"", "1:!1 a quote is opened and never closed\n");
    assert_reads("\"a\" ,b\nc,d\n",
                 "1:!1 something stands behind the closing quote\n2:[c][d]\n");
}

static void a_row_has_an_end(void **state)
{
    (void)state;
    struct text file;
    text_init(&file, 1 << 16);
    for (int i = 0; i < CSV_MOST_CELLS; i++) {
        text_add_string(&file, "x,");
    }
    text_add_string(&file, "y\nz\n");
    assert_reads(file.at, "1:!33 there are too many cells\n2:[z]\n");
    text_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_stand_between_commas),
        cmocka_unit_test(a_french_spreadsheet_writes_semicolons),
        cmocka_unit_test(lines_end_with_or_without_cr),
        cmocka_unit_test(empty_lines_are_skipped_and_counted),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_cell),
        cmocka_unit_test(cells_in_quotes_may_hold_anything),
        cmocka_unit_test(a_row_that_is_no_csv_is_told_and_passed_over),
        cmocka_unit_test(a_row_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
