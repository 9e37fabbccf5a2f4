/* SPDX-License-Identifier: MIT
 *
 * payment_ask - what the jobs asked for about one payment share: which payment is meant,
 * and how it is shown.
 *
 * Owns:    nothing
 * Callers: handle_payment_<verb>.c
 * Blocks:  as long as MariaDB does; payment_ask_retrieve as long as Stripe does
 * Faults:  as MariaDB's and Stripe's
 */
#ifndef WORKER_PAYMENT_ASK_H
#define WORKER_PAYMENT_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/mariadb.h"

struct answer;
struct asked;
struct cJSON;

/* The columns that payment_ask_find and payment_ask_lock read. */
enum payment_ask_column {
    PAYMENT_ASK_ID,
    PAYMENT_ASK_INTENT,
    PAYMENT_ASK_AMICALE,
    PAYMENT_ASK_POMPIER,
    PAYMENT_ASK_STATUS,
    PAYMENT_ASK_METHOD,
    PAYMENT_ASK_AMOUNT,
    PAYMENT_ASK_CURRENCY,
    PAYMENT_ASK_RECEIVED,
    PAYMENT_ASK_CAPTURABLE,
    PAYMENT_ASK_FEE,
    PAYMENT_ASK_DESTINATION,
    PAYMENT_ASK_VOIDED_BY,
    PAYMENT_ASK_VOID_REASON,
};

/* The row that the body's "payment" names, a PaymentIntent's id or our row's. When there
 * is none, or it is not the asker's to touch, rows->count is 0 and the answer says
 * NOT_FOUND. */
MUST_USE enum outcome payment_ask_find(struct asked *asked,
                                       struct answer *answer,
                                       struct sql_rows *out_rows,
                                       struct fault *fault);
/* The same row by our own number, for jobs that nobody asked for. */
MUST_USE enum outcome payment_ask_get(struct asked *asked,
                                      int64_t payment_id,
                                      struct sql_rows *out_rows,
                                      struct fault *fault);
/* The same row, locked, inside the caller's transaction. */
MUST_USE enum outcome payment_ask_lock(struct asked *asked,
                                       int64_t payment_id,
                                       struct sql_rows *out_rows,
                                       struct fault *fault);

/* The PaymentIntent as Stripe has it: yours, json_free. NULL when Stripe refused to show
 * it: the answer says so. */
MUST_USE enum outcome payment_ask_retrieve(struct asked *asked,
                                           struct span payment_intent,
                                           struct cJSON **out_intent,
                                           struct answer *answer,
                                           struct fault *fault);

/* The payment as its row now is. */
MUST_USE enum outcome payment_ask_show(struct asked *asked,
                                       int64_t payment_id,
                                       struct answer *answer,
                                       struct fault *fault);
/* The same, with the secret that the phone's SDK needs. */
MUST_USE enum outcome payment_ask_show_secret(struct asked *asked,
                                              int64_t payment_id,
                                              struct span client_secret,
                                              struct answer *answer,
                                              struct fault *fault);
/* WRONG_STATE, with the status that it is in and how it is paid: cash has no capture, a card
 * no void. */
void payment_ask_wrong_state(struct asked *asked,
                             struct answer *answer,
                             struct span status,
                             struct span method);

#endif
