/* SPDX-License-Identifier: MIT
 * The table of kinds, the names of jobs, and how long a job waits. */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "common/model/backoff.h"
#include "common/model/job.h"

static const struct kind example = {.name = "example",
                                    .max_attempts = 10,
                                    .base_ms = 1000,
                                    .cap_ms = 60000};

static void every_name_is_found_again(void **state)
{
    (void)state;
    for (int i = 0; i < JOB_STATE_COUNT; i++) {
        enum job_state found = JOB_READY;
        assert_true(job_state_find(span_of(job_state_name((enum job_state)i)), &found));
        assert_int_equal(found, i);
    }
    for (int i = 0; i < LANE_COUNT; i++) {
        enum job_lane found = LANE_LIVE;
        assert_true(lane_find(span_of(lane_name((enum job_lane)i)), &found));
        assert_int_equal(found, i);
    }
    for (size_t i = 0; i < kinds_count; i++) {
        assert_ptr_equal(kind_find(span_of(kinds[i].name)), &kinds[i]);
    }
    assert_null(kind_find(SPAN("no.such")));
}

static void every_kind_has_rules_that_make_sense(void **state)
{
    (void)state;
    for (size_t i = 0; i < kinds_count; i++) {
        assert_true(kinds[i].max_attempts > 0);
        assert_true(kinds[i].base_ms > 0 && kinds[i].cap_ms >= kinds[i].base_ms);
        assert_true(kinds[i].limit_ms > 0 && kinds[i].group_max >= 1);
        assert_int_not_equal(kinds[i].lane, LANE_QUARANTINE);
        assert_true(strlen(kinds[i].help) > 0);
    }
}

static void a_job_id_is_a_plain_name(void **state)
{
    (void)state;
    assert_true(job_id_is_valid(SPAN("evt_1PxYz")));
    assert_true(job_id_is_valid(SPAN("reconcile:2026-11-22T10:05")));
    assert_false(job_id_is_valid(SPAN("")));
    assert_false(job_id_is_valid(SPAN("with space")));
    assert_false(job_id_is_valid(SPAN("brace{")));
    char longest[JOB_ID_BYTES + 1];
    memset(longest, 'a', sizeof(longest));
    assert_true(job_id_is_valid((struct span){longest, JOB_ID_BYTES}));
    assert_false(job_id_is_valid((struct span){longest, JOB_ID_BYTES + 1}));
}

static void waits_spread_over_a_window_that_doubles_up_to_the_cap(void **state)
{
    (void)state;
    for (int failures = 0; failures < 40; failures++) {
        int64_t window = failures < 6 ? 1000 << failures : 60000;
        int64_t most = 0;
        int64_t sum = 0;
        for (uint64_t seed = 0; seed < 1000; seed++) {
            int64_t wait = backoff_ms(&example, failures, seed, 0);
            assert_in_range(wait, BACKOFF_LEAST_MS, window);
            most = wait > most ? wait : most;
            sum += wait;
        }
        assert_true(most > window * 9 / 10);
        assert_in_range(sum / 1000, window * 4 / 10, window * 6 / 10);
    }
}

static void retry_after_is_a_floor_and_is_spread(void **state)
{
    (void)state;
    int64_t first = backoff_ms(&example, 0, 1, 30000);
    bool differs = false;
    for (uint64_t seed = 0; seed < 100; seed++) {
        int64_t wait = backoff_ms(&example, 0, seed, 30000);
        assert_in_range(wait, 30000, 33000);
        differs = differs || wait != first;
    }
    assert_true(differs);
    assert_true(backoff_ms(&example, 0, 1, INT64_MAX) <=
                BACKOFF_RETRY_AFTER_MOST_MS * 11LL / 10);
}

static void the_seed_differs_between_jobs_and_attempts(void **state)
{
    (void)state;
    assert_int_equal(backoff_seed(SPAN("evt_1"), 0), backoff_seed(SPAN("evt_1"), 0));
    assert_int_not_equal(backoff_seed(SPAN("evt_1"), 0), backoff_seed(SPAN("evt_1"), 1));
    assert_int_not_equal(backoff_seed(SPAN("evt_1"), 0), backoff_seed(SPAN("evt_2"), 0));
}

static void deferred_jobs_come_back_soon_when_their_kind_is_paused_else_ever_later(
    void **state)
{
    (void)state;
    for (int deferrals = 0; deferrals < 200; deferrals++) {
        int64_t window = deferrals < 5 ? 2000 << deferrals : 60000;
        int64_t most = 0;
        for (uint64_t seed = 0; seed < 100; seed++) {
            assert_in_range(backoff_deferred_ms(true, deferrals, seed, 0), 500, 2000);
            int64_t wait = backoff_deferred_ms(false, deferrals, seed, 0);
            assert_in_range(wait, 500, window);
            most = wait > most ? wait : most;
        }
        assert_true(most > window * 8 / 10);
    }
    assert_in_range(backoff_deferred_ms(true, 0, 1, 30000), 30000, 33000);
    assert_in_range(backoff_deferred_ms(false, 0, 1, 30000), 30000, 33000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_found_again),
        cmocka_unit_test(every_kind_has_rules_that_make_sense),
        cmocka_unit_test(a_job_id_is_a_plain_name),
        cmocka_unit_test(waits_spread_over_a_window_that_doubles_up_to_the_cap),
        cmocka_unit_test(retry_after_is_a_floor_and_is_spread),
        cmocka_unit_test(the_seed_differs_between_jobs_and_attempts),
        cmocka_unit_test(
            deferred_jobs_come_back_soon_when_their_kind_is_paused_else_ever_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
