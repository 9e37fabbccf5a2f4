/* SPDX-License-Identifier: MIT
 * Rows of payments and refunds as JSON. */
#include "common/link/payment_row.h"

#include <assert.h>
#include <string.h>

#include "common/base/json.h"
#include "common/link/mariadb.h"

enum { MOMENT_BYTES = 32 };

static void put_id(struct json_writer *json,
                   const char *key,
                   const struct sql_rows *rows,
                   size_t row,
                   size_t column);
static void put_last_error(struct json_writer *json,
                           const struct sql_rows *rows,
                           size_t row);

void payment_row_put(struct json_writer *json, const struct sql_rows *rows, size_t row)
{
    json_put_integer(json, "id", sql_i64(rows, row, PAYMENT_ROW_ID));
    json_put_optional(json, "payment_intent_id", sql_text(rows, row, PAYMENT_ROW_INTENT));
    json_put_string(json, "status", sql_text(rows, row, PAYMENT_ROW_STATUS));
    json_put_integer(json, "amount", sql_i64(rows, row, PAYMENT_ROW_AMOUNT));
    json_put_string(json, "currency", sql_text(rows, row, PAYMENT_ROW_CURRENCY));
    json_put_integer(json, "amount_received", sql_i64(rows, row, PAYMENT_ROW_RECEIVED));
    json_put_integer(json, "amount_refunded", sql_i64(rows, row, PAYMENT_ROW_REFUNDED));
    json_put_integer(json, "application_fee", sql_i64(rows, row, PAYMENT_ROW_FEE));
    json_put_string(json, "payment_method", sql_text(rows, row, PAYMENT_ROW_METHOD));
    json_put_string(json, "capture_method", sql_text(rows, row, PAYMENT_ROW_CAPTURE));
    json_put_optional(json, "local_id", sql_text(rows, row, PAYMENT_ROW_LOCAL_ID));
    put_id(json, "pompier_id", rows, row, PAYMENT_ROW_POMPIER);
    put_id(json, "amicale_id", rows, row, PAYMENT_ROW_AMICALE);
    json_put_sql_moment(json, "sold_at", sql_text(rows, row, PAYMENT_ROW_SOLD_AT));
    json_put_sql_moment(json, "created_at", sql_text(rows, row, PAYMENT_ROW_CREATED_AT));
    put_last_error(json, rows, row);
}

void refund_row_put(struct json_writer *json, const struct sql_rows *rows, size_t row)
{
    json_put_integer(json, "id", sql_i64(rows, row, 0));
    json_put_optional(json, "refund_id", sql_text(rows, row, 1));
    json_put_integer(json, "amount", sql_i64(rows, row, 2));
    json_put_string(json, "status", sql_text(rows, row, 3));
    json_put_optional(json, "reason", sql_text(rows, row, 4));
    json_put_sql_moment(json, "created_at", sql_text(rows, row, 5));
}

void json_put_sql_moment(struct json_writer *json, const char *key, struct span moment)
{
    char stamp[MOMENT_BYTES];
    if (moment.len == 0) {
        json_put_null(json, key);
        return;
    }
    assert(moment.len > 10 && moment.len + 1 < sizeof(stamp) && moment.at[10] == ' ');
    memcpy(stamp, moment.at, moment.len);
    stamp[10] = 'T';
    stamp[moment.len] = 'Z';
    json_put_string(json, key, (struct span){stamp, moment.len + 1});
}

static void put_id(struct json_writer *json,
                   const char *key,
                   const struct sql_rows *rows,
                   size_t row,
                   size_t column)
{
    if (sql_is_null(rows, row, column)) {
        json_put_null(json, key);
    } else {
        json_put_integer(json, key, sql_i64(rows, row, column));
    }
}

/* Stripe's, of the last attempt that failed. */
static void put_last_error(struct json_writer *json,
                           const struct sql_rows *rows,
                           size_t row)
{
    if (sql_is_null(rows, row, PAYMENT_ROW_ERROR_CODE) &&
        sql_is_null(rows, row, PAYMENT_ROW_ERROR_MESSAGE)) {
        json_put_null(json, "last_error");
        return;
    }
    json_open(json, "last_error", '{');
    json_put_optional(json, "code", sql_text(rows, row, PAYMENT_ROW_ERROR_CODE));
    json_put_optional(json,
                      "decline_code",
                      sql_text(rows, row, PAYMENT_ROW_DECLINE_CODE));
    json_put_optional(json, "message", sql_text(rows, row, PAYMENT_ROW_ERROR_MESSAGE));
    json_close(json, '}');
}
