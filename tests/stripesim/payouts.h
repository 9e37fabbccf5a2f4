/* SPDX-License-Identifier: MIT
 *
 * payouts - the money of a balance on its way to its bank.
 *
 * Owns:    nothing; payouts live in the store
 * Callers: the route table, the control endpoint
 * Blocks:  never
 *
 * An automatic payout takes everything that its balance has and no automatic one took
 * before, and is known to consist of just that; one by hand takes an amount. A payout is
 * pending, then in transit, then paid, and may fail at any time, paid or not: Stripe
 * tells so up to five days later. What fails or is canceled comes back to the balance.
 */
#ifndef TESTS_STRIPESIM_PAYOUTS_H
#define TESTS_STRIPESIM_PAYOUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"
#include "tests/stripesim/object.h"
#include "tests/stripesim/store.h"

struct call;
struct sim;

enum payout_status {
    PAYOUT_PENDING,
    PAYOUT_IN_TRANSIT,
    PAYOUT_PAID,
    PAYOUT_FAILED,
    PAYOUT_CANCELED,
    PAYOUT_STATUS_COUNT
};

struct payout {
    struct object object;
    int64_t amount;
    int64_t arrival_date;
    const char *balance_transaction;
    const char *currency;
    const char *description;
    const char *destination;
    const char *failure_balance_transaction;
    const char *failure_code;
    const char *failure_message;
    const char *metadata; /* JSON */
    const char *method;
    const char *statement_descriptor;
    struct store_list paid_out; /* the balance transactions of an automatic one */
    enum payout_status status;
    bool automatic;
};

/* What a payout by hand is asked to be; strings of the store. */
struct payout_order {
    const char *account; /* NULL: the platform's own */
    const char *currency;
    const char *description;
    const char *metadata; /* JSON */
    const char *method;
    const char *statement_descriptor;
    int64_t amount;
};

/* Pending. The first returns NULL when there is nothing to pay out, or less. */
struct payout *payouts_make_automatic(struct sim *sim,
                                      const char *account,
                                      const char *currency);
struct payout *payouts_make(struct sim *sim, const struct payout_order *order);
/* To that state, with its events; nothing when it is there. False: there is no way from
 * its own. `failure` is Stripe's code, for PAYOUT_FAILED alone. */
bool payouts_move(struct sim *sim,
                  struct payout *payout,
                  enum payout_status status,
                  const char *failure);
/* False: no such word. */
bool payouts_status(struct span word, enum payout_status *out_status);

void payouts_create(struct call *call);
void payouts_list(struct call *call);
void payouts_retrieve(struct call *call);
void payouts_cancel(struct call *call);

#endif
