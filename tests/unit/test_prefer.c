/* SPDX-License-Identifier: MIT
 * What callers prefer, read from all that they may write. */
#include "api/prefer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

enum { OTHERWISE_MS = 10000 };

/* Up to three headers, then what they come to. */
static const struct {
    const char *headers[3];
    int64_t wait_ms;
    const char *applied;
} cases[] = {
    {{NULL}, OTHERWISE_MS, ""},
    {{""}, OTHERWISE_MS, ""},
    {{"wait=5"}, 5000, "wait=5"},
    {{"WAIT=5"}, 5000, "wait=5"},
    {{"  wait = 5 "}, 5000, "wait=5"},
    {{"wait=\"5\""}, 5000, "wait=5"},
    {{"wait=\"\\5\""}, 5000, "wait=5"},
    {{"wait=0"}, 0, "wait=0"},
    {{"wait=007"}, 7000, "wait=7"},
    {{"wait=25"}, 25000, "wait=25"},
    {{"wait=26"}, 25000, "wait=25"},
    {{"wait=99999999999999999999999999999"}, 25000, "wait=25"},
    {{"wait=99999999999999999999999999999999999999"}, 25000, "wait=25"},
    {{"respond-async"}, 0, "respond-async"},
    {{"Respond-Async"}, 0, "respond-async"},
    {{"respond-async=\"\""}, 0, "respond-async"},
    {{"respond-async="}, 0, "respond-async"},
    {{"respond-async; foo=bar"}, 0, "respond-async"},
    {{"respond-async, wait=3"}, 3000, "wait=3"},
    {{"wait=3, respond-async"}, 3000, "wait=3"},
    {{"wait=3", "respond-async"}, 3000, "wait=3"},
    {{"handling=lenient, wait=4; why=\"a, b\", return=minimal"}, 4000, "wait=4"},
    {{"handling=lenient", "return=minimal", "wait=4"}, 4000, "wait=4"},
    /* Of two the first counts. */
    {{"wait=3, wait=4"}, 3000, "wait=3"},
    {{"wait=3", "wait=4"}, 3000, "wait=3"},
    {{"wait=x, wait=4"}, 4000, "wait=4"},
    /* A comma or a preference inside quotes is no preference. */
    {{"mode=\"x, wait=4\""}, OTHERWISE_MS, ""},
    {{"mode=\"x\\\", wait=4\""}, OTHERWISE_MS, ""},
    {{"mode=\"x\\\\\", wait=4"}, 4000, "wait=4"},
    {{"mode; wait=4"}, OTHERWISE_MS, ""},
    /* What cannot be read is ignored, up to its comma. */
    {{"wait"}, OTHERWISE_MS, ""},
    {{"wait="}, OTHERWISE_MS, ""},
    {{"wait=\"\""}, OTHERWISE_MS, ""},
    {{"wait=-1"}, OTHERWISE_MS, ""},
    {{"wait=+1"}, OTHERWISE_MS, ""},
    {{"wait=1.5"}, OTHERWISE_MS, ""},
    {{"wait=5s"}, OTHERWISE_MS, ""},
    {{"wait=5 s"}, OTHERWISE_MS, ""},
    {{"wait=5=6"}, OTHERWISE_MS, ""},
    {{"wait:5"}, OTHERWISE_MS, ""},
    {{"wait=\"5"}, OTHERWISE_MS, ""},
    {{"wait=\"5\"x"}, OTHERWISE_MS, ""},
    {{"wait=\"5\\"}, OTHERWISE_MS, ""},
    {{"waiting=5"}, OTHERWISE_MS, ""},
    {{"await=5"}, OTHERWISE_MS, ""},
    {{"respond-async=yes"}, OTHERWISE_MS, ""},
    {{"respond-asynchronously"}, OTHERWISE_MS, ""},
    {{",,, ,wait=2,,"}, 2000, "wait=2"},
    {{"=, \", wait=2"}, OTHERWISE_MS, ""},
    {{"(, wait=2"}, 2000, "wait=2"},
    {{"\xff\xfe, wait=2"}, 2000, "wait=2"},
};

static struct prefer read_all(const char *const headers[3])
{
    struct prefer prefer = {.has_wait = false};
    for (int i = 0; i < 3 && headers[i]; i++) {
        prefer_read(&prefer, span_of(headers[i]));
    }
    return prefer;
}

static void every_way_of_writing_comes_to_a_wait(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct prefer prefer = read_all(cases[i].headers);
        int64_t wait_ms = prefer_wait_ms(&prefer, OTHERWISE_MS);
        if (wait_ms != cases[i].wait_ms) {
            fail_msg("%s: %d", cases[i].headers[0], (int)wait_ms);
        }
    }
}

static void what_was_applied_is_told_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[PREFER_APPLIED_BYTES];
        char expected[2 * PREFER_APPLIED_BYTES] = "";
        struct prefer prefer = read_all(cases[i].headers);
        struct span applied = prefer_applied(&prefer, line);
        if (cases[i].applied[0] != '\0') {
            snprintf(expected,
                     sizeof(expected),
                     "Preference-Applied: %s\r\n",
                     cases[i].applied);
        }
        if (!span_is(applied, expected)) {
            fail_msg("%s: %.*s", cases[i].headers[0], SPAN_ARGS(applied));
        }
    }
}

/* A header is read where it lies: nothing behind its end is looked at. */
static void nothing_behind_a_header_is_read(void **state)
{
    (void)state;
    static const char text[] = "wait=\"12\\\"3, respond-async=1";
    for (size_t len = 0; len <= sizeof(text) - 1; len++) {
        struct prefer prefer = {.has_wait = false};
        char *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, text, len);
        prefer_read(&prefer, (struct span){copy, len});
        free(copy);
        assert_false(prefer.respond_async);
        assert_false(prefer.has_wait);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_of_writing_comes_to_a_wait),
        cmocka_unit_test(what_was_applied_is_told_and_nothing_else),
        cmocka_unit_test(nothing_behind_a_header_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
