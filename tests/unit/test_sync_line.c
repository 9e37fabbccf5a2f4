/* SPDX-License-Identifier: MIT
 * Turns of flushes. Redis is played here: jobs are kept until the test answers them. */
#include "api/sync_line.h"

#include <stdlib.h>

#include <event2/event.h>

#include "api/ingest.h"
#include "tests/unit/cmocka_all.h"

enum { KEPT = 4096 };

static struct event_base *base;
static struct sync_line *line;
static struct {
    ingest_answer_fn answer;
    void *context;
} kept[KEPT]; /* what is on its way, oldest first */
static size_t kept_count;
static size_t most_kept;
static bool is_away; /* Redis: it refuses from within */

/* Stands in for api/ingest.c. */
void ingest_add(struct ingest *ingest,
                const struct job_new *job,
                ingest_answer_fn answer,
                void *context)
{
    (void)ingest;
    (void)job;
    if (is_away) {
        struct fault fault;
        (void)fault_set(&fault, OUTCOME_LATER, "redis", 7, "away");
        answer(context, OUTCOME_LATER, ENQUEUE_NEW, &fault);
        return;
    }
    assert_true(kept_count < KEPT);
    kept[kept_count].answer = answer;
    kept[kept_count++].context = context;
    most_kept = kept_count > most_kept ? kept_count : most_kept;
}

struct told {
    struct sync_flush flush;
    int times;
    enum outcome outcome;
    int code;
};

static void on_done(void *context, enum outcome outcome, const struct fault *fault)
{
    struct told *told = context;
    told->times++;
    told->outcome = outcome;
    told->code = outcome == OUTCOME_DONE ? 0 : fault->code;
}

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    line = sync_line_open(base, NULL);
    kept_count = 0;
    most_kept = 0;
    is_away = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sync_line_close(line);
    event_base_free(base);
    return 0;
}

static void turn(void)
{
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static void add(struct told *told, size_t count)
{
    *told = (struct told){.flush = {.jobs = calloc(count, sizeof(struct sync_job)),
                                    .count = count,
                                    .done = on_done,
                                    .context = told}};
    assert_non_null(told->flush.jobs);
    sync_line_add(line, &told->flush);
}

/* The oldest so many. */
static void answer(size_t count, enum outcome outcome)
{
    struct fault fault;
    (void)fault_set(&fault, OUTCOME_LATER, "redis", 9, "late");
    assert_true(count <= kept_count);
    for (size_t i = 0; i < count; i++) {
        kept[i].answer(kept[i].context, outcome, ENQUEUE_KNOWN, &fault);
    }
    for (size_t i = count; i < kept_count; i++) {
        kept[i - count] = kept[i];
    }
    kept_count -= count;
}

static void a_flush_goes_a_few_at_a_time_and_is_told_once(void **state)
{
    (void)state;
    struct told told;
    add(&told, 1000);
    assert_int_equal(kept_count, 0); /* never from within */
    turn();
    while (told.times == 0) {
        assert_true(kept_count > 0);
        answer(1, OUTCOME_DONE);
        turn();
    }
    assert_int_equal(told.times, 1);
    assert_int_equal(told.outcome, OUTCOME_DONE);
    assert_int_equal(kept_count, 0);
    assert_true(most_kept <= SYNC_LINE_MOST);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(told.flush.jobs[i].verdict, ENQUEUE_KNOWN);
    }
    free(told.flush.jobs);
}

static void a_small_one_need_not_wait_for_a_large_one(void **state)
{
    (void)state;
    struct told large;
    struct told small;
    add(&large, 1000);
    turn();
    add(&small, SYNC_LINE_TURN);
    size_t answered = 0;
    while (small.times == 0) {
        answer(SYNC_LINE_TURN, OUTCOME_DONE);
        answered += SYNC_LINE_TURN;
        turn();
    }
    assert_true(answered <= (size_t)2 * SYNC_LINE_MOST + SYNC_LINE_TURN);
    assert_int_equal(large.times, 0);
    while (large.times == 0) {
        answer(kept_count, OUTCOME_DONE);
        turn();
    }
    free(large.flush.jobs);
    free(small.flush.jobs);
}

static void of_a_flush_that_fails_nothing_more_is_sent(void **state)
{
    (void)state;
    struct told told;
    add(&told, 1000);
    turn();
    size_t sent = kept_count;
    answer(1, OUTCOME_UNSURE);
    turn();
    assert_int_equal(told.times, 0); /* what is on its way has its own answers */
    answer(kept_count, OUTCOME_DONE);
    turn();
    assert_int_equal(kept_count, 0);
    assert_int_equal(told.times, 1);
    assert_int_equal(told.outcome, OUTCOME_UNSURE);
    assert_int_equal(told.code, 9);
    assert_true(most_kept == sent);
    free(told.flush.jobs);
}

static void without_redis_all_are_told_at_once(void **state)
{
    (void)state;
    struct told told[5];
    is_away = true;
    for (size_t i = 0; i < 5; i++) {
        add(&told[i], 1 + i * 50);
    }
    for (int i = 0; i < 20; i++) {
        turn();
    }
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(told[i].times, 1);
        assert_int_equal(told[i].outcome, OUTCOME_LATER);
        assert_int_equal(told[i].code, 7);
        free(told[i].flush.jobs);
    }
}

static void those_who_wait_at_the_end_are_told_so(void **state)
{
    (void)state;
    struct told first;
    struct told second;
    add(&first, 200);
    add(&second, 200);
    turn();
    answer(kept_count, OUTCOME_UNSURE); /* as closing Redis does */
    sync_line_close(line);
    assert_int_equal(first.times, 1);
    assert_int_equal(second.times, 1);
    assert_int_not_equal(first.outcome, OUTCOME_DONE);
    assert_int_not_equal(second.outcome, OUTCOME_DONE);
    free(first.flush.jobs);
    free(second.flush.jobs);
    line = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flush_goes_a_few_at_a_time_and_is_told_once,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_small_one_need_not_wait_for_a_large_one,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(of_a_flush_that_fails_nothing_more_is_sent,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_redis_all_are_told_at_once,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(those_who_wait_at_the_end_are_told_so,
                                        set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
