/* SPDX-License-Identifier: MIT
 * From when until when the books are compared. */
#include "tests/unit/cmocka_all.h"

#include "common/base/clock.h"
#include "worker/books_window.h"

static void assert_moment(int64_t at_ms, const char *expected)
{
    char stamp[CLOCK_STAMP_BYTES];
    assert_string_equal(clock_stamp(at_ms, stamp), expected);
}

static struct books_window window_of(const char *from, const char *to)
{
    struct books_window window;
    assert_true(books_window_of_days(span_of(from), span_of(to), &window));
    return window;
}

static void a_day_in_winter_begins_an_hour_before_that_of_utc(void **state)
{
    (void)state;
    struct books_window window = window_of("2026-11-22", "2026-11-22");
    assert_moment(window.from_ms, "2026-11-21T23:00:00.000Z");
    assert_moment(window.to_ms, "2026-11-22T23:00:00.000Z");
}

static void a_day_in_summer_begins_two_hours_before(void **state)
{
    (void)state;
    struct books_window window = window_of("2026-07-14", "2026-07-15");
    assert_moment(window.from_ms, "2026-07-13T22:00:00.000Z");
    assert_moment(window.to_ms, "2026-07-15T22:00:00.000Z");
}

static void days_on_which_clocks_change_are_shorter_and_longer(void **state)
{
    (void)state;
    struct books_window spring = window_of("2026-03-29", "2026-03-29");
    struct books_window autumn = window_of("2026-10-25", "2026-10-25");
    assert_int_equal(spring.to_ms - spring.from_ms, 23 * 3600 * 1000);
    assert_int_equal(autumn.to_ms - autumn.from_ms, 25 * 3600 * 1000);
}

static void windows_that_follow_one_another_leave_no_gap(void **state)
{
    (void)state;
    struct books_window before = window_of("2026-02-01", "2026-03-28");
    struct books_window after = window_of("2026-03-29", "2026-12-31");
    assert_int_equal(before.to_ms, after.from_ms);
}

static void what_is_no_day_or_runs_backwards_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"2026-11-23", "2026-11-22"},
        {"2026-11-31", "2026-12-01"},
        {"2026-1-1", "2026-01-02"},
        {"", "2026-01-02"},
        {"2026-01-02", ""},
        {"hier matin", "2026-01-02"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct books_window window;
        assert_false(
            books_window_of_days(span_of(wrong[i][0]), span_of(wrong[i][1]), &window));
    }
}

static void a_window_is_cut_at_a_moment_and_is_never_negative(void **state)
{
    (void)state;
    struct books_window window = {1000, 5000};
    assert_int_equal(books_window_until(window, 9000).to_ms, 5000);
    assert_int_equal(books_window_until(window, 3000).to_ms, 3000);
    assert_int_equal(books_window_until(window, 10).to_ms, 1000);
    assert_int_equal(books_window_until(window, 10).from_ms, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_in_winter_begins_an_hour_before_that_of_utc),
        cmocka_unit_test(a_day_in_summer_begins_two_hours_before),
        cmocka_unit_test(days_on_which_clocks_change_are_shorter_and_longer),
        cmocka_unit_test(windows_that_follow_one_another_leave_no_gap),
        cmocka_unit_test(what_is_no_day_or_runs_backwards_is_refused),
        cmocka_unit_test(a_window_is_cut_at_a_moment_and_is_never_negative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
