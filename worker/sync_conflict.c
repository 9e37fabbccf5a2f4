/* SPDX-License-Identifier: MIT
 * Writes what phones gave under a name that has another content. */
#include "worker/sync_conflict.h"

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/model/sale.h"
#include "worker/handlers.h"
#include "worker/sync_rows.h"

enum { GIVEN_BYTES = 2048 };

static struct span write_given(const struct sale *sale, struct arena *arena);

const char *sync_conflict_kind(const struct sale *sale, const struct sync_row *row)
{
    if (!span_is(row->method, sale_method_name(sale->method))) {
        return "other_method";
    }
    if (!span_is(row->currency, "eur")) {
        return "other_currency";
    }
    return row->amount_minor != sale->amount_minor ? "other_amount" : NULL;
}

enum outcome sync_conflict_open(struct handling *handling,
                                const struct sale *sale,
                                const char *kind,
                                int64_t payment_id,
                                struct fault *fault)
{
    const struct sql_value values[] = {
        SQL_I64(sale->amicale_id),
        SQL_I64(sale->pompier_id),
        SQL_SPAN(sale->local_id),
        SQL_SPAN(sale_fingerprint(sale, handling->ring, handling->arena)),
        SQL_SPAN(sale->intent.len > 0 ? sale->intent : SPAN("")),
        payment_id != 0 ? SQL_I64(payment_id) : SQL_NOTHING,
        sql_optional(sale->batch_id),
        SQL_STRING(kind),
        SQL_SPAN(write_given(sale, handling->arena)),
    };
    enum outcome outcome =
        mariadb_run(handling->db,
                    "INSERT INTO sync_conflicts (amicale_id, pompier_id, local_id,"
                    " given_mac, given_intent, payment_id, sync_batch_id, kind, given)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    " ON DUPLICATE KEY UPDATE"
                    " kind = IF(payment_id IS NULL, VALUES(kind), kind),"
                    " payment_id = COALESCE(payment_id, VALUES(payment_id))",
                    values,
                    sizeof(values) / sizeof(values[0]),
                    handling->arena,
                    NULL,
                    fault);
    return sync_rows_blame(outcome, fault);
}

/* What the phone said, for people: the buyer's address is not part of it. */
static struct span write_given(const struct sale *sale, struct arena *arena)
{
    char stamp[CLOCK_STAMP_BYTES];
    struct text given;
    text_init(&given, GIVEN_BYTES);
    struct json_writer json = json_writer(&given);
    json_open(&json, NULL, '{');
    json_put_integer(&json, "amount", sale->amount_minor);
    json_put_string(&json, "payment_method", span_of(sale_method_name(sale->method)));
    json_put_string(&json, "created_at", span_of(clock_stamp(sale->sold_ms, stamp)));
    json_put_optional(&json, "stripe_payment_intent_id", sale->intent);
    json_put_optional(&json, "device_id", sale->device_id);
    json_put_string(&json, "received_at", span_of(clock_stamp(sale->received_ms, stamp)));
    json_close(&json, '}');
    struct span written = arena_span(arena, text_span(&given));
    text_done(&given);
    return written;
}

enum outcome sync_conflict_claim(struct handling *handling,
                                 const struct sale *sale,
                                 const struct sync_row *row,
                                 struct fault *fault)
{
    return mariadb_run(
        handling->db,
        "UPDATE sync_conflicts SET payment_id = ?,"
        " kind = CASE WHEN kind NOT IN ('other_amount', 'other_method') THEN kind"
        " WHEN JSON_VALUE(given, '$.payment_method') = ? THEN 'other_amount'"
        " ELSE 'other_method' END WHERE pompier_id = ? AND local_id = ? AND payment_id "
        "IS NULL"
        " AND given_mac <> ?",
        SQL_VALUES(SQL_I64(row->payment_id),
                   SQL_SPAN(row->method),
                   SQL_I64(sale->pompier_id),
                   SQL_SPAN(sale->local_id),
                   SQL_SPAN(sale_fingerprint(sale, handling->ring, handling->arena))),
        handling->arena,
        NULL,
        fault);
}
