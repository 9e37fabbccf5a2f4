/* SPDX-License-Identifier: MIT
 * Looks at due rows, oldest first, and erases those that nothing needs any more. */
#include "worker/erase.h"

#include <assert.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "worker/payment.h"

enum { PIECE = 1000, PIECE_BYTES = 32 * 1024 }; /* an id has 20 digits at most */

static enum outcome select_due(struct mariadb *db,
                               const struct erase_place *place,
                               const struct settings *settings,
                               int64_t now_ms,
                               struct arena *arena,
                               const struct erase_progress *progress,
                               struct sql_rows *out_rows,
                               struct fault *fault);
static struct span unneeded(const struct sql_rows *rows, struct arena *arena);

/* The columns of a place's `select`. */
enum column { ID, SINCE, IS_NEEDED };

/* clang-format off */
/* Values: since, since and id of the row looked at last; now, months, days. */
#define SELECT(table, since, needed, kinds)                                              \
    "SELECT " table ".id, CAST(" since " AS CHAR), " needed " FROM " table               \
    " FORCE INDEX (" since ") WHERE " since " >= ? AND (" since " > ? OR " table         \
    ".id > ?) AND " since " <= CAST(? AS DATETIME(3)) - INTERVAL ? MONTH - INTERVAL ?"   \
    " DAY" kinds " ORDER BY " since ", " table ".id LIMIT 1000"
#define UPDATE(table, sets, needed)                                                      \
    "UPDATE " table " JOIN JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) AS due"    \
    " ON due.id = " table ".id SET " sets " WHERE NOT " needed

#define IS_THERE(rows) "EXISTS (SELECT 1 FROM " rows ")"
#define DISCARDED(job) IS_THERE("audit_log WHERE what = " job " AND verb = 'discard'")
#define DISPUTED(payment)                                                                \
    IS_THERE("disputes WHERE disputes.payment_id = " payment " AND closed_at IS NULL")

/* A message that will be sent, or of which a person decides. */
#define OWED                                                                             \
    "(receipts.state IN ('waiting', 'sending') AND NOT "                                 \
    DISCARDED("CONCAT('receipt:', receipts.subject)")                                    \
    " OR receipts.state = 'unsure' AND "                                                 \
    IS_THERE("reconciliation_findings AS unsure WHERE unsure.kind = 'receipt_unsure'"    \
             " AND unsure.subject = receipts.subject AND unsure.is_open = 1") ")"
#define RECEIPT_NEEDED "(" OWED " OR " DISPUTED("receipts.payment_id") ")"

/* Money that is on its way brings a receipt, and a refund a notice, which may have to
 * wait for a mail server. A payment that nobody finished brings nothing. */
#define ADDRESS_NEEDED                                                                   \
    "(payment_intents.status IN ('processing', 'requires_capture')"                      \
    " OR COALESCE(payment_intents.collect_until > CURRENT_TIMESTAMP(3), FALSE)"          \
    " OR " DISPUTED("payment_intents.id")                                                \
    " OR " IS_THERE("refunds WHERE refunds.payment_id = payment_intents.id"              \
                    " AND (refunds.status IN ('new', 'pending', 'requires_action')"      \
                    " OR refunds.updated_at > CURRENT_TIMESTAMP(3) - INTERVAL 30 DAY)")  \
    " OR " IS_THERE("receipts WHERE receipts.payment_id = payment_intents.id AND " OWED) \
    " OR payment_intents.status IN " PAYMENT_PAID " AND NOT "                            \
    IS_THERE("receipts WHERE receipts.payment_id = payment_intents.id"                   \
             " AND receipts.template = 'receipt'")                                       \
    " AND NOT "                                                                          \
    DISCARDED("CONCAT('receipt:', COALESCE(payment_intents.stripe_payment_intent_id,"    \
              " CONCAT('payment:', payment_intents.id)))") ")"

/* A job of catch-up may be named evt_.../catchup. */
#define BODY_NEEDED                                                                      \
    "(stripe_events.processed_at IS NULL AND NOT "                                       \
    DISCARDED("stripe_events.stripe_event_id") " AND NOT "                               \
    DISCARDED("CONCAT(stripe_events.stripe_event_id, '/catchup')") ")"
#define DEAD_BODY_NEEDED                                                                 \
    "(NOT "                                                                              \
    IS_THERE("stripe_events WHERE stripe_events.stripe_event_id ="                       \
             " SUBSTRING_INDEX(jobs_archive.job_id, '/', 1)"                             \
             " AND stripe_events.processed_at IS NOT NULL")                              \
    " AND NOT " DISCARDED("jobs_archive.job_id") ")"

/* sync:<pompier>:<local_id>, with what tells it from its like behind a slash. */
#define POMPIER_OF_JOB                                                                   \
    "CAST(SUBSTRING_INDEX(SUBSTRING_INDEX(jobs_archive.job_id, ':', 2), ':', -1)"        \
    " AS SIGNED)"
#define LOCAL_ID_OF_JOB                                                                  \
    "SUBSTRING_INDEX(SUBSTRING(jobs_archive.job_id,"                                     \
    " LOCATE(':', jobs_archive.job_id, 6) + 1), '/', 1)"
#define DEAD_PAYLOAD_NEEDED                                                              \
    "(jobs_archive.kind IN ('sync.sale', 'sync.card') AND NOT "                          \
    IS_THERE("payment_intents WHERE pompier_id = " POMPIER_OF_JOB                        \
             " AND local_id = " LOCAL_ID_OF_JOB)                                         \
    " AND NOT " DISCARDED("jobs_archive.job_id") ")"
#define ERASE_PAYLOAD "jobs_archive.sealed_payload = NULL"

/* The kinds that the last row leaves out have nothing personal in their payloads. */
const struct erase_place erase_places[] = {
    {ERASE_ADDRESSES, ERASE_AFTER_MONTHS,
     SELECT("payment_intents", "address_since", ADDRESS_NEEDED, ""),
     UPDATE("payment_intents", "payment_intents.receipt_email_encrypted = NULL,"
            " payment_intents.receipt_email_erase_at = NULL,"
            " payment_intents.updated_at = payment_intents.updated_at", ADDRESS_NEEDED)},
    {ERASE_RECEIPTS, ERASE_AFTER_MONTHS,
     SELECT("receipts", "address_since", RECEIPT_NEEDED, ""),
     UPDATE("receipts", "receipts.sealed_to = NULL, receipts.to_erase_at = NULL,"
            " receipts.updated_at = receipts.updated_at", RECEIPT_NEEDED)},
    {ERASE_BODIES, ERASE_AFTER_DAYS,
     SELECT("stripe_events", "body_since", BODY_NEEDED, ""),
     UPDATE("stripe_events", "stripe_events.sealed_body = NULL,"
            " stripe_events.body_erase_at = NULL", BODY_NEEDED)},
    {ERASE_PAYLOADS, ERASE_AFTER_DAYS,
     SELECT("jobs_archive", "payload_since", DEAD_BODY_NEEDED,
            " AND jobs_archive.kind = 'stripe.event'"),
     UPDATE("jobs_archive", ERASE_PAYLOAD, DEAD_BODY_NEEDED)},
    {ERASE_PAYLOADS, ERASE_AT_ONCE, /* it holds a password */
     SELECT("jobs_archive", "payload_since", "FALSE",
            " AND jobs_archive.kind = 'session.login'"),
     UPDATE("jobs_archive", ERASE_PAYLOAD, "FALSE")},
    {ERASE_PAYLOADS, ERASE_AFTER_MONTHS,
     SELECT("jobs_archive", "payload_since", DEAD_PAYLOAD_NEEDED,
            " AND jobs_archive.kind NOT IN ('stripe.event', 'session.login',"
            " 'receipt.send', 'dispute.tell', 'audit.write')"),
     UPDATE("jobs_archive", ERASE_PAYLOAD, DEAD_PAYLOAD_NEEDED)},
};
/* clang-format on */
const size_t erase_places_count = sizeof(erase_places) / sizeof(erase_places[0]);

enum outcome erase_piece(struct mariadb *db,
                         const struct erase_place *place,
                         const struct settings *settings,
                         int64_t now_ms,
                         struct arena *arena,
                         struct erase_progress *progress,
                         struct fault *fault)
{
    struct sql_rows due;
    struct sql_rows erased = {.affected = 0};
    enum outcome outcome =
        select_due(db, place, settings, now_ms, arena, progress, &due, fault);
    if (outcome == OUTCOME_DONE && due.count > 0) {
        outcome = mariadb_run(db,
                              place->update,
                              SQL_VALUES(SQL_SPAN(unneeded(&due, arena))),
                              arena,
                              &erased,
                              fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    for (size_t i = 0; i < due.count; i++) {
        progress->needed += sql_i64(&due, i, IS_NEEDED);
    }
    progress->erased += erased.affected;
    progress->ended = due.count < PIECE;
    if (!progress->ended) {
        struct span since = sql_text(&due, due.count - 1, SINCE);
        assert(since.len < ERASE_MOMENT_BYTES);
        memcpy(progress->since, since.at, since.len);
        progress->since[since.len] = '\0';
        progress->id = sql_i64(&due, due.count - 1, ID);
    }
    return OUTCOME_DONE;
}

static enum outcome select_due(struct mariadb *db,
                               const struct erase_place *place,
                               const struct settings *settings,
                               int64_t now_ms,
                               struct arena *arena,
                               const struct erase_progress *progress,
                               struct sql_rows *out_rows,
                               struct fault *fault)
{
    bool months = place->age == ERASE_AFTER_MONTHS;
    bool days = place->age == ERASE_AFTER_DAYS;
    struct sql_value since = progress->since[0] != '\0'
                                 ? SQL_STRING(progress->since)
                                 : SQL_STRING("1970-01-01 00:00:00.000");
    return mariadb_run(
        db,
        place->select,
        SQL_VALUES(since,
                   since,
                   SQL_I64(progress->id),
                   sql_moment(arena, now_ms),
                   SQL_I64(months ? settings->books.address_keep_months : 0),
                   SQL_I64(days ? settings->books.body_keep_days : 0)),
        arena,
        out_rows,
        fault);
}

/* The update looks once more: what became needed meanwhile stays. */
static struct span unneeded(const struct sql_rows *rows, struct arena *arena)
{
    struct text ids;
    text_init(&ids, PIECE_BYTES);
    struct json_writer json = json_writer(&ids);
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < rows->count; i++) {
        if (sql_i64(rows, i, IS_NEEDED) == 0) {
            json_put_integer(&json, NULL, sql_i64(rows, i, ID));
        }
    }
    json_close(&json, ']');
    assert(!ids.full);
    struct span array = arena_span(arena, text_span(&ids));
    text_done(&ids);
    return array;
}
