/* SPDX-License-Identifier: MIT
 *
 * payment_row - a row of payment_intents as callers of the front door are shown it.
 *
 * Owns:    nothing; pure
 * Callers: api (reads), worker (answers)
 * Blocks:  never
 *
 * SELECT PAYMENT_ROW_COLUMNS FROM payment_intents ...; payment_row_put writes the members
 * of the JSON object, and leaves room for more of the caller's.
 */
#ifndef COMMON_LINK_PAYMENT_ROW_H
#define COMMON_LINK_PAYMENT_ROW_H

#include <stddef.h>

#include "common/base/text.h"

struct json_writer;
struct sql_rows;

#define PAYMENT_ROW_COLUMNS                                                              \
    "payment_intents.id, payment_intents.stripe_payment_intent_id,"                      \
    " payment_intents.status, payment_intents.amount, payment_intents.currency,"         \
    " payment_intents.amount_received, payment_intents.amount_refunded,"                 \
    " payment_intents.application_fee, payment_intents.payment_method,"                  \
    " payment_intents.capture_method, payment_intents.local_id,"                         \
    " payment_intents.pompier_id, payment_intents.amicale_id, payment_intents.sold_at,"  \
    " payment_intents.created_at, payment_intents.last_error_code,"                      \
    " payment_intents.last_error_decline_code, payment_intents.last_error_message"
enum {
    PAYMENT_ROW_ID,
    PAYMENT_ROW_INTENT,
    PAYMENT_ROW_STATUS,
    PAYMENT_ROW_AMOUNT,
    PAYMENT_ROW_CURRENCY,
    PAYMENT_ROW_RECEIVED,
    PAYMENT_ROW_REFUNDED,
    PAYMENT_ROW_FEE,
    PAYMENT_ROW_METHOD,
    PAYMENT_ROW_CAPTURE,
    PAYMENT_ROW_LOCAL_ID,
    PAYMENT_ROW_POMPIER,
    PAYMENT_ROW_AMICALE,
    PAYMENT_ROW_SOLD_AT,
    PAYMENT_ROW_CREATED_AT,
    PAYMENT_ROW_ERROR_CODE,
    PAYMENT_ROW_DECLINE_CODE,
    PAYMENT_ROW_ERROR_MESSAGE,
    PAYMENT_ROW_WIDTH, /* the caller's own columns begin here */
};

void payment_row_put(struct json_writer *json, const struct sql_rows *rows, size_t row);
/* A refund of it: SELECT REFUND_ROW_COLUMNS FROM refunds ... */
#define REFUND_ROW_COLUMNS                                                               \
    "refunds.id, refunds.stripe_refund_id, refunds.amount, refunds.status,"              \
    " refunds.reason, refunds.created_at"
void refund_row_put(struct json_writer *json, const struct sql_rows *rows, size_t row);

/* A DATETIME(3) as MariaDB writes it, "2026-11-22 10:05:00.123", as RFC 3339; null when
 * empty. */
void json_put_sql_moment(struct json_writer *json, const char *key, struct span moment);

#endif
