/* SPDX-License-Identifier: MIT
 * What status says of the books. */
#include "ctl/status_books.h"

#include <stdlib.h>

#include "common/base/json.h"
#include "ctl/ctl.h"
#include "ctl/show.h"

/* The figures of the books, all from indexes. What was written before Stripe was asked, and
 * is not known there for an hour, is unsent: its job is dead, or waits for Stripe. */
enum figure {
    UNPROCESSED_EVENTS,
    OLDEST_UNPROCESSED_AT,
    FAILED_RECEIPTS,
    OPEN_DISPUTES,
    NEXT_DISPUTE_DUE_AT,
    OPEN_CONFLICTS,
    COMPLETE_UNTIL_AT,
    GAPS_FOUND,
    UNSENT_PAYMENTS,
    UNSENT_REFUNDS,
    OPEN_SESSIONS,
};
static const char *const figure_names[] = {"unprocessed_events",
                                           "oldest_unprocessed_at",
                                           "failed_receipts",
                                           "open_disputes",
                                           "next_dispute_due_at",
                                           "open_conflicts",
                                           "complete_until_at",
                                           "gaps_found",
                                           "unsent_payments",
                                           "unsent_refunds",
                                           "open_sessions",
                                           NULL};
static void add_moment(struct ctl *ctl,
                       const char *before,
                       const struct sql_rows *rows,
                       enum figure figure);

static const struct section section = {"books", "books", figure_names};

enum outcome status_books_read(struct ctl *ctl, struct status_books *out_books)
{
    enum outcome outcome =
        schema_state_read(ctl->db, &ctl->arena, &out_books->schema, &ctl->fault);
    if (outcome == OUTCOME_DONE && out_books->schema.pending > 0) {
        /* The tables that are asked below may not be there yet. */
        return OUTCOME_DONE;
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(
            ctl->db,
            "SELECT"
            " (SELECT COUNT(*) FROM stripe_events WHERE processed_at IS NULL),"
            " (SELECT MIN(received_at) FROM stripe_events WHERE processed_at IS NULL),"
            " (SELECT COUNT(*) FROM receipts WHERE state = 'failed'),"
            " (SELECT COUNT(*) FROM disputes WHERE closed_at IS NULL),"
            " (SELECT MIN(evidence_due_by) FROM disputes WHERE closed_at IS NULL),"
            " (SELECT COUNT(*) FROM sync_conflicts WHERE resolved_at IS NULL),"
            " (SELECT MIN(complete_until) FROM event_cursors),"
            " (SELECT CAST(COALESCE(SUM(gaps_found), 0) AS SIGNED) FROM event_cursors),"
            " (SELECT COUNT(*) FROM payment_intents WHERE status = 'new'"
            "  AND updated_at < NOW(3) - INTERVAL 1 HOUR),"
            " (SELECT COUNT(*) FROM refunds WHERE status = 'new'"
            "  AND updated_at < NOW(3) - INTERVAL 1 HOUR),"
            " (SELECT COUNT(*) FROM sessions WHERE expires_at > NOW(3))",
            NULL,
            0,
            &ctl->arena,
            &out_books->figures,
            &ctl->fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(ctl->db,
                              "SELECT kind, COUNT(*), CAST(SUM(amount) AS SIGNED)"
                              " FROM reconciliation_findings WHERE closed_at IS NULL"
                              " GROUP BY kind ORDER BY kind",
                              NULL,
                              0,
                              &ctl->arena,
                              &out_books->findings,
                              &ctl->fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = status_proof_read(ctl, &out_books->proof);
    }
    return outcome;
}

void status_books_json(struct ctl *ctl,
                       struct json_writer *json,
                       const struct status_books *books)
{
    json_open(json, "schema", '{');
    json_put_integer(json, "version", books->schema.version);
    json_put_integer(json, "latest", books->schema.latest);
    json_put_integer(json, "pending", (int64_t)books->schema.pending);
    json_close(json, '}');
    if (books->figures.count > 0) {
        json_open(json, "findings", '[');
        for (size_t i = 0; i < books->findings.count; i++) {
            json_open(json, NULL, '{');
            json_put_string(json, "kind", sql_text(&books->findings, i, 0));
            json_put_integer(json, "count", sql_i64(&books->findings, i, 1));
            json_put_integer(json, "amount", sql_i64(&books->findings, i, 2));
            json_close(json, '}');
        }
        json_close(json, ']');
        show_row_json(ctl, json, "books", &section, &books->figures, 0);
        status_proof_json(ctl, json, &books->proof);
    }
}

void status_books_text(struct ctl *ctl, const struct status_books *books)
{
    const struct schema_state *schema = &books->schema;
    text_addf(&ctl->out,
              "schema     %lld of %lld%s\n",
              (long long)schema->version,
              (long long)schema->latest,
              schema->pending ? ": run tocsin migrate" : "");
    const struct sql_rows *rows = &books->figures;
    if (rows->count == 0) {
        return;
    }
    text_addf(&ctl->out,
              "events     %lld not processed",
              (long long)sql_i64(rows, 0, UNPROCESSED_EVENTS));
    add_moment(ctl, ", oldest of ", rows, OLDEST_UNPROCESSED_AT);
    text_add_char(&ctl->out, '\n');
    status_proof_text(ctl, &books->proof);
    text_addf(&ctl->out,
              "attention  %lld failed receipts, %lld disputes, %lld conflicts\n",
              (long long)sql_i64(rows, 0, FAILED_RECEIPTS),
              (long long)sql_i64(rows, 0, OPEN_DISPUTES),
              (long long)sql_i64(rows, 0, OPEN_CONFLICTS));
    if (!sql_is_null(rows, 0, NEXT_DISPUTE_DUE_AT)) {
        add_moment(ctl, "dispute    to be answered by ", rows, NEXT_DISPUTE_DUE_AT);
        text_add_char(&ctl->out, '\n');
    }
    if (sql_i64(rows, 0, UNSENT_PAYMENTS) + sql_i64(rows, 0, UNSENT_REFUNDS) > 0) {
        text_addf(&ctl->out,
                  "unsent     %lld payments, %lld refunds that Stripe does not know\n",
                  (long long)sql_i64(rows, 0, UNSENT_PAYMENTS),
                  (long long)sql_i64(rows, 0, UNSENT_REFUNDS));
    }
    text_addf(&ctl->out,
              "sessions   %lld open\n",
              (long long)sql_i64(rows, 0, OPEN_SESSIONS));
    for (size_t i = 0; i < books->findings.count; i++) {
        int64_t cents = sql_i64(&books->findings, i, 2);
        text_addf(&ctl->out,
                  "finding    %lld %.*s, %s%lld.%02lld at stake\n",
                  (long long)sql_i64(&books->findings, i, 1),
                  SPAN_ARGS(sql_text(&books->findings, i, 0)),
                  cents < 0 ? "-" : "",
                  (long long)llabs(cents) / 100,
                  (long long)llabs(cents) % 100);
    }
}

/* Nothing when there is none. */
static void add_moment(struct ctl *ctl,
                       const char *before,
                       const struct sql_rows *rows,
                       enum figure figure)
{
    if (!sql_is_null(rows, 0, figure)) {
        struct span moment = show_sql_moment(ctl, sql_text(rows, 0, figure));
        text_addf(&ctl->out, "%s%.*s", before, SPAN_ARGS(moment));
    }
}
