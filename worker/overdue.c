/* SPDX-License-Identifier: MIT
 * Opens and closes the findings of rows that wait for Stripe. */
#include "worker/overdue.h"

#include "common/link/mariadb.h"

enum { OVERDUE_MS = 3600 * 1000 };

static enum outcome change(struct mariadb *db,
                           const char *sql,
                           const struct sql_value *values,
                           size_t count,
                           struct arena *arena,
                           int64_t *out_changed,
                           struct fault *fault);

/* The first takes the moment before which a row must have changed last. */
static const struct watch {
    const char *open;
    const char *close;
} watches[] = {
#define OPEN                                                                             \
    "INSERT INTO reconciliation_findings (kind, subject, amicale_id, amount, currency,"  \
    " detail) SELECT "
#define UNLESS_OPEN(kind)                                                                \
    " AND NOT EXISTS (SELECT 1 FROM reconciliation_findings AS known WHERE known.kind"   \
    " = '" kind "' AND known.subject = waiting.job_id AND known.is_open = 1)"            \
    " ORDER BY waiting.updated_at LIMIT 500 ON DUPLICATE KEY UPDATE kind = VALUES(kind)"
#define CLOSE(kind, table)                                                               \
    "UPDATE reconciliation_findings SET closed_at = CURRENT_TIMESTAMP(3),"               \
    " closed_by = 'worker' WHERE kind = '" kind "' AND closed_at IS NULL"                \
    " AND NOT EXISTS (SELECT 1 FROM " table " AS waiting WHERE waiting.job_id = subject" \
    " AND waiting.status = 'new')"
    {OPEN "'payment_overdue', job_id, amicale_id, amount,"
          " currency, JSON_OBJECT('reason', 'the sale has no PaymentIntent yet',"
          " 'payment_id', id) FROM payment_intents AS waiting WHERE status = 'new'"
          " AND updated_at < ? AND job_id IS NOT NULL" UNLESS_OPEN("payment_overdue"),
     CLOSE("payment_overdue", "payment_intents")},
    {OPEN "'refund_overdue', waiting.job_id,"
          " payment_intents.amicale_id, waiting.amount, waiting.currency,"
          " JSON_OBJECT('reason', 'the money has not gone back yet', 'refund_id',"
          " waiting.id, 'payment_intent', stripe_payment_intent_id)"
          " FROM refunds AS waiting JOIN payment_intents"
          " ON payment_intents.id = waiting.payment_id WHERE waiting.status = 'new'"
          " AND waiting.updated_at < ?"
          " AND waiting.job_id IS NOT NULL" UNLESS_OPEN("refund_overdue"),
     CLOSE("refund_overdue", "refunds")},
#undef OPEN
#undef UNLESS_OPEN
#undef CLOSE
};

enum outcome overdue_look(struct mariadb *db,
                          int64_t now_ms,
                          struct arena *arena,
                          struct overdue *out_overdue,
                          struct fault *fault)
{
    const struct sql_value before[] = {sql_moment(arena, now_ms - OVERDUE_MS)};
    struct overdue overdue = {.opened = 0};
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0;
         outcome == OUTCOME_DONE && i < sizeof(watches) / sizeof(watches[0]);
         i++) {
        outcome = change(db, watches[i].open, before, 1, arena, &overdue.opened, fault);
        if (outcome == OUTCOME_DONE) {
            outcome =
                change(db, watches[i].close, NULL, 0, arena, &overdue.closed, fault);
        }
    }
    if (outcome == OUTCOME_DONE) {
        *out_overdue = overdue;
    }
    return outcome;
}

/* Another worker may be looking: who is in the way comes again in a minute. */
static enum outcome change(struct mariadb *db,
                           const char *sql,
                           const struct sql_value *values,
                           size_t count,
                           struct arena *arena,
                           int64_t *out_changed,
                           struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(db, sql, values, count, arena, &rows, fault);
    if (outcome == OUTCOME_DONE) {
        *out_changed += rows.affected;
    } else if (outcome == OUTCOME_LATER && !fault->neighbour) {
        outcome = OUTCOME_DONE;
    }
    return outcome;
}
