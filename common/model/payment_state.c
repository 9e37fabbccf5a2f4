/* SPDX-License-Identifier: MIT
 * The ranks of states, and the moves that follow from them. */
#include "common/model/payment_state.h"

#include <assert.h>

struct state {
    enum money_object object;
    const char *name;
    int rank;
};

static const struct state *find_state(enum money_object object, struct span name);

static const struct state states[] = {
    {MONEY_PAYMENT, "new", -1}, /* our row, before Stripe was asked */
    {MONEY_PAYMENT, "failed", -1}, /* and when Stripe refused to make it */
    {MONEY_PAYMENT, "requires_payment_method", 0},
    {MONEY_PAYMENT, "requires_confirmation", 0},
    {MONEY_PAYMENT, "requires_action", 0},
    {MONEY_PAYMENT, "requires_capture", 0},
    {MONEY_PAYMENT, "processing", 0},
    {MONEY_PAYMENT, "succeeded", 1},
    {MONEY_PAYMENT, "canceled", 1},
    {MONEY_REFUND, "new", -1},
    {MONEY_REFUND, "pending", 0},
    {MONEY_REFUND, "requires_action", 0},
    {MONEY_REFUND, "succeeded", 1},
    {MONEY_REFUND, "canceled", 1},
    {MONEY_REFUND, "failed", 2},
    {MONEY_DISPUTE, "warning_needs_response", 0},
    {MONEY_DISPUTE, "warning_under_review", 0},
    {MONEY_DISPUTE, "needs_response", 0},
    {MONEY_DISPUTE, "under_review", 0},
    {MONEY_DISPUTE, "warning_closed", 1},
    {MONEY_DISPUTE, "won", 1},
    {MONEY_DISPUTE, "lost", 1},
    {MONEY_PAYOUT, "pending", 0},
    {MONEY_PAYOUT, "in_transit", 0},
    {MONEY_PAYOUT, "paid", 1},
    {MONEY_PAYOUT, "canceled", 1},
    {MONEY_PAYOUT, "failed", 2},
};

enum state_move state_move(enum money_object object, struct span row, struct span told)
{
    const struct state *to = find_state(object, told);
    if (!to || to->rank < 0) {
        return STATE_UNKNOWN;
    }
    if (row.len == 0) {
        return STATE_FORWARD;
    }
    const struct state *from = find_state(object, row);
    if (!from) {
        return STATE_RETRIEVE; /* a row of another hand: Stripe says what it should be */
    }
    if (from == to) {
        return STATE_SAME;
    }
    if (from->rank == to->rank) {
        return STATE_RETRIEVE;
    }
    return from->rank < to->rank ? STATE_FORWARD : STATE_OLD;
}

enum state_move state_move_retrieved(enum money_object object,
                                     struct span row,
                                     struct span told)
{
    enum state_move move = state_move(object, row, told);
    return move == STATE_RETRIEVE ? STATE_FORWARD : move;
}

bool state_is_known(enum money_object object, struct span state)
{
    const struct state *found = find_state(object, state);
    return found && found->rank >= 0;
}

bool state_is_final(enum money_object object, struct span state)
{
    const struct state *found = find_state(object, state);
    return found && found->rank > 0;
}

static const struct state *find_state(enum money_object object, struct span name)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (states[i].object == object && span_is(name, states[i].name)) {
            return &states[i];
        }
    }
    return NULL;
}

struct span payment_shown_status(struct span own_state,
                                 int64_t received_minor,
                                 int64_t refunded_minor)
{
    assert(refunded_minor >= 0);
    if (!span_is(own_state, "succeeded") || refunded_minor == 0) {
        return own_state;
    }
    return refunded_minor >= received_minor ? SPAN("refunded")
                                            : SPAN("partially_refunded");
}

struct span payment_own_state(struct span shown_status)
{
    if (span_is(shown_status, "refunded") ||
        span_is(shown_status, "partially_refunded")) {
        return SPAN("succeeded");
    }
    return shown_status;
}
