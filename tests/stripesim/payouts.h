/* SPDX-License-Identifier: MIT
 *
 * payouts - a connected account's money on its way to its bank.
 *
 * Owns:    nothing; payouts live in the store
 * Callers: the route table, the control endpoint
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_PAYOUTS_H
#define TESTS_STRIPESIM_PAYOUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/stripesim/object.h"
#include "tests/stripesim/store.h"

struct call;
struct sim;

enum payout_status { PAYOUT_IN_TRANSIT, PAYOUT_PAID, PAYOUT_FAILED };

struct payout {
    struct object object;
    int64_t amount;
    int64_t arrival_date;
    const char *balance_transaction;
    const char *destination;
    const char *failure_balance_transaction;
    const char *failure_code;
    const char *failure_message;
    struct store_list paid_out; /* the balance transactions of an automatic one */
    enum payout_status status;
    bool automatic;
};

/* Of a connected account (NULL: the platform's own), sent and arrived, or sent back. */
struct payout *payouts_make(struct sim *sim,
                            const char *account,
                            int64_t amount,
                            bool succeeds);

void payouts_list(struct call *call);
void payouts_retrieve(struct call *call);

#endif
