/* SPDX-License-Identifier: MIT
 * Who is settled next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/model/job.h"
#include "worker/attempt.h"
#include "worker/settler_line.h"

enum { MOST = 400 };

/* Attempts that are told apart by their tokens. */
struct bench {
    struct settler_line line;
    struct attempt attempts[MOST];
    int count;
};

static void add(struct bench *bench, enum job_lane lane, int times, int partition)
{
    for (int i = 0; i < times; i++) {
        struct attempt *attempt = &bench->attempts[bench->count];
        attempt->job.lane = lane;
        attempt->job.token = bench->count++;
        attempt->partition.number = partition;
        settler_line_add(&bench->line, attempt);
    }
}

/* The batch has the attempts from..from+count-1, in their order. */
static void assert_batch(const struct settler_batch *batch, int from, size_t count)
{
    assert_int_equal(batch->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(batch->attempts[i]->job.token, from + (int)i);
    }
}

static void assert_next(struct bench *bench, int from, size_t count)
{
    struct settler_batch batch = settler_line_pick(&bench->line, SETTLE_MOST);
    assert_batch(&batch, from, count);
}

static void who_waits_for_an_answer_goes_before_those_who_came_earlier(void **state)
{
    (void)state;
    static struct bench bench;
    add(&bench, LANE_SYNC, 100, 0);
    assert_next(&bench, 0, SETTLER_OTHERS_MOST);
    add(&bench, LANE_LIVE, 2, 0);
    assert_next(&bench, 100, 2);
    assert_next(&bench, SETTLER_OTHERS_MOST, SETTLER_OTHERS_MOST);
}

static void those_who_wait_for_an_answer_keep_nobody_waiting_for_ever(void **state)
{
    (void)state;
    static struct bench bench;
    add(&bench, LANE_MAIL, 2 * SETTLER_OTHERS_MOST, 0); /* 0 to 63 */
    add(&bench, LANE_LIVE, 100, 0); /* 64 to 163 */
    assert_next(&bench, 64, SETTLE_MOST);
    assert_next(&bench, 0, SETTLER_OTHERS_MOST);
    assert_next(&bench, 64 + SETTLE_MOST, 100 - SETTLE_MOST);
    assert_next(&bench, SETTLER_OTHERS_MOST, SETTLER_OTHERS_MOST);
    assert_next(&bench, 0, 0);
}

static void a_batch_that_could_not_be_sent_is_the_next_again(void **state)
{
    (void)state;
    static struct bench bench;
    add(&bench, LANE_LIVE, 1, 0);
    add(&bench, LANE_SYNC, 40, 0); /* 1 to 40 */
    struct settler_batch batch = settler_line_pick(&bench.line, SETTLE_MOST);
    assert_batch(&batch, 0, 1);
    settler_line_put_back(&bench.line, &batch);
    assert_int_equal(settler_line_count(&bench.line), 41);
    assert_next(&bench, 0, 1);
    batch = settler_line_pick(&bench.line, SETTLE_MOST);
    assert_batch(&batch, 1, SETTLER_OTHERS_MOST);
    add(&bench, LANE_LIVE, 1, 0); /* 41 */
    settler_line_put_back(&bench.line, &batch);
    assert_next(&bench, 1, SETTLER_OTHERS_MOST);
    assert_next(&bench, 41, 1);
    assert_next(&bench, 1 + SETTLER_OTHERS_MOST, 40 - SETTLER_OTHERS_MOST);
    add(&bench, LANE_SYNC, 1, 0); /* behind an empty row */
    assert_next(&bench, 42, 1);
}

static void a_batch_that_is_put_back_whole_stands_before_those_behind_it(void **state)
{
    (void)state;
    static struct bench bench;
    add(&bench, LANE_SYNC, 3, 0);
    struct settler_batch batch = settler_line_pick(&bench.line, SETTLE_MOST);
    settler_line_put_back(&bench.line, &batch);
    add(&bench, LANE_SYNC, 2, 0);
    assert_next(&bench, 0, 5);
}

static void a_batch_is_of_one_partition_and_the_others_keep_their_order(void **state)
{
    (void)state;
    static struct bench bench;
    add(&bench, LANE_SYNC, 2, 0); /* 0, 1 */
    add(&bench, LANE_SYNC, 2, 1); /* 2, 3 */
    add(&bench, LANE_SYNC, 1, 0); /* 4 */
    struct settler_batch batch = settler_line_pick(&bench.line, SETTLE_MOST);
    assert_int_equal(batch.count, 3);
    assert_int_equal(batch.attempts[2]->job.token, 4);
    add(&bench, LANE_SYNC, 1, 1); /* 5 */
    batch = settler_line_pick(&bench.line, SETTLE_MOST);
    assert_int_equal(batch.count, 3);
    assert_int_equal(batch.attempts[0]->job.token, 2);
    assert_int_equal(batch.attempts[2]->job.token, 5);
    assert_int_equal(settler_line_count(&bench.line), 0);
}

static void one_at_a_time_goes_in_the_same_order(void **state)
{
    (void)state;
    static struct bench bench;
    add(&bench, LANE_SYNC, 2, 0);
    add(&bench, LANE_LIVE, 2, 0);
    static const int64_t expected[] = {2, 0, 3, 1};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct settler_batch batch = settler_line_pick(&bench.line, 1);
        assert_int_equal(batch.count, 1);
        assert_int_equal(batch.attempts[0]->job.token, expected[i]);
    }
}

static void a_long_line_keeps_back_all_but_what_is_live(void **state)
{
    (void)state;
    static struct bench bench;
    add(&bench, LANE_SYNC, SETTLER_LINE_LONG - 1, 0);
    assert_false(settler_line_is_long(&bench.line, false));
    add(&bench, LANE_LIVE, 1, 0);
    assert_true(settler_line_is_long(&bench.line, false));
    assert_false(settler_line_is_long(&bench.line, true));
    add(&bench, LANE_LIVE, SETTLER_LINE_LONG - 1, 0);
    assert_true(settler_line_is_long(&bench.line, true));
    (void)settler_line_pick(&bench.line, SETTLE_MOST);
    assert_false(settler_line_is_long(&bench.line, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_for_an_answer_goes_before_those_who_came_earlier),
        cmocka_unit_test(those_who_wait_for_an_answer_keep_nobody_waiting_for_ever),
        cmocka_unit_test(a_batch_that_could_not_be_sent_is_the_next_again),
        cmocka_unit_test(a_batch_that_is_put_back_whole_stands_before_those_behind_it),
        cmocka_unit_test(a_batch_is_of_one_partition_and_the_others_keep_their_order),
        cmocka_unit_test(one_at_a_time_goes_in_the_same_order),
        cmocka_unit_test(a_long_line_keeps_back_all_but_what_is_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
