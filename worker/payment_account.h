/* SPDX-License-Identifier: MIT
 *
 * payment_account - the Stripe account that an amicale's cards are paid to, and whether it
 * may be charged for.
 *
 * Owns:    nothing
 * Callers: handle_payment_create.c, handle_terminal_token.c, sync_card_make.c
 * Blocks:  as long as MariaDB does, and Stripe when the account must be looked at
 * Faults:  as MariaDB's and Stripe's
 */
#ifndef WORKER_PAYMENT_ACCOUNT_H
#define WORKER_PAYMENT_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct answer;
struct asked;

/* The account's id; empty when there is none that can charge: the answer says why. One
 * that could not when we last heard of it is retrieved once, and so is any with
 * `doubted`. */
MUST_USE enum outcome payment_account_find(struct asked *asked,
                                           int64_t amicale_id,
                                           bool doubted,
                                           struct span *out_account,
                                           struct answer *answer,
                                           struct fault *fault);

#endif
