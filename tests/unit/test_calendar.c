/* SPDX-License-Identifier: MIT
 * Which calendar a sale is of. */
#include "tests/unit/cmocka_all.h"

#include "common/base/clock.h"
#include "common/model/calendar.h"

static int64_t at(const char *stamp)
{
    int64_t wall_ms = 0;
    assert_true(clock_parse(span_of(stamp), &wall_ms));
    return wall_ms;
}

static void the_year_turns_in_july_in_paris(void **state)
{
    (void)state;
    static const struct {
        const char *sold;
        int year;
    } cases[] = {
        {"2026-11-22T10:00:00Z", 2027},
        {"2026-12-31T22:59:59Z", 2027},
        {"2026-12-31T23:00:00Z", 2027}, /* 2027 in Paris, and the calendar is 2027's */
        {"2027-01-15T10:00:00Z", 2027},
        {"2027-06-30T21:59:59Z", 2027},
        {"2027-06-30T22:00:00Z", 2028}, /* July has begun in Paris */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(calendar_year(at(cases[i].sold), 0), cases[i].year);
    }
}

static void a_year_that_is_set_counts_for_every_day(void **state)
{
    (void)state;
    assert_int_equal(calendar_year(at("2026-11-22T10:00:00Z"), 2026), 2026);
    assert_int_equal(calendar_year(at("2027-02-01T10:00:00Z"), 2026), 2026);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_year_turns_in_july_in_paris),
        cmocka_unit_test(a_year_that_is_set_counts_for_every_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
