/* SPDX-License-Identifier: MIT
 * RFC 3339 and days in Paris. */
#include "tests/unit/cmocka_all.h"

#include "common/base/clock.h"

static void stamps_are_written_in_utc_with_milliseconds(void **state)
{
    (void)state;
    char stamp[CLOCK_STAMP_BYTES];
    assert_string_equal(clock_stamp(0, stamp), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_stamp(1795342205123, stamp), "2026-11-22T10:10:05.123Z");
}

static void stamps_are_read_as_rfc_3339_says(void **state)
{
    (void)state;
    static const struct {
        const char *stamp;
        int64_t wall_ms;
    } good[] = {
        {"2026-11-22T10:10:05.123Z", 1795342205123},
        {"2026-11-22t10:10:05z", 1795342205000},
        {"2026-11-22 11:10:05+01:00", 1795342205000},
        {"2026-11-22T05:40:05-04:30", 1795342205000},
        {"2026-11-22T10:10:05.1234567Z", 1795342205123},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"1970-01-01T00:00:00Z", 0},
    };
    static const char *const bad[] = {
        "",
        "2026-11-22",
        "2026-11-22T10:10:05",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T10:60:00Z",
        "2026-11-22T10:10:05.Z",
        "2026-11-22T10:10:05+1:00",
        "2026-11-22T10:10:05Z ",
        "26-11-22T10:10:05Z",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t wall_ms = -1;
        assert_true(clock_parse(span_of(good[i].stamp), &wall_ms));
        assert_int_equal(wall_ms, good[i].wall_ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t wall_ms = -1;
        assert_false(clock_parse(span_of(bad[i]), &wall_ms));
        assert_int_equal(wall_ms, -1);
    }
}

static void a_day_in_paris_begins_at_its_own_midnight(void **state)
{
    (void)state;
    static const struct {
        const char *utc;
        const char *day;
        const char *minute;
    } cases[] = {
        {"2026-11-21T22:59:59Z", "2026-11-21", "21/11/2026 23:59"},
        {"2026-11-21T23:00:00Z", "2026-11-22", "22/11/2026 00:00"},
        {"2026-07-14T21:59:59Z", "2026-07-14", "14/07/2026 23:59"},
        {"2026-07-14T22:00:00Z", "2026-07-15", "15/07/2026 00:00"},
        /* The clocks change on 29 March and 25 October 2026, at 01:00 UTC. */
        {"2026-03-29T00:59:59Z", "2026-03-29", "29/03/2026 01:59"},
        {"2026-03-29T01:00:00Z", "2026-03-29", "29/03/2026 03:00"},
        {"2026-10-25T00:59:59Z", "2026-10-25", "25/10/2026 02:59"},
        {"2026-10-25T01:00:00Z", "2026-10-25", "25/10/2026 02:00"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t wall_ms;
        char day[11];
        char minute[20];
        assert_true(clock_parse(span_of(cases[i].utc), &wall_ms));
        assert_string_equal(clock_paris_day(wall_ms, day), cases[i].day);
        assert_string_equal(clock_paris_minute(wall_ms, minute), cases[i].minute);
    }
}

static void a_moment_in_paris_is_said_in_french_words(void **state)
{
    (void)state;
    static const struct {
        const char *utc;
        const char *words;
    } cases[] = {
        {"2026-12-03T22:59:59Z", "jeudi 3 décembre 2026 à 23 h 59"},
        {"2026-12-03T23:00:00Z", "vendredi 4 décembre 2026 à 0 h 00"},
        {"2026-07-31T22:05:00Z", "samedi 1er août 2026 à 0 h 05"},
        {"2027-02-28T11:30:00Z", "dimanche 28 février 2027 à 12 h 30"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t wall_ms;
        char words[CLOCK_WORDS_BYTES];
        assert_true(clock_parse(span_of(cases[i].utc), &wall_ms));
        assert_string_equal(clock_paris_words(wall_ms, words), cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps_are_written_in_utc_with_milliseconds),
        cmocka_unit_test(stamps_are_read_as_rfc_3339_says),
        cmocka_unit_test(a_day_in_paris_begins_at_its_own_midnight),
        cmocka_unit_test(a_moment_in_paris_is_said_in_french_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
