/* SPDX-License-Identifier: MIT
 * Values for SQL, and rows as they come back. */
#include "tests/unit/cmocka_all.h"

#include "common/base/arena.h"
#include "common/link/mariadb.h"

static void moments_are_written_in_utc_to_the_millisecond(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_ms;
        const char *text;
    } cases[] = {
        {1795341900123, "2026-11-22 10:05:00.123"},
        {1, "1970-01-01 00:00:00.001"},
        {-1, "1969-12-31 23:59:59.999"},
        {951782400000, "2000-02-29 00:00:00.000"},
        {1800000000007, "2027-01-15 08:00:00.007"},
    };
    struct arena arena;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sql_value value = sql_moment(&arena, cases[i].wall_ms);
        assert_int_equal(value.type, SQL_TEXT);
        assert_int_equal(span_is(value.text, cases[i].text), true);
    }
    assert_int_equal(sql_moment(&arena, 0).type, SQL_NULL);
    arena_done(&arena);
}

static void an_empty_span_is_null_only_where_that_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(sql_optional(SPAN("")).type, SQL_NULL);
    assert_int_equal(sql_optional(SPAN("x")).type, SQL_TEXT);
    assert_int_equal(SQL_SPAN(SPAN("")).type, SQL_TEXT);
}

static void a_null_reads_as_nought_or_nothing(void **state)
{
    (void)state;
    const struct sql_value values[] = {SQL_I64(7),
                                       SQL_NOTHING,
                                       SQL_STRING("text"),
                                       SQL_NOTHING};
    const struct sql_rows rows = {.values = values, .columns = 2, .count = 2};
    assert_int_equal(sql_i64(&rows, 0, 0), 7);
    assert_int_equal(sql_i64(&rows, 0, 1), 0);
    assert_span(sql_text(&rows, 1, 0), "text");
    assert_span(sql_text(&rows, 1, 1), "");
    assert_true(sql_is_null(&rows, 1, 1));
    assert_false(sql_is_null(&rows, 1, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_written_in_utc_to_the_millisecond),
        cmocka_unit_test(an_empty_span_is_null_only_where_that_is_asked_for),
        cmocka_unit_test(a_null_reads_as_nought_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
