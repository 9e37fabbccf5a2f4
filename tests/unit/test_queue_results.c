/* SPDX-License-Identifier: MIT
 * How callers who wait ask for what became of their jobs. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/link/queue.h"

#define TEXT(literal)                                                                    \
    {                                                                                    \
        .type = REPLY_TEXT, .text = { "" literal, sizeof(literal) - 1 }                  \
    }
#define NUMBER(number)                                                                   \
    {                                                                                    \
        .type = REPLY_INTEGER, .integer = (number)                                       \
    }

enum { WORDS = 7 }; /* of one job in a reply */

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

static enum outcome read_words(const struct reply *words,
                               size_t word_count,
                               size_t count,
                               struct job_result *out_results)
{
    struct fault fault;
    struct reply reply = {.type = REPLY_LIST, .items = words, .count = word_count};
    return queue_read_results(&reply, count, out_results, &fault);
}

static void the_ids_are_asked_for_in_one_call(void **state)
{
    (void)state;
    const struct span ids[] = {SPAN("a:1:00"), SPAN("b:2:11")};
    struct command command =
        queue_results(&arena, (struct partition){.number = 2, .count = 3}, ids, 2);
    assert_int_equal(command.count, 6);
    assert_string_equal(command.script->name, "results");
    assert_memory_equal(command.args[3], "{tocsin:2}", command.lens[3]);
    assert_memory_equal(command.args[4], "a:1:00", command.lens[4]);
    assert_memory_equal(command.args[5], "b:2:11", command.lens[5]);
}

static void it_only_reads_so_that_a_full_or_busy_redis_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < queue_scripts_count; i++) {
        if (strcmp(queue_scripts[i].name, "results") == 0) {
            assert_int_equal(
                strncmp(queue_scripts[i].source, "#!lua flags=no-writes\n", 22),
                0);
            return;
        }
    }
    fail();
}

static void each_job_has_its_state_and_what_came_of_it(void **state)
{
    (void)state;
    /* clang-format off: one row, one job */
    const struct reply words[] = {
        TEXT("done"),
        TEXT("a"),
        TEXT(""),
        TEXT("1700000000123"),
        TEXT("\1seal"),
        NUMBER(0),
        NUMBER(0),
        TEXT(""),
        TEXT(""),
        TEXT(""),
        TEXT(""),
        TEXT(""),
        NUMBER(0),
        NUMBER(0),
        TEXT("dead"),
        TEXT("b"),
        TEXT("7"),
        TEXT("1700000000456"),
        TEXT(""),
        NUMBER(1),
        NUMBER(0),
        TEXT("done"),
        TEXT("b"),
        TEXT(""),
        TEXT("1700000000789"),
        TEXT(""),
        NUMBER(0),
        NUMBER(1),
    };
    /* clang-format on */
    struct job_result results[4];
    assert_int_equal(read_words(words, 4 * WORDS, 4, results), OUTCOME_DONE);
    assert_true(results[0].known);
    assert_int_equal(results[0].state, JOB_DONE);
    assert_int_equal(results[0].attempt, 0);
    assert_int_equal(results[0].enqueued_ms, 1700000000123);
    assert_true(span_is(results[0].kind, "a"));
    assert_true(span_is(results[0].result, "\1seal"));
    assert_false(results[0].left_out);
    assert_false(results[1].known);
    assert_true(results[2].known);
    assert_int_equal(results[2].state, JOB_DEAD);
    assert_int_equal(results[2].attempt, 7);
    assert_true(results[2].left_out);
    assert_false(results[2].discarded);
    assert_int_equal(results[3].state, JOB_DONE);
    assert_true(results[3].discarded);
}

static void replies_of_another_shape_are_refused_and_change_nothing(void **state)
{
    (void)state;
    static const struct {
        struct reply words[WORDS];
        size_t count;
    } cases[] = {
        {{TEXT("lost"), TEXT(""), TEXT(""), TEXT(""), TEXT(""), NUMBER(0), NUMBER(0)},
         WORDS},
        {{TEXT("done"), TEXT(""), TEXT("x"), TEXT(""), TEXT(""), NUMBER(0), NUMBER(0)},
         WORDS},
        {{TEXT("done"), TEXT(""), TEXT(""), TEXT(""), TEXT(""), NUMBER(0), NUMBER(2)},
         WORDS},
        {{TEXT("done"), TEXT(""), TEXT(""), TEXT(""), TEXT(""), TEXT("0"), NUMBER(0)},
         WORDS},
        {{TEXT("done"), TEXT(""), TEXT(""), TEXT(""), TEXT(""), NUMBER(0)}, WORDS - 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct job_result result = {.attempt = 42};
        assert_int_equal(read_words(cases[i].words, cases[i].count, 1, &result),
                         OUTCOME_NEVER);
        assert_int_equal(result.attempt, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ids_are_asked_for_in_one_call),
        cmocka_unit_test(it_only_reads_so_that_a_full_or_busy_redis_answers),
        cmocka_unit_test(each_job_has_its_state_and_what_came_of_it),
        cmocka_unit_test(replies_of_another_shape_are_refused_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
