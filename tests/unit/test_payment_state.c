/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/model/payment_state.h"

/* By rank, from the open states up; the shape is what the rules are made of. */
static const struct {
    enum money_object object;
    const char *ranks[3][6];
} objects[] = {
    {MONEY_PAYMENT,
     {{"requires_payment_method",
       "requires_confirmation",
       "requires_action",
       "requires_capture",
       "processing"},
      {"succeeded", "canceled"}}},
    {MONEY_REFUND,
     {{"pending", "requires_action"}, {"succeeded", "canceled"}, {"failed"}}},
    {MONEY_DISPUTE,
     {{"warning_needs_response",
       "warning_under_review",
       "needs_response",
       "under_review"},
      {"warning_closed", "won", "lost"}}},
    {MONEY_PAYOUT, {{"pending", "in_transit"}, {"paid", "canceled"}, {"failed"}}},
};
enum { OBJECTS = sizeof(objects) / sizeof(objects[0]) };

static enum state_move expected(int from_rank, int to_rank, bool same)
{
    if (from_rank != to_rank) {
        return from_rank < to_rank ? STATE_FORWARD : STATE_OLD;
    }
    return same ? STATE_SAME : STATE_RETRIEVE;
}

static void every_pair_of_states_moves_by_rank(void **state)
{
    (void)state;
    int pairs = 0;
    for (size_t o = 0; o < OBJECTS; o++) {
        for (int i = 0; i < 18; i++) {
            for (int j = 0; j < 18; j++) {
                const char *from = objects[o].ranks[i / 6][i % 6];
                const char *to = objects[o].ranks[j / 6][j % 6];
                if (!from || !to) {
                    continue;
                }
                enum state_move move = expected(i / 6, j / 6, i == j);
                assert_int_equal(
                    state_move(objects[o].object, span_of(from), span_of(to)),
                    move);
                enum state_move retrieved = move == STATE_RETRIEVE ? STATE_FORWARD : move;
                assert_int_equal(
                    state_move_retrieved(objects[o].object, span_of(from), span_of(to)),
                    retrieved);
                pairs++;
            }
        }
    }
    assert_int_equal(pairs, 49 + 25 + 49 + 25);
}

static void a_new_row_takes_whatever_is_told(void **state)
{
    (void)state;
    assert_int_equal(state_move(MONEY_PAYMENT, SPAN(""), SPAN("processing")),
                     STATE_FORWARD);
    assert_int_equal(state_move(MONEY_PAYMENT, SPAN("new"), SPAN("processing")),
                     STATE_FORWARD);
    assert_int_equal(state_move(MONEY_PAYMENT, SPAN("failed"), SPAN("succeeded")),
                     STATE_FORWARD);
    assert_int_equal(state_move(MONEY_REFUND, SPAN("new"), SPAN("pending")),
                     STATE_FORWARD);
}

static void a_state_that_stripe_does_not_have_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(state_move(MONEY_PAYMENT, SPAN("processing"), SPAN("sleeping")),
                     STATE_UNKNOWN);
    assert_int_equal(state_move(MONEY_PAYMENT, SPAN("processing"), SPAN("new")),
                     STATE_UNKNOWN);
    assert_int_equal(state_move(MONEY_PAYMENT, SPAN("processing"), SPAN("won")),
                     STATE_UNKNOWN);
    assert_int_equal(state_move_retrieved(MONEY_PAYMENT, SPAN("new"), SPAN("")),
                     STATE_UNKNOWN);
    assert_false(state_is_known(MONEY_PAYMENT, SPAN("new")));
    assert_false(state_is_known(MONEY_REFUND, SPAN("processing")));
    assert_true(state_is_known(MONEY_REFUND, SPAN("pending")));
}

static void a_row_of_another_hand_is_asked_about(void **state)
{
    (void)state;
    assert_int_equal(state_move(MONEY_PAYMENT, SPAN("voided"), SPAN("succeeded")),
                     STATE_RETRIEVE);
}

static void final_means_that_no_open_state_comes_after(void **state)
{
    (void)state;
    assert_true(state_is_final(MONEY_PAYMENT, SPAN("succeeded")));
    assert_true(state_is_final(MONEY_REFUND, SPAN("failed")));
    assert_false(state_is_final(MONEY_PAYMENT, SPAN("processing")));
    assert_false(state_is_final(MONEY_PAYMENT, SPAN("new")));
    assert_false(state_is_final(MONEY_PAYMENT, SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_states_moves_by_rank),
        cmocka_unit_test(a_new_row_takes_whatever_is_told),
        cmocka_unit_test(a_state_that_stripe_does_not_have_is_unknown),
        cmocka_unit_test(a_row_of_another_hand_is_asked_about),
        cmocka_unit_test(final_means_that_no_open_state_comes_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
