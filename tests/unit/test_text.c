/* SPDX-License-Identifier: MIT
 * Spans, growing texts, faults and arenas. */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "common/base/arena.h"
#include "common/base/fault.h"

static void numbers_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t number;
    } cases[] = {
        {"0", true, 0},
        {"-12", true, -12},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {"1 ", false, 0},
        {"0x10", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t number = 77;
        assert_int_equal(span_to_i64(span_of(cases[i].text), &number), cases[i].good);
        assert_int_equal(number, cases[i].good ? cases[i].number : 77);
    }
}

static void utf8_is_checked_as_rfc_3629_says(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "caf\xC3\xA9",
                                       "\xE2\x82\xAC",
                                       "\xF0\x9F\x94\x94"};
    static const char *const bad[] = {
        "\xC3", /* cut */
        "\xC0\x80", /* overlong */
        "\xE0\x80\x80", /* overlong */
        "\xED\xA0\x80", /* surrogate */
        "\xF4\x90\x80\x80", /* beyond U+10FFFF */
        "\x80", /* lone continuation */
        "\xFF",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(span_is_utf8(span_of(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(span_is_utf8(span_of(bad[i])));
    }
    assert_false(span_is_utf8((struct span){"a\0b", 3}));
}

static void a_word_is_the_same_in_any_case_and_as_a_whole(void **state)
{
    (void)state;
    assert_true(span_is_any_case(SPAN("Keep-ALIVE"), "keep-alive"));
    assert_true(span_is_any_case((struct span){NULL, 0}, ""));
    assert_false(span_is_any_case((struct span){NULL, 0}, "close"));
    assert_false(span_is_any_case(SPAN("closed"), "close"));
    assert_false(span_is_any_case(SPAN("clos"), "close"));
}

static void a_span_is_cut_at_its_separator(void **state)
{
    (void)state;
    struct span rest;
    assert_span(span_cut(SPAN("a=b=c"), '=', &rest), "a");
    assert_span(rest, "b=c");
    assert_span(span_cut(SPAN("abc"), '=', &rest), "abc");
    assert_span(rest, "");
    assert_span(span_cut(SPAN(""), '=', &rest), "");
    assert_span(span_trim(SPAN(" \t a b \t")), "a b");
}

static void a_text_stops_at_its_ceiling_and_says_so(void **state)
{
    (void)state;
    struct text text;
    text_init(&text, 5);
    text_add_string(&text, "abc");
    assert_false(text.full);
    text_add_string(&text, "def");
    assert_true(text.full);
    assert_span(text_span(&text), "abcde");
    assert_null(text_grow(&text, 1));
    text_clear(&text);
    assert_false(text.full);
    text_addf(&text, "%d", 123456);
    assert_true(text.full);
    assert_span(text_span(&text), "12345");
    text_done(&text);
    text_done(&text);
}

static void a_long_format_arrives_whole(void **state)
{
    (void)state;
    struct text text;
    char long_string[1000];
    memset(long_string, 'x', sizeof(long_string) - 1);
    long_string[sizeof(long_string) - 1] = '\0';
    text_init(&text, 5000);
    text_addf(&text, "<%s>", long_string);
    assert_int_equal(text.len, 1001);
    assert_int_equal(text.at[1000], '>');
    text_done(&text);
}

static void a_fault_is_cut_between_characters(void **state)
{
    (void)state;
    struct fault fault = {.retry_after_ms = 7, .neighbour = "stripe"};
    char longest[400];
    memset(longest, 'e', sizeof(longest));
    /* The two bytes of the accent stand across the cut. */
    memcpy(longest + FAULT_TEXT_BYTES - 2, "\xC3\xA9", 2);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(fault_set(&fault, OUTCOME_LATER, "test", 3, "%s", longest),
                     OUTCOME_LATER);
    assert_int_equal(strlen(fault.text), FAULT_TEXT_BYTES - 2);
    assert_true(span_is_utf8(span_of(fault.text)));
    assert_int_equal(fault.retry_after_ms, 0);
    assert_null(fault.neighbour);
    fault_set(&fault, OUTCOME_NEVER, "test", 4, "again: %.20s\n", fault.text);
    assert_string_equal(fault.text, "again: eeeeeeeeeeeeeeeeeeee ");
}

static void an_arena_gives_zeroed_pieces_and_takes_them_back(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (int round = 0; round < 3; round++) {
        char *first = arena_take(&arena, 100);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(first[i], 0);
        }
        memset(first, 'x', 100);
        char *large = arena_take(&arena, 200000);
        memset(large, 'y', 200000);
        assert_string_equal(arena_copy(&arena, SPAN("hello")), "hello");
        assert_string_equal(arena_format(&arena, "%d-%s", 5, "a"), "5-a");
        arena_reset(&arena);
        assert_true(arena.held_bytes <= ARENA_BLOCK_BYTES);
    }
    arena_done(&arena);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
        cmocka_unit_test(utf8_is_checked_as_rfc_3629_says),
        cmocka_unit_test(a_word_is_the_same_in_any_case_and_as_a_whole),
        cmocka_unit_test(a_span_is_cut_at_its_separator),
        cmocka_unit_test(a_text_stops_at_its_ceiling_and_says_so),
        cmocka_unit_test(a_long_format_arrives_whole),
        cmocka_unit_test(a_fault_is_cut_between_characters),
        cmocka_unit_test(an_arena_gives_zeroed_pieces_and_takes_them_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
