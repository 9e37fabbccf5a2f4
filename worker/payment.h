/* SPDX-License-Identifier: MIT
 *
 * payment - the rows of payments by card: their mirror, and how a new one is made.
 *
 * Owns:    nothing; works inside the caller's transaction
 * Callers: the appliers of events (event_*.c), apply
 * Blocks:  as long as MariaDB does
 * Faults:  as MariaDB's; NEVER when the PaymentIntent lacks what it must have
 *
 * Metadata says whose a payment is: amicale_id, pompier_id, local_id, and payment_id, the
 * row that was written before Stripe was asked. None of it is believed unless our tables
 * agree.
 */
#ifndef WORKER_PAYMENT_H
#define WORKER_PAYMENT_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "worker/mirror.h"

struct cJSON;
struct event_work;

enum { PAYMENT_FACTS = 15 };
/* Behind `status`, the first of the facts. */
#define PAYMENT_FACT_COLUMNS                                                             \
    "amount, currency, application_fee, amount_received, amount_capturable,"             \
    " capture_method, destination_account_id, last_error_code, last_error_decline_code," \
    " last_error_message, metadata, livemode, stripe_created, canceled_at"

/* The shown statuses of a payment that succeeded, as SQL. */
#define PAYMENT_PAID "('succeeded', 'partially_refunded', 'refunded')"

extern const struct mirror payment_mirror;
/* Its columns behind the facts. */
enum payment_column {
    PAYMENT_AMICALE = MIRROR_FIRST_FACT + PAYMENT_FACTS,
    PAYMENT_POMPIER,
    PAYMENT_CHARGE,
    PAYMENT_SUCCEEDED_AT,
    PAYMENT_HAS_ADDRESS,
};

/* The payment's row, in line with what is told of it (NULL: retrieve it), with all that
 * follows for its refunds. */
MUST_USE enum outcome payment_apply(struct event_work *work,
                                    struct span payment_intent,
                                    const struct cJSON *told,
                                    struct fault *fault);
/* The payment's row, locked; made from the retrieved PaymentIntent when there is none.
 * The ledger is told whose it is. */
MUST_USE enum outcome payment_ensure(struct event_work *work,
                                     struct span payment_intent,
                                     struct mirror_row *out_row,
                                     struct fault *fault);
/* A mirror_adopt_fn: the row that waits for this PaymentIntent. */
MUST_USE enum outcome payment_adopt(struct event_work *work,
                                    struct span id,
                                    const struct cJSON *object,
                                    const struct sql_value *facts,
                                    bool *out_adopted,
                                    struct fault *fault);
/* A mirror_make_fn: the row of a payment that has none, and whose it is. */
MUST_USE enum outcome payment_make(struct event_work *work,
                                   struct span id,
                                   const struct cJSON *object,
                                   const struct sql_value *facts,
                                   bool *out_made,
                                   struct fault *fault);

#endif
