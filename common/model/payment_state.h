/* SPDX-License-Identifier: MIT
 *
 * payment_state - the states of Stripe's money objects, and which news is news.
 *
 * Owns:    nothing; pure rules
 * Callers: worker, tests
 * Blocks:  never
 *
 * Events arrive in any order, some twice, and `created` has whole seconds, so it does not
 * order them. What orders them is the life of the object: each state has a rank, and an
 * object only ever climbs.
 *
 *             rank 0 (open)                           rank 1               rank 2
 *   payment   requires_payment_method, _confirmation, succeeded, canceled
 *             _action, _capture, processing
 *   refund    pending, requires_action                succeeded, canceled  failed
 *   dispute   warning_needs_response, needs_response, won, lost,
 *             warning_under_review, under_review      warning_closed
 *   payout    pending, in_transit                     paid, canceled       failed
 *
 * A higher rank is a step forward and is taken as it stands; a lower one is old news. Two
 * states of one rank say nothing about their order: the object is retrieved. (A refund
 * that succeeded, and a payout that was paid, can still fail days later.) A row of ours
 * that Stripe was not asked about yet is `new` and below all ranks.
 */
#ifndef COMMON_MODEL_PAYMENT_STATE_H
#define COMMON_MODEL_PAYMENT_STATE_H

#include <stdbool.h>

#include "common/base/text.h"

/* The objects whose state moves. */
enum money_object { MONEY_PAYMENT, MONEY_REFUND, MONEY_DISPUTE, MONEY_PAYOUT };

/* What to do about a state that is told, beside the one that the row holds. */
enum state_move {
    STATE_SAME, /* nothing to move */
    STATE_FORWARD, /* take it */
    STATE_OLD, /* leave the row as it is */
    STATE_RETRIEVE, /* ask Stripe: neither is known to be the later one */
    STATE_UNKNOWN, /* no state of this version: ask, and report when Stripe says so too */
};

/* `told` by an event. The row's own state may be empty (a new row): everything is
 * forward. */
enum state_move state_move(enum money_object object, struct span row, struct span told);
/* `told` by Stripe's answer to a retrieval: as state_move, but between states of one rank
 * the answer is right. Never STATE_RETRIEVE. */
enum state_move state_move_retrieved(enum money_object object,
                                     struct span row,
                                     struct span told);
/* Whether the state is one of Stripe's for the object, and whether it is of rank 1 or
 * more. */
bool state_is_known(enum money_object object, struct span state);
bool state_is_final(enum money_object object, struct span state);

#endif
