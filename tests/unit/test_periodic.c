/* SPDX-License-Identifier: MIT
 * Periods and their names. */
#include "common/base/clock.h"
#include "common/base/settings.h"
#include "tests/unit/cmocka_all.h"
#include "worker/periodic.h"

static const struct periodic *find(const char *prefix)
{
    for (size_t i = 0; i < periodics_count; i++) {
        if (span_is(span_of(periodics[i].prefix), prefix)) {
            return &periodics[i];
        }
    }
    fail_msg("no row %s", prefix);
    return NULL;
}

static int64_t moment(const char *stamp)
{
    int64_t wall_ms = 0;
    assert_true(clock_parse(span_of(stamp), &wall_ms));
    return wall_ms;
}

static void assert_period(const char *prefix,
                          const struct settings *settings,
                          const char *at,
                          const char *name,
                          int64_t left_ms)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    int64_t left = -1;
    struct span found = find(prefix)->period(settings, moment(at), &arena, &left);
    assert_string_equal(arena_copy(&arena, found), name);
    assert_int_equal(left, left_ms);
    arena_done(&arena);
}

static void a_period_is_named_by_the_minute_in_which_it_begins(void **state)
{
    (void)state;
    struct settings settings = {.books = {.catchup_s = 300, .reconcile_s = 600}};
    assert_period("catchup",
                  &settings,
                  "2026-11-22T10:07:30Z",
                  "catchup:2026-11-22T10:05",
                  150 * 1000);
    assert_period("catchup",
                  &settings,
                  "2026-11-22T10:05:00Z",
                  "catchup:2026-11-22T10:05",
                  300 * 1000);
    assert_period("reconcile",
                  &settings,
                  "2026-11-22T10:09:59.999Z",
                  "reconcile:2026-11-22T10:00",
                  1);
}

static void a_period_shorter_than_a_minute_is_named_by_its_second(void **state)
{
    (void)state;
    struct settings settings = {.books = {.catchup_s = 30}};
    assert_period("catchup",
                  &settings,
                  "2026-11-22T10:05:59Z",
                  "catchup:2026-11-22T10:05:30",
                  1000);
}

static void erasing_is_named_by_the_day_in_utc(void **state)
{
    (void)state;
    struct settings settings = {.books = {.body_keep_days = 90}};
    assert_period("erase",
                  &settings,
                  "2026-11-22T00:00:00Z",
                  "erase:2026-11-22",
                  24 * 3600 * 1000);
    assert_period("erase", &settings, "2026-11-22T23:59:59.999Z", "erase:2026-11-22", 1);
}

/* Paris is an hour ahead of UTC in winter, two in summer. */
static void the_books_of_a_day_begin_at_their_hour_in_paris(void **state)
{
    (void)state;
    static const struct {
        const char *at;
        const char *name;
    } cases[] = {
        {"2026-11-22T02:59:00Z", "books:2026-11-21"},
        {"2026-11-22T03:00:00Z", "books:2026-11-22"},
        {"2026-11-22T22:59:00Z", "books:2026-11-22"},
        {"2026-11-23T00:30:00Z", "books:2026-11-22"},
        {"2026-07-14T01:59:00Z", "books:2026-07-13"},
        {"2026-07-14T02:00:00Z", "books:2026-07-14"},
        /* Clocks go forward on 29 March, and back on 25 October 2026. */
        {"2026-03-29T01:59:00Z", "books:2026-03-28"},
        {"2026-03-29T02:00:00Z", "books:2026-03-29"},
        {"2026-10-25T02:59:00Z", "books:2026-10-24"},
        {"2026-10-25T03:00:00Z", "books:2026-10-25"},
        {"2026-03-29T22:30:00Z", "books:2026-03-29"},
        {"2026-10-25T23:30:00Z", "books:2026-10-25"},
    };
    struct settings settings = {.books = {.daily_hour = 4}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t in_hour_ms = moment(cases[i].at) % 3600000;
        assert_period("books",
                      &settings,
                      cases[i].at,
                      cases[i].name,
                      3600000 - in_hour_ms);
    }
}

static void the_books_of_a_day_look_back_over_their_window(void **state)
{
    (void)state;
    struct settings settings = {.books = {.window_days = 35}};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct span payload =
        find("books")->payload(&settings, SPAN("books:2026-11-22"), &arena);
    assert_string_equal(arena_copy(&arena, payload),
                        "{\"run\":\"books:2026-11-22\",\"from\":\"2026-10-18\","
                        "\"to\":\"2026-11-22\",\"amicale_id\":null}");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_period_is_named_by_the_minute_in_which_it_begins),
        cmocka_unit_test(a_period_shorter_than_a_minute_is_named_by_its_second),
        cmocka_unit_test(erasing_is_named_by_the_day_in_utc),
        cmocka_unit_test(the_books_of_a_day_begin_at_their_hour_in_paris),
        cmocka_unit_test(the_books_of_a_day_look_back_over_their_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
