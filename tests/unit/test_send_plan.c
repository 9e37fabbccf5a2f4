/* SPDX-License-Identifier: MIT
 * What is done next about an object that is to be made once: every state of the marks,
 * and everything that can come of a POST or a look. */
#include "tests/unit/cmocka_all.h"

#include "worker/send_plan.h"

#define HOUR_MS (INT64_C(3600) * 1000)
#define NOW_MS INT64_C(1764000000000)

static const struct send_times *const times = &send_times_stripe;

static void what_was_never_sent_is_marked_and_posted(void **state)
{
    (void)state;
    struct send_marks marks = {.first_sent_ms = 0, .step = 0};
    assert_int_equal(send_plan_begin(times, NOW_MS, &marks), SEND_POST);
    assert_int_equal(marks.first_sent_ms, NOW_MS);
    assert_int_equal(marks.step, 0);
}

static void a_new_key_of_a_row_that_was_refused_before_is_marked_too(void **state)
{
    (void)state;
    struct send_marks marks = {.first_sent_ms = 0, .step = 2};
    assert_int_equal(send_plan_begin(times, NOW_MS, &marks), SEND_POST);
    assert_int_equal(marks.first_sent_ms, NOW_MS);
    assert_int_equal(marks.step, 2);
}

static void another_attempt_does_what_the_marks_and_their_age_say(void **state)
{
    (void)state;
    static const struct {
        int64_t step, age_ms;
        enum send_move move;
        int64_t step_then;
        bool begins_anew;
    } cases[] = {
        /* the same key, for 23 hours */
        {0, 0, SEND_POST, 0, false},
        {0, 60 * 1000, SEND_POST, 0, false},
        {4, 23 * HOUR_MS - 1, SEND_POST, 4, false},
        /* a clock that was set back */
        {0, -5000, SEND_POST, 0, false},
        /* Stripe may forget the key soon: rest, and look */
        {0, 23 * HOUR_MS, SEND_LOOK, 1, true},
        {2, 400 * HOUR_MS, SEND_LOOK, 3, true},
        /* a rest goes on as one, however old */
        {1, 0, SEND_LOOK, 1, false},
        {1, 59999, SEND_LOOK, 1, false},
        {3, 400 * HOUR_MS, SEND_LOOK, 3, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t first_ms = NOW_MS - cases[i].age_ms;
        struct send_marks marks = {first_ms, cases[i].step};
        assert_int_equal(send_plan_begin(times, NOW_MS, &marks), cases[i].move);
        assert_int_equal(marks.step, cases[i].step_then);
        assert_int_equal(marks.first_sent_ms, cases[i].begins_anew ? NOW_MS : first_ms);
    }
}

static void what_came_of_a_post_says_whether_its_key_may_be_used_again(void **state)
{
    (void)state;
    static const struct {
        struct send_result result;
        enum send_move move;
        int64_t step_then;
        int64_t wait_least_ms, wait_most_ms;
    } cases[] = {
        {{OUTCOME_DONE, 200, false}, SEND_TAKE, 6, 0, 0},
        {{OUTCOME_NEVER, 400, false}, SEND_TAKE, 6, 0, 0},
        {{OUTCOME_NEVER, 402, false}, SEND_TAKE, 6, 0, 0},
        {{OUTCOME_NEVER, 0, false}, SEND_TAKE, 6, 0, 0},
        /* no answer, or one from before the call was worked on: the same key, soon */
        {{OUTCOME_UNSURE, 0, false}, SEND_WAIT, 6, 1, 1000},
        {{OUTCOME_UNSURE, 503, false}, SEND_WAIT, 6, 1, 1000},
        {{OUTCOME_UNSURE, 429, false}, SEND_WAIT, 6, 1, 1000},
        {{OUTCOME_LATER, 409, false}, SEND_WAIT, 6, 1, 2000},
        /* as Stripe or the governor wishes */
        {{OUTCOME_LATER, 429, false}, SEND_WAIT, 6, 0, 0},
        {{OUTCOME_LATER, 0, false}, SEND_WAIT, 6, 0, 0},
        /* what the key says now it will say for ever */
        {{OUTCOME_UNSURE, 500, false}, SEND_LOOK, 7, 0, 0},
        {{OUTCOME_NEVER, 400, true}, SEND_LOOK, 7, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct send_marks marks = {NOW_MS - 5000, 6};
        int64_t wait_ms = -1;
        assert_int_equal(send_plan_posted(&cases[i].result, NOW_MS, &marks, &wait_ms),
                         cases[i].move);
        assert_int_equal(marks.step, cases[i].step_then);
        assert_int_equal(marks.first_sent_ms,
                         cases[i].step_then == 6 ? NOW_MS - 5000 : NOW_MS);
        assert_in_range(wait_ms, cases[i].wait_least_ms, cases[i].wait_most_ms);
    }
}

static void a_rest_ends_after_a_minute_with_a_new_key(void **state)
{
    (void)state;
    struct send_marks marks = {NOW_MS, 1};
    int64_t wait_ms = -1;
    assert_int_equal(send_plan_missed(times, NOW_MS + 60000, &marks, &wait_ms),
                     SEND_POST);
    assert_int_equal(marks.step, 2);
    assert_int_equal(marks.first_sent_ms, NOW_MS + 60000);
}

static void looks_come_soon_at_first_and_never_later_than_the_end_of_the_rest(
    void **state)
{
    (void)state;
    int64_t at_ms = NOW_MS;
    int looks = 0;
    int looks_within_10_s = 0;
    for (;;) {
        struct send_marks marks = {NOW_MS, 1};
        int64_t wait_ms = 0;
        if (send_plan_missed(times, at_ms, &marks, &wait_ms) == SEND_POST) {
            break;
        }
        assert_int_equal(marks.step, 1);
        assert_int_equal(marks.first_sent_ms, NOW_MS);
        assert_true(wait_ms > 0);
        at_ms += wait_ms;
        assert_true(at_ms <= NOW_MS + 60000);
        looks++;
        looks_within_10_s += at_ms < NOW_MS + 10000;
    }
    assert_int_equal(at_ms, NOW_MS + 60000);
    assert_in_range(looks, 4, 12);
    assert_true(looks_within_10_s >= 3);
}

static void a_clock_that_was_set_back_only_makes_the_rest_longer(void **state)
{
    (void)state;
    struct send_marks marks = {NOW_MS, 1};
    int64_t wait_ms = 0;
    assert_int_equal(send_plan_missed(times, NOW_MS - 3600000, &marks, &wait_ms),
                     SEND_WAIT);
    assert_in_range(wait_ms, 1, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_never_sent_is_marked_and_posted),
        cmocka_unit_test(a_new_key_of_a_row_that_was_refused_before_is_marked_too),
        cmocka_unit_test(another_attempt_does_what_the_marks_and_their_age_say),
        cmocka_unit_test(what_came_of_a_post_says_whether_its_key_may_be_used_again),
        cmocka_unit_test(a_rest_ends_after_a_minute_with_a_new_key),
        cmocka_unit_test(
            looks_come_soon_at_first_and_never_later_than_the_end_of_the_rest),
        cmocka_unit_test(a_clock_that_was_set_back_only_makes_the_rest_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
