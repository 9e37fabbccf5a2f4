/* SPDX-License-Identifier: MIT
 * Opens and closes the findings of rows that wait for Stripe. */
#include "worker/overdue.h"

#include "common/link/mariadb.h"
#include "worker/finding.h"

enum { OVERDUE_MS = 3600 * 1000 };

struct watch;

static enum outcome open_findings(struct mariadb *db,
                                  const struct watch *watch,
                                  int64_t now_ms,
                                  struct arena *arena,
                                  struct overdue *overdue,
                                  struct fault *fault);
static enum outcome close_findings(struct mariadb *db,
                                   const struct watch *watch,
                                   struct arena *arena,
                                   struct overdue *overdue,
                                   struct fault *fault);

static const struct watch {
    const char *finding;
    const char *reason;
    const char *select; /* rows unchanged since a moment that have no open finding */
    const char *close; /* findings whose row waits no more */
} watches[] = {
#define SELECT                                                                           \
    "SELECT waiting.job_id, payment_intents.amicale_id, waiting.amount,"                 \
    " waiting.currency, waiting.id, payment_intents.id FROM "
#define UNLESS_OPEN(kind)                                                                \
    " WHERE waiting.status = 'new' AND waiting.updated_at < ?"                           \
    " AND waiting.job_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM"                      \
    " reconciliation_findings WHERE kind = '" kind "' AND subject = waiting.job_id"      \
    " AND is_open = 1) ORDER BY waiting.updated_at LIMIT 50"
#define CLOSE(kind, table)                                                               \
    "UPDATE reconciliation_findings SET closed_at = CURRENT_TIMESTAMP(3),"               \
    " closed_by = 'worker' WHERE kind = '" kind "' AND closed_at IS NULL"                \
    " AND NOT EXISTS (SELECT 1 FROM " table " AS waiting WHERE waiting.job_id = subject" \
    " AND waiting.status = 'new')"
    {"payment_overdue",
     "it has no PaymentIntent yet",
     SELECT "payment_intents AS waiting JOIN payment_intents"
            " ON payment_intents.id = waiting.id" UNLESS_OPEN("payment_overdue"),
     CLOSE("payment_overdue", "payment_intents")},
    {"refund_overdue",
     "it has not gone back yet",
     SELECT "refunds AS waiting JOIN payment_intents"
            " ON payment_intents.id = waiting.payment_id" UNLESS_OPEN("refund_overdue"),
     CLOSE("refund_overdue", "refunds")},
#undef SELECT
#undef UNLESS_OPEN
#undef CLOSE
};
enum { WATCHES = sizeof(watches) / sizeof(watches[0]), SELECTED = 50 };
_Static_assert(OVERDUE_MOST / SELECTED == WATCHES, "the statements' LIMIT");

enum outcome overdue_look(struct mariadb *db,
                          int64_t now_ms,
                          struct arena *arena,
                          struct overdue *out_overdue,
                          struct fault *fault)
{
    enum outcome outcome = OUTCOME_DONE;
    out_overdue->opened_count = 0;
    out_overdue->closed = 0;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < WATCHES; i++) {
        outcome = open_findings(db, &watches[i], now_ms, arena, out_overdue, fault);
        if (outcome == OUTCOME_DONE) {
            outcome = close_findings(db, &watches[i], arena, out_overdue, fault);
        }
    }
    return outcome;
}

static enum outcome open_findings(struct mariadb *db,
                                  const struct watch *watch,
                                  int64_t now_ms,
                                  struct arena *arena,
                                  struct overdue *overdue,
                                  struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(db,
                                       watch->select,
                                       SQL_VALUES(sql_moment(arena, now_ms - OVERDUE_MS)),
                                       arena,
                                       &rows,
                                       fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < rows.count; i++) {
        const struct finding finding = {
            .kind = watch->finding,
            .subject = sql_text(&rows, i, 0),
            .amicale_id = sql_i64(&rows, i, 1),
            .amount_minor = sql_i64(&rows, i, 2),
            .currency = sql_text(&rows, i, 3),
            .reason = arena_format(arena,
                                   "row %lld, of payment %lld: %s",
                                   (long long)sql_i64(&rows, i, 4),
                                   (long long)sql_i64(&rows, i, 5),
                                   watch->reason),
        };
        outcome = finding_open(db, &finding, arena, fault);
        if (outcome == OUTCOME_DONE) {
            overdue->opened[overdue->opened_count++] =
                (struct overdue_row){watch->finding, finding.subject, finding.reason};
        }
    }
    return outcome;
}

static enum outcome close_findings(struct mariadb *db,
                                   const struct watch *watch,
                                   struct arena *arena,
                                   struct overdue *overdue,
                                   struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(db, watch->close, NULL, 0, arena, &rows, fault);
    if (outcome == OUTCOME_DONE) {
        overdue->closed += rows.affected;
    }
    return outcome;
}
