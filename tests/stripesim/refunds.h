/* SPDX-License-Identifier: MIT
 *
 * refunds - money given back, wholly or in part, at times in vain.
 *
 * Up to API version 2025-03-31.basil a refund also stands for what was authorised and not
 * taken: a partial capture makes one of the rest, a cancellation one of everything. The
 * charge counts it, and charge.refunded and charge.refund.updated tell of it. Source:
 * https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow
 *
 * Owns:    nothing; refunds live in the store
 * Callers: the route table, the control endpoint, the play
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_REFUNDS_H
#define TESTS_STRIPESIM_REFUNDS_H

#include <stdint.h>

#include "tests/stripesim/balance.h"
#include "tests/stripesim/object.h"

struct call;
struct charge;
struct sim;

enum refund_status {
    REFUND_PENDING,
    REFUND_SUCCEEDED,
    REFUND_FAILED,
    REFUND_STATUS_COUNT
};

struct refund {
    struct object object;
    int64_t amount;
    struct refund *older; /* of the same charge; not shown */
    const char *balance_transaction;
    const char *charge;
    const char *currency;
    const char *failure_balance_transaction;
    const char *failure_reason;
    const char *metadata; /* JSON */
    const char *payment_intent;
    const char *reason;
    const char *reference; /* of the acquirer, once known; not shown by itself */
    const char *transfer_reversal;
    enum refund_status status;
};

/* What a refund is asked to be. */
struct refund_order {
    int64_t amount; /* at most what is left of the charge */
    const char *reason;
    const char *metadata; /* JSON */
    enum refund_status status; /* how it begins: pending or succeeded */
    bool reverse_transfer;
    bool refund_fee;
    enum booking_kind booking; /* BOOK_REFUND, or BOOK_CAPTURE_REST of a partial capture;
                                * BOOKING_KIND_COUNT: no money had moved */
};

/* What of a charge is not refunded yet. */
int64_t refunds_left(const struct charge *charge);
struct refund *refunds_make(struct sim *sim,
                            struct charge *charge,
                            const struct refund_order *order);
/* A pending one succeeds, or the acquirer's reference becomes known. */
void refunds_settle(struct sim *sim, struct refund *refund);
/* The money comes back to us: Stripe tells so days later. */
void refunds_fail(struct sim *sim, struct refund *refund, const char *reason);
const char *refunds_status_name(enum refund_status status);

void refunds_create(struct call *call);
void refunds_list(struct call *call);
void refunds_retrieve(struct call *call);
void refunds_update(struct call *call);

#endif
