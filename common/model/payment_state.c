/* SPDX-License-Identifier: MIT
 * The ranks of states, and the moves that follow from them. */
#include "common/model/payment_state.h"

struct state {
    enum money_object object;
    int rank;
    const char *name;
};

static const struct state *find_state(enum money_object object, struct span name);

static const struct state states[] = {
    {MONEY_PAYMENT, -1, "new"}, /* our row, before Stripe was asked */
    {MONEY_PAYMENT, -1, "failed"}, /* and when Stripe refused to make it */
    {MONEY_PAYMENT, 0, "requires_payment_method"},
    {MONEY_PAYMENT, 0, "requires_confirmation"},
    {MONEY_PAYMENT, 0, "requires_action"},
    {MONEY_PAYMENT, 0, "requires_capture"},
    {MONEY_PAYMENT, 0, "processing"},
    {MONEY_PAYMENT, 1, "succeeded"},
    {MONEY_PAYMENT, 1, "canceled"},
    {MONEY_REFUND, -1, "new"},
    {MONEY_REFUND, 0, "pending"},
    {MONEY_REFUND, 0, "requires_action"},
    {MONEY_REFUND, 1, "succeeded"},
    {MONEY_REFUND, 1, "canceled"},
    {MONEY_REFUND, 2, "failed"},
    {MONEY_DISPUTE, 0, "warning_needs_response"},
    {MONEY_DISPUTE, 0, "warning_under_review"},
    {MONEY_DISPUTE, 0, "needs_response"},
    {MONEY_DISPUTE, 0, "under_review"},
    {MONEY_DISPUTE, 1, "warning_closed"},
    {MONEY_DISPUTE, 1, "won"},
    {MONEY_DISPUTE, 1, "lost"},
    {MONEY_PAYOUT, 0, "pending"},
    {MONEY_PAYOUT, 0, "in_transit"},
    {MONEY_PAYOUT, 1, "paid"},
    {MONEY_PAYOUT, 1, "canceled"},
    {MONEY_PAYOUT, 2, "failed"},
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
