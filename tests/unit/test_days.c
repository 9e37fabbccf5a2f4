/* SPDX-License-Identifier: MIT
 * Ranges of days: what is filled in, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/days.h"

static void a_range_is_as_asked_or_filled_in(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *today, *out_from, *out_to;
    } cases[] = {
        {"", "", "2026-11-22", "2026-10-24", "2026-11-22"},
        {"2026-11-01", "", "2026-11-22", "2026-11-01", "2026-11-22"},
        {"", "2024-03-01", "2026-11-22", "2024-02-01", "2024-03-01"},
        {"2024-02-29", "2024-02-29", "2026-11-22", "2024-02-29", "2024-02-29"},
        {"2024-01-01", "2024-12-31", "2026-11-22", "2024-01-01", "2024-12-31"},
        {"1970-01-01", "1970-01-02", "2026-11-22", "1970-01-01", "1970-01-02"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct days days;
        assert_true(days_range(span_of(cases[i].from),
                               span_of(cases[i].to),
                               cases[i].today,
                               &days));
        assert_string_equal(days.from, cases[i].out_from);
        assert_string_equal(days.to, cases[i].out_to);
    }
}

static void a_range_that_ends_first_or_is_too_long_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"2026-11-22", "2026-11-21"},
        {"2027-01-01", ""},
        {"2024-01-01", "2025-01-01"},
        {"1970-01-01", "9999-12-31"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct days days;
        assert_false(days_range(span_of(cases[i].from),
                                span_of(cases[i].to),
                                "2026-11-22",
                                &days));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_as_asked_or_filled_in),
        cmocka_unit_test(a_range_that_ends_first_or_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
