/* SPDX-License-Identifier: MIT
 * What status says of the books. */
#include "ctl/status_books.h"

#include <stdlib.h>

#include "common/base/json.h"
#include "ctl/ctl.h"
#include "ctl/show.h"

/* The figures of the books, all from indexes. */
static const char *const book_columns[] = {"unprocessed_events",
                                           "oldest_unprocessed_at",
                                           "failed_receipts",
                                           "open_disputes",
                                           "open_conflicts",
                                           "complete_until_at",
                                           "gaps_found",
                                           NULL};
static const struct section section = {"books", "books", book_columns};

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
            " (SELECT COUNT(*) FROM sync_conflicts WHERE resolved_at IS NULL),"
            " (SELECT MIN(complete_until) FROM event_cursors),"
            " (SELECT CAST(COALESCE(SUM(gaps_found), 0) AS SIGNED) FROM event_cursors)",
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
    text_addf(&ctl->out, "events     %lld not processed", (long long)sql_i64(rows, 0, 0));
    if (!sql_is_null(rows, 0, 1)) {
        struct span oldest = show_sql_moment(ctl, sql_text(rows, 0, 1));
        text_addf(&ctl->out, ", oldest of %.*s", SPAN_ARGS(oldest));
    }
    text_add_char(&ctl->out, '\n');
    if (sql_is_null(rows, 0, 5)) {
        text_add_string(&ctl->out, "complete   never compared with Stripe\n");
    } else {
        struct span until = show_sql_moment(ctl, sql_text(rows, 0, 5));
        text_addf(&ctl->out, "complete   up to %.*s\n", SPAN_ARGS(until));
    }
    text_addf(&ctl->out,
              "attention  %lld failed receipts, %lld disputes, %lld conflicts\n",
              (long long)sql_i64(rows, 0, 2),
              (long long)sql_i64(rows, 0, 3),
              (long long)sql_i64(rows, 0, 4));
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
