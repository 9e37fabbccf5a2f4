/* SPDX-License-Identifier: MIT
 *
 * transfers - what a destination charge moves on to a connected account, the fee that the
 * platform keeps, and what refunds take back of both.
 *
 * Owns:    nothing; all of them live in the store
 * Callers: payments.c and refunds.c make them, the route table shows them
 * Blocks:  never
 * Units:   amounts in the currency's minor unit
 *
 * Stripe tells of them by events of their own (transfer.created and so on), of which the
 * simulator sends application_fee.refunded alone.
 */
#ifndef TESTS_STRIPESIM_TRANSFERS_H
#define TESTS_STRIPESIM_TRANSFERS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/stripesim/object.h"

struct call;
struct charge;
struct refund;
struct sim;

struct transfer_reversal {
    struct object object;
    int64_t amount;
    const char *balance_transaction;
    const char *currency;
    const char *destination_payment_refund;
    const char *source_refund;
    const char *transfer;
    struct transfer_reversal *older; /* of the same transfer */
};

struct transfer {
    struct object object;
    int64_t amount;
    int64_t amount_reversed;
    const char *balance_transaction;
    const char *currency;
    const char *destination;
    const char *destination_payment;
    const char *source_transaction; /* the charge */
    const char *transfer_group;
    struct transfer_reversal *newest;
    bool reversed; /* all of it */
};

struct fee_refund {
    struct object object;
    int64_t amount;
    const char *balance_transaction;
    const char *currency;
    const char *fee;
    struct fee_refund *older; /* of the same fee */
};

struct application_fee {
    struct object object;
    int64_t amount;
    int64_t amount_refunded;
    const char *payer; /* the connected account */
    const char *balance_transaction;
    const char *charge; /* of a destination charge: the account's payment, py_ */
    const char *originating; /* and the charge that it came from */
    const char *currency;
    struct fee_refund *newest;
    bool refunded; /* all of it */
};

/* Once the charge is captured: moves its money on, and keeps the platform's fee. */
void transfers_make(struct sim *sim, struct charge *charge);
/* Takes back, of the transfer or of the fee, the share that the refund is of what was
 * captured. The first returns the reversal's id, the second tells so by an event. */
const char *transfers_reverse(struct sim *sim,
                              const struct charge *charge,
                              const struct refund *refund);
void transfers_refund_fee(struct sim *sim,
                          const struct charge *charge,
                          const struct refund *refund);

void transfers_list(struct call *call);
void transfers_retrieve(struct call *call);
void transfers_list_fees(struct call *call);
void transfers_retrieve_fee(struct call *call);
void transfers_list_reversals(struct call *call);
void transfers_retrieve_reversal(struct call *call);
void transfers_list_fee_refunds(struct call *call);
void transfers_retrieve_fee_refund(struct call *call);

#endif
