/* SPDX-License-Identifier: MIT
 * What MariaDB knows of a name: one statement a table, each part of it by an index. */
#include "ctl/books_find.h"

#include <assert.h>

#include "common/link/mariadb.h"
#include "ctl/ctl.h"

enum { MOST_KEY_PARAMETERS = 10 };

/* Columns and statement go together; the first column tells rows apart. */
struct book_row {
    struct section section;
    size_t parameters; /* how often the key stands in the statement */
    size_t for_given; /* of these, the last: only for the name that was asked for */
    const char *sql;
};

static bool is_same_row(const struct sql_value *one, const struct sql_value *other);

static const char *const archive_columns[] = {"row",
                                              "id",
                                              "kind",
                                              "lane",
                                              "tenant",
                                              "reason",
                                              "attempts",
                                              "crashes",
                                              "fault",
                                              "refs",
                                              "history",
                                              "enqueued_at",
                                              "died_at",
                                              "archived_at",
                                              NULL};
static const char *const event_columns[] = {"row",
                                            "id",
                                            "type",
                                            "endpoint",
                                            "account",
                                            "amicale",
                                            "object",
                                            "payment",
                                            "livemode",
                                            "api_version",
                                            "created_at",
                                            "received_at",
                                            "processed_at",
                                            "result",
                                            "attempts",
                                            "fault",
                                            "body_kept",
                                            NULL};
static const char *const payment_columns[] = {
    "row",        "id",           "local_id",   "method",     "status",
    "amount",     "currency",     "refunded",   "fee",        "amicale",
    "pompier",    "charge",       "error_code", "error",      "sold_at",
    "created_at", "succeeded_at", "updated_at", "last_event", NULL};
static const char *const refund_columns[] = {"row",
                                             "id",
                                             "payment",
                                             "status",
                                             "amount",
                                             "currency",
                                             "reason",
                                             "failure",
                                             "is_release",
                                             "created_at",
                                             "updated_at",
                                             "last_event",
                                             NULL};
static const char *const dispute_columns[] = {"row",
                                              "id",
                                              "payment",
                                              "status",
                                              "amount",
                                              "currency",
                                              "reason",
                                              "due_at",
                                              "closed_at",
                                              "last_event",
                                              NULL};
static const char *const payout_columns[] = {"row",
                                             "id",
                                             "account",
                                             "amicale",
                                             "status",
                                             "amount",
                                             "currency",
                                             "arrival_date",
                                             "failure_code",
                                             "failure",
                                             "last_event",
                                             NULL};
static const char *const account_columns[] = {"row",
                                              "id",
                                              "amicale",
                                              "charges_enabled",
                                              "payouts_enabled",
                                              "onboarding_completed",
                                              "deauthorized_at",
                                              "synced_at",
                                              "last_event",
                                              NULL};
static const char *const balance_columns[] = {"row",
                                              "id",
                                              "account",
                                              "type",
                                              "amount",
                                              "fee",
                                              "net",
                                              "source",
                                              "charge",
                                              "payment",
                                              "amicale",
                                              "created_at",
                                              NULL};
static const char *const batch_columns[] = {"id",
                                            "amicale",
                                            "pompier",
                                            "device",
                                            "items",
                                            "queued",
                                            "duplicate",
                                            "conflict",
                                            "rejected",
                                            "amount",
                                            "skew_ms",
                                            "received_at",
                                            NULL};
static const char *const conflict_columns[] = {"row",
                                               "kind",
                                               "amicale",
                                               "pompier",
                                               "local_id",
                                               "payment_row",
                                               "batch",
                                               "phone",
                                               "opened_at",
                                               "resolved_at",
                                               "resolved_by",
                                               "resolution",
                                               NULL};
static const char *const run_columns[] = {"row",
                                          "id",
                                          "plan",
                                          "amicale",
                                          "from_day",
                                          "to_day",
                                          "state",
                                          "checked",
                                          "opened",
                                          "closed",
                                          "totals",
                                          "fault",
                                          "started_at",
                                          "finished_at",
                                          NULL};
static const char *const receipt_columns[] = {"row",
                                              "template",
                                              "subject",
                                              "state",
                                              "number",
                                              "message_id",
                                              "attempts",
                                              "unsure_sends",
                                              "fault",
                                              "created_at",
                                              "sent_at",
                                              NULL};
static const char *const finding_columns[] = {"row",
                                              "kind",
                                              "subject",
                                              "amicale",
                                              "amount",
                                              "detail",
                                              "opened_at",
                                              "closed_at",
                                              NULL};
static const char *const audit_columns[] =
    {"row", "id", "who", "verb", "what", "why", "done_at", NULL};

/* The sale that sync:<pompier>:<local_id> names, of a row `n`; behind a / stands what was
 * told of it besides. Three parameters. */
#define NAMED_SALE                                                                       \
    "n.pompier_id = IF(? LIKE 'sync:%:_%', CAST(SUBSTRING_INDEX(SUBSTRING_INDEX(?,"      \
    " ':', 2), ':', -1) AS UNSIGNED), NULL) AND n.local_id = SUBSTRING_INDEX("           \
    "REGEXP_REPLACE(?, '^sync:[0-9]+:', ''), '/', 1)"
/* Without whose it is, it is looked for with each user: local_id has no index alone. */
#define LOCAL_SALE "s ON s.pompier_id = u.id AND s.local_id = ? LIMIT 50"
#define OF_USERS "SELECT s.id FROM users u STRAIGHT_JOIN "

static const struct book_row books[BOOK_COUNT] = {
    [BOOK_ARCHIVE] =
        {{"archive", "archived", archive_columns},
         2,
         0,
         "SELECT a.id, job_id, kind, lane, tenant, reason, attempts, crashes, last_fault,"
         " refs, history, enqueued_at, died_at, archived_at FROM jobs_archive a JOIN ("
         " SELECT id FROM jobs_archive WHERE job_id = ?"
         " UNION (SELECT id FROM jobs_archive FORCE INDEX (refs)"
         " WHERE INSTR(CONCAT(' ', refs, ' '), CONCAT(' ', ?, ' ')) > 0 LIMIT 50)"
         ") f ON f.id = a.id ORDER BY died_at DESC LIMIT 50"},
    [BOOK_EVENTS] =
        {{"events", "event", event_columns},
         4,
         0,
         "SELECT e.id, stripe_event_id, type, endpoint, account, amicale_id, object_id,"
         " stripe_payment_intent_id, livemode, api_version, stripe_created, received_at,"
         " processed_at, result, attempts, last_fault, sealed_body IS NOT NULL"
         " FROM stripe_events e JOIN ("
         " SELECT id FROM stripe_events WHERE stripe_event_id = ?"
         " UNION (SELECT id FROM stripe_events WHERE object_id = ?"
         " ORDER BY id DESC LIMIT 50)"
         " UNION (SELECT id FROM stripe_events WHERE stripe_payment_intent_id = ?"
         " ORDER BY id DESC LIMIT 50)"
         " UNION (SELECT id FROM stripe_events WHERE account = ?"
         " ORDER BY stripe_created DESC LIMIT 20)"
         ") f ON f.id = e.id ORDER BY received_at LIMIT 50"},
    [BOOK_PAYMENTS] =
        {{"payments", "payment", payment_columns},
         10,
         2,
         "SELECT p.id, p.stripe_payment_intent_id, p.local_id, p.payment_method,"
         " p.status, p.amount, p.currency, p.amount_refunded, p.application_fee,"
         " p.amicale_id, p.pompier_id, p.stripe_charge_id, p.last_error_code,"
         " p.last_error_message, p.sold_at, p.created_at, p.succeeded_at, p.updated_at,"
         " p.last_event_id FROM payment_intents p JOIN ("
         " SELECT id FROM payment_intents WHERE stripe_payment_intent_id = ?"
         " UNION SELECT id FROM payment_intents WHERE stripe_charge_id = ?"
         " UNION SELECT payment_id FROM refunds WHERE stripe_refund_id = ?"
         " UNION SELECT id FROM payment_intents WHERE ? LIKE 'payment:_%'"
         " AND id = CAST(SUBSTRING(?, 9) AS UNSIGNED)"
         " UNION SELECT n.id FROM payment_intents n WHERE " NAMED_SALE " UNION (" OF_USERS
         "payment_intents " LOCAL_SALE ")"
         " UNION (SELECT id FROM payment_intents WHERE sync_batch_id = ? LIMIT 50)"
         ") f ON f.id = p.id ORDER BY p.id LIMIT 50"},
    [BOOK_REFUNDS] =
        {{"refunds", "refund", refund_columns},
         2,
         0,
         "SELECT r.id, r.stripe_refund_id, p.stripe_payment_intent_id, r.status,"
         " r.amount, r.currency, r.reason, r.failure_reason, r.is_release, r.created_at,"
         " r.updated_at, r.last_event_id FROM refunds r"
         " JOIN payment_intents p ON p.id = r.payment_id"
         " JOIN (SELECT id FROM refunds WHERE stripe_refund_id = ?"
         " UNION SELECT x.id FROM refunds x JOIN payment_intents y"
         " ON y.id = x.payment_id WHERE y.stripe_payment_intent_id = ?"
         ") f ON f.id = r.id ORDER BY r.id LIMIT 50"},
    [BOOK_DISPUTES] =
        {{"disputes", "dispute", dispute_columns},
         2,
         0,
         "SELECT d.id, d.stripe_dispute_id, p.stripe_payment_intent_id, d.status,"
         " d.amount, d.currency, d.reason, d.evidence_due_by, d.closed_at,"
         " d.last_event_id FROM disputes d"
         " LEFT JOIN payment_intents p ON p.id = d.payment_id"
         " JOIN (SELECT id FROM disputes WHERE stripe_dispute_id = ?"
         " UNION SELECT x.id FROM disputes x JOIN payment_intents y"
         " ON y.id = x.payment_id WHERE y.stripe_payment_intent_id = ?"
         ") f ON f.id = d.id ORDER BY d.id LIMIT 50"},
    [BOOK_PAYOUTS] =
        {{"payouts", "payout", payout_columns},
         1,
         0,
         "SELECT id, stripe_payout_id, account, amicale_id, status, amount, currency,"
         " arrival_date, failure_code, failure_message, last_event_id FROM payouts"
         " WHERE stripe_payout_id = ?"},
    [BOOK_BALANCE] =
        {{"balance_transactions", "balance transaction", balance_columns},
         4,
         0,
         "SELECT b.id, stripe_balance_transaction_id, account, type, amount, fee, net,"
         " source_id, stripe_charge_id, stripe_payment_intent_id, amicale_id,"
         " stripe_created FROM balance_transactions b JOIN ("
         " SELECT id FROM balance_transactions WHERE stripe_balance_transaction_id = ?"
         " UNION SELECT id FROM balance_transactions WHERE source_id = ?"
         " UNION SELECT id FROM balance_transactions WHERE stripe_charge_id = ?"
         " UNION SELECT id FROM balance_transactions WHERE stripe_payment_intent_id = ?"
         ") f ON f.id = b.id ORDER BY stripe_created, b.id LIMIT 50"},
    [BOOK_ACCOUNTS] =
        {{"accounts", "account", account_columns},
         1,
         0,
         "SELECT id, stripe_account_id, amicale_id, charges_enabled, payouts_enabled,"
         " onboarding_completed, deauthorized_at, synced_at, last_event_id"
         " FROM stripe_accounts WHERE stripe_account_id = ?"},
    [BOOK_RECEIPTS] =
        {{"receipts", "receipt", receipt_columns},
         1,
         0,
         "SELECT id, template, subject, state, number, message_id, attempts,"
         " unsure_sends, last_fault, created_at, sent_at FROM receipts"
         " WHERE subject = ? ORDER BY id LIMIT 50"},
    [BOOK_BATCHES] =
        {{"batches", "batch", batch_columns},
         1,
         0,
         "SELECT id, amicale_id, pompier_id, device_id, item_count, queued_count,"
         " duplicate_count, conflict_count, rejected_count, amount_total, skew_ms,"
         " received_at FROM sync_batches WHERE id = ?"},
    [BOOK_CONFLICTS] =
        {{"conflicts", "conflict", conflict_columns},
         5,
         1,
         "SELECT c.id, kind, amicale_id, pompier_id, local_id, payment_id,"
         " sync_batch_id, given, opened_at, resolved_at, resolved_by, resolution"
         " FROM sync_conflicts c JOIN ("
         " SELECT o.id FROM sync_conflicts o JOIN payment_intents p"
         " ON p.id = o.payment_id WHERE p.stripe_payment_intent_id = ?"
         " UNION SELECT n.id FROM sync_conflicts n WHERE " NAMED_SALE " UNION (" OF_USERS
         "sync_conflicts " LOCAL_SALE ")"
         ") f ON f.id = c.id ORDER BY c.id LIMIT 50"},
    [BOOK_RUNS] =
        {{"runs", "run", run_columns},
         1,
         0,
         "SELECT id, name, plan, amicale_id, from_day, to_day, state, checked_count,"
         " opened_count, closed_count, totals, last_fault, started_at, finished_at"
         " FROM reconciliation_runs WHERE name = ?"},
    [BOOK_FINDINGS] =
        {{"findings", "finding", finding_columns},
         1,
         0,
         "SELECT id, kind, subject, amicale_id, amount, detail, opened_at, closed_at"
         " FROM reconciliation_findings WHERE subject = ? ORDER BY id DESC LIMIT 50"},
    [BOOK_AUDIT] = {{"audit", "audit", audit_columns},
                    2,
                    0,
                    "SELECT id, job_id, who, verb, what, why, at FROM audit_log"
                    " WHERE what = ? OR job_id = ? ORDER BY at LIMIT 50"},
};

const struct section *books_section(enum book book)
{
    return &books[book].section;
}

enum outcome books_find(struct ctl *ctl,
                        enum book book,
                        struct span key,
                        bool is_given,
                        struct found *found)
{
    const struct book_row *row = &books[book];
    struct sql_value values[MOST_KEY_PARAMETERS];
    assert(row->parameters <= MOST_KEY_PARAMETERS);
    for (size_t i = 0; i < row->parameters; i++) {
        bool left_out = !is_given && i + row->for_given >= row->parameters;
        values[i] = left_out ? SQL_NOTHING : SQL_SPAN(key);
    }
    struct sql_rows *rows = ARENA_NEW(&ctl->arena, struct sql_rows);
    enum outcome outcome = mariadb_run(ctl->db,
                                       row->sql,
                                       values,
                                       row->parameters,
                                       &ctl->arena,
                                       rows,
                                       &ctl->fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    for (size_t i = 0; i < rows->count && found->count[book] < BOOK_MOST_ROWS; i++) {
        bool seen = false;
        for (size_t j = 0; j < found->count[book]; j++) {
            seen =
                seen || is_same_row(sql_at(found->rows[book][j], found->at[book][j], 0),
                                    sql_at(rows, i, 0));
        }
        if (!seen) {
            found->rows[book][found->count[book]] = rows;
            found->at[book][found->count[book]++] = i;
        }
    }
    return OUTCOME_DONE;
}

static bool is_same_row(const struct sql_value *one, const struct sql_value *other)
{
    return one->type == SQL_TEXT ? span_equal(one->text, other->text)
                                 : one->integer == other->integer;
}
