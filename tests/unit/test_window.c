/* SPDX-License-Identifier: MIT
 * The days that reconcile is asked for. */
#include "tests/unit/cmocka_all.h"

#include "ctl/window.h"

static const char today[] = "2026-11-22";

static void a_window_is_as_asked_or_filled_in(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        int64_t usual;
        const char *out_from, *out_to;
    } cases[] = {
        {"", "", 35, "2026-10-19", "2026-11-22"},
        {"", "", 1, "2026-11-22", "2026-11-22"},
        {"", "", 366, "2025-11-22", "2026-11-22"},
        {"2026-11-01", "", 35, "2026-11-01", "2026-11-22"},
        {"", "2024-03-01", 2, "2024-02-29", "2024-03-01"},
        {"2024-02-29", "2024-02-29", 35, "2024-02-29", "2024-02-29"},
        {"2024-01-01", "2024-12-31", 35, "2024-01-01", "2024-12-31"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct window window;
        assert_null(window_read(span_of(cases[i].from),
                                span_of(cases[i].to),
                                today,
                                cases[i].usual,
                                &window));
        assert_string_equal(window.from, cases[i].out_from);
        assert_string_equal(window.to, cases[i].out_to);
    }
}

static void a_window_that_cannot_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *why;
    } cases[] = {
        {"2026-02-29", "", "--from is a day that exists, as 2026-11-22"},
        {"2026-04-31", "", "--from is a day that exists, as 2026-11-22"},
        {"22/11/2026", "", "--from is a day that exists, as 2026-11-22"},
        {"2026-1-1", "", "--from is a day that exists, as 2026-11-22"},
        {"2026-11-1 ", "", "--from is a day that exists, as 2026-11-22"},
        {"1969-12-31", "", "--from is a day that exists, as 2026-11-22"},
        {"", "yesterday", "--to is a day that exists, as 2026-11-22"},
        {"", "2026-11-2x", "--to is a day that exists, as 2026-11-22"},
        {"", "2026-11-23", "days that are still to come cannot be reconciled"},
        {"2026-11-23", "", "days that are still to come cannot be reconciled"},
        {"2026-11-21", "2026-11-20", "--from is behind --to"},
        {"2025-11-21", "2026-11-22", "at most 366 days are reconciled at once"},
        {"1970-01-01", "", "at most 366 days are reconciled at once"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct window window = {.from = "kept"};
        const char *why =
            window_read(span_of(cases[i].from), span_of(cases[i].to), today, 35, &window);
        assert_non_null(why);
        assert_string_equal(why, cases[i].why);
        assert_string_equal(window.from, "kept");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_as_asked_or_filled_in),
        cmocka_unit_test(a_window_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
