/* SPDX-License-Identifier: MIT
 * Charges as they go to Redis, and their replies, well formed or not. */
#include "common/link/limit.h"

#include "common/link/queue.h"
#include "tests/unit/cmocka_all.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct reply integers(const int64_t *numbers, size_t count)
{
    struct reply *items = ARENA_ARRAY(&arena, struct reply, count);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct reply){.type = REPLY_INTEGER, .integer = numbers[i]};
    }
    return (struct reply){.type = REPLY_LIST, .items = items, .count = count};
}

static void a_charge_names_the_limit_and_who_in_one_key(void **state)
{
    (void)state;
    const struct limit_charge charge = {.name = SPAN("login_address"),
                                        .who = SPAN("2001:db8::/64"),
                                        .burst = 50,
                                        .period_ms = 300000,
                                        .charges = -1};
    struct command command = limit_encode(&arena, &charge);
    static const char *const wanted[] = {"EVALSHA",
                                         NULL,
                                         "1",
                                         "{tocsin}",
                                         "login_address:2001:db8::/64",
                                         "50",
                                         "300000",
                                         "-1"};
    assert_int_equal(command.count, 8);
    assert_string_equal(command.script->name, "limit");
    for (int i = 0; i < command.count; i++) {
        struct span argument = {command.args[i], command.lens[i]};
        assert_true(span_is(argument, wanted[i] ? wanted[i] : command.script->sha1));
    }
}

static void a_reply_tells_whether_and_how_much_and_when(void **state)
{
    (void)state;
    struct limit_reply decoded = {.allowed = true};
    struct fault fault;
    struct reply reply = integers((const int64_t[]){0, 0, 1500, 61000}, 4);
    assert_int_equal(limit_decode(&reply, &decoded, &fault), OUTCOME_DONE);
    assert_false(decoded.allowed);
    assert_int_equal(decoded.remaining, 0);
    assert_int_equal(decoded.retry_after_ms, 1500);
    assert_int_equal(decoded.reset_ms, 61000);
    reply = integers((const int64_t[]){1, 4, 0, 60000}, 4);
    assert_int_equal(limit_decode(&reply, &decoded, &fault), OUTCOME_DONE);
    assert_true(decoded.allowed);
    assert_int_equal(decoded.remaining, 4);
}

static void a_reply_of_another_shape_is_refused_and_writes_nothing(void **state)
{
    (void)state;
    const struct reply odd[] = {
        integers((const int64_t[]){1, 4, 0}, 3),
        integers((const int64_t[]){1, 4, 0, 1, 1}, 5),
        integers((const int64_t[]){2, 4, 0, 1}, 4),
        integers((const int64_t[]){1, -4, 0, 1}, 4),
        {.type = REPLY_INTEGER, .integer = 1},
        {.type = REPLY_NONE},
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct limit_reply decoded = {.remaining = 77};
        struct fault fault;
        assert_int_equal(limit_decode(&odd[i], &decoded, &fault), OUTCOME_NEVER);
        assert_int_equal(fault.code, QUEUE_BAD_REPLY);
        assert_int_equal(decoded.remaining, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_charge_names_the_limit_and_who_in_one_key),
        cmocka_unit_test(a_reply_tells_whether_and_how_much_and_when),
        cmocka_unit_test(a_reply_of_another_shape_is_refused_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
