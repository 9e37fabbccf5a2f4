/* SPDX-License-Identifier: MIT
 * Rows of Stripe accounts as JSON. */
#include "common/link/account_row.h"

#include <assert.h>

#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/payment_row.h"

/* Stripe's requirements have some kilobytes at most; they were bounded when they came. */
enum { STATUS_BYTES = 9 << 20 };

#define COLUMNS                                                                          \
    "stripe_account_id, COALESCE(charges_enabled, FALSE),"                               \
    " COALESCE(payouts_enabled, FALSE), COALESCE(onboarding_completed, FALSE),"          \
    " requirements, synced_at"

enum outcome account_row_find(struct mariadb *db,
                              int64_t amicale_id,
                              struct span account,
                              struct arena *arena,
                              struct sql_rows *out_rows,
                              struct fault *fault)
{
    if (account.len > 0) {
        return mariadb_run(db,
                           "SELECT amicale_id, " COLUMNS " FROM stripe_accounts"
                           " WHERE stripe_account_id = ?",
                           SQL_VALUES(SQL_SPAN(account)),
                           arena,
                           out_rows,
                           fault);
    }
    return mariadb_run(db,
                       "SELECT amicales.id, " COLUMNS " FROM amicales"
                       " LEFT JOIN stripe_accounts"
                       " ON stripe_accounts.serves_amicale_id = amicales.id"
                       " AND stripe_account_id IS NOT NULL WHERE amicales.id = ?",
                       SQL_VALUES(SQL_I64(amicale_id)),
                       arena,
                       out_rows,
                       fault);
}

void account_row_put(struct json_writer *json, const struct sql_rows *rows)
{
    if (sql_is_null(rows, 0, ACCOUNT_ROW_AMICALE)) {
        json_put_null(json, "amicale_id");
    } else {
        json_put_integer(json, "amicale_id", sql_i64(rows, 0, ACCOUNT_ROW_AMICALE));
    }
    json_put_optional(json, "stripe_account_id", sql_text(rows, 0, ACCOUNT_ROW_ACCOUNT));
    json_put_bool(json, "charges_enabled", sql_i64(rows, 0, ACCOUNT_ROW_CHARGES) == 1);
    json_put_bool(json, "payouts_enabled", sql_i64(rows, 0, ACCOUNT_ROW_PAYOUTS) == 1);
    json_put_bool(json,
                  "onboarding_completed",
                  sql_i64(rows, 0, ACCOUNT_ROW_ONBOARDED) == 1);
}

struct span account_row_status(const struct sql_rows *rows, struct arena *arena)
{
    struct text text;
    struct span requirements = sql_text(rows, 0, ACCOUNT_ROW_REQUIREMENTS);
    text_init(&text, STATUS_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    account_row_put(&json, rows);
    if (requirements.len > 0) {
        json_put_raw(&json, "requirements", requirements);
    } else {
        json_put_null(&json, "requirements");
    }
    json_put_sql_moment(&json, "synced_at", sql_text(rows, 0, ACCOUNT_ROW_SYNCED_AT));
    json_close(&json, '}');
    assert(!text.full);
    struct span status = arena_span(arena, text_span(&text));
    text_done(&text);
    return status;
}
