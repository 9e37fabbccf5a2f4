/* SPDX-License-Identifier: MIT
 * What status says of the proof of the books. */
#include "ctl/status_proof.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "ctl/ctl.h"
#include "ctl/show.h"

enum { SHOWN_CLOCKS = 5 };

enum ledger { COMPLETE_UNTIL, GAPS, HELD, NEW_LISTS, WALKED_AT, WALK_FAULT };
enum flush { BATCHES_TODAY, ITEMS_TODAY, CLOCKS_OFF };
enum clock_column { CLOCK_POMPIER, CLOCK_DEVICE, CLOCK_SKEW_MS, CLOCK_AT };

static enum outcome read_ledger(struct ctl *ctl, struct status_proof *proof);
static enum outcome read_run(struct ctl *ctl, struct status_proof *proof);
static enum outcome read_flush(struct ctl *ctl, struct status_proof *proof);
static void put_run(struct ctl *ctl,
                    struct json_writer *json,
                    const struct status_proof *proof);
static void put_clocks(struct ctl *ctl,
                       struct json_writer *json,
                       const struct status_proof *proof);
static void add_ledger(struct ctl *ctl, const struct status_proof *proof);
static void add_run(struct ctl *ctl, const struct status_proof *proof);
static void add_flush(struct ctl *ctl, const struct status_proof *proof);

enum outcome status_proof_read(struct ctl *ctl, struct status_proof *out_proof)
{
    struct status_proof proof = {.now_ms = clock_wall_ms(&clock_system)};
    enum outcome outcome = read_ledger(ctl, &proof);
    if (outcome == OUTCOME_DONE) {
        outcome = read_run(ctl, &proof);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = read_flush(ctl, &proof);
    }
    if (outcome == OUTCOME_DONE) {
        *out_proof = proof;
    }
    return outcome;
}

/* The lists of Stripe's events that are walked: the platform's, and those of accounts that
 * have not left. What was discarded or is dead is known, and is not applied: it is held. A
 * list without a moment was not walked to its end yet. */
static enum outcome read_ledger(struct ctl *ctl, struct status_proof *proof)
{
    return mariadb_run(
        ctl->db,
        "SELECT MIN(complete_until), CAST(COALESCE(SUM(gap_count), 0) AS SIGNED),"
        " (SELECT COUNT(*) FROM (SELECT job_id AS id FROM jobs_archive"
        "   WHERE kind = 'stripe.event' UNION SELECT what FROM audit_log"
        "   WHERE verb = 'discard' AND what LIKE 'evt\\_%') AS gone"
        "  LEFT JOIN stripe_events ON stripe_event_id = gone.id"
        "  WHERE processed_at IS NULL),"
        " CAST(COALESCE(SUM(complete_until IS NULL), 0) AS SIGNED)"
        "  + (SELECT COUNT(*) FROM stripe_accounts WHERE deauthorized_at IS NULL"
        "   AND stripe_account_id IS NOT NULL AND NOT EXISTS (SELECT 1"
        "    FROM event_cursors WHERE account = stripe_account_id)),"
        " MAX(walked_at), MAX(last_fault) FROM event_cursors WHERE account = ''"
        " OR NOT EXISTS (SELECT 1 FROM stripe_accounts"
        "  WHERE stripe_account_id = account AND deauthorized_at IS NOT NULL)",
        NULL,
        0,
        &ctl->arena,
        &proof->ledger,
        &ctl->fault);
}

static enum outcome read_run(struct ctl *ctl, struct status_proof *proof)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(ctl->db,
                    "SELECT COALESCE((SELECT name FROM reconciliation_runs"
                    "  WHERE plan IS NULL ORDER BY id DESC LIMIT 1), ''),"
                    " (SELECT COUNT(*) FROM reconciliation_findings"
                    "  WHERE closed_at IS NULL AND opened_run_id IS NOT NULL)",
                    NULL,
                    0,
                    &ctl->arena,
                    &rows,
                    &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        proof->run_name = sql_text(&rows, 0, 0);
        proof->run_findings = sql_i64(&rows, 0, 1);
    }
    if (outcome == OUTCOME_DONE && proof->run_name.len > 0) {
        outcome = book_run_read(ctl, proof->run_name, &proof->run);
    }
    return outcome;
}

/* Phones of the last day; each once, by the batch that was handed over last. */
static enum outcome read_flush(struct ctl *ctl, struct status_proof *proof)
{
    int64_t skew_ms = ctl->settings->sync.skew_s * 1000;
    enum outcome outcome =
        mariadb_run(ctl->db,
                    "SELECT COUNT(*), CAST(COALESCE(SUM(item_count), 0) AS SIGNED),"
                    " COUNT(DISTINCT IF(ABS(skew_ms) > ?, CONCAT(pompier_id, '/',"
                    "  COALESCE(device_id, '')), NULL)) FROM sync_batches"
                    " WHERE received_at > NOW(3) - INTERVAL 1 DAY",
                    SQL_VALUES(SQL_I64(skew_ms)),
                    &ctl->arena,
                    &proof->flush,
                    &ctl->fault);
    if (outcome == OUTCOME_DONE && sql_i64(&proof->flush, 0, CLOCKS_OFF) > 0) {
        outcome = mariadb_run(
            ctl->db,
            "SELECT pompier_id, device_id, skew_ms, received_at FROM sync_batches"
            " WHERE id IN (SELECT SUBSTRING_INDEX(GROUP_CONCAT(id ORDER BY"
            "  received_at DESC), ',', 1) FROM sync_batches"
            "  WHERE received_at > NOW(3) - INTERVAL 1 DAY AND ABS(skew_ms) > ?"
            "  GROUP BY pompier_id, device_id)"
            " ORDER BY received_at DESC LIMIT 100",
            SQL_VALUES(SQL_I64(skew_ms)),
            &ctl->arena,
            &proof->clocks,
            &ctl->fault);
    }
    return outcome;
}

void status_proof_json(struct ctl *ctl,
                       struct json_writer *json,
                       const struct status_proof *proof)
{
    const struct sql_rows *ledger = &proof->ledger;
    json_open(json, "ledger", '{');
    json_put_optional(json,
                      "complete_until_at",
                      show_sql_moment(ctl, sql_text(ledger, 0, COMPLETE_UNTIL)));
    json_put_integer(json, "gaps", sql_i64(ledger, 0, GAPS));
    json_put_integer(json, "held", sql_i64(ledger, 0, HELD));
    json_put_integer(json, "not_walked", sql_i64(ledger, 0, NEW_LISTS));
    json_put_optional(json,
                      "walked_at",
                      show_sql_moment(ctl, sql_text(ledger, 0, WALKED_AT)));
    json_put_optional(json, "fault", sql_text(ledger, 0, WALK_FAULT));
    json_close(json, '}');
    put_run(ctl, json, proof);
    json_open(json, "flush", '{');
    json_put_integer(json, "batches", sql_i64(&proof->flush, 0, BATCHES_TODAY));
    json_put_integer(json, "items", sql_i64(&proof->flush, 0, ITEMS_TODAY));
    json_put_integer(json, "clocks_off", sql_i64(&proof->flush, 0, CLOCKS_OFF));
    put_clocks(ctl, json, proof);
    json_close(json, '}');
}

static void put_run(struct ctl *ctl,
                    struct json_writer *json,
                    const struct status_proof *proof)
{
    const struct book_run *run = &proof->run;
    if (!run->known) {
        json_put_null(json, "reconciliation");
        return;
    }
    json_open(json, "reconciliation", '{');
    json_put_string(json, "run", proof->run_name);
    json_put_string(json, "state", span_of(book_run_state(run)));
    json_put_optional(json, "from", run->from_day);
    json_put_optional(json, "to", run->to_day);
    json_put_optional(json, "started_at", show_sql_moment(ctl, run->started_at));
    json_put_optional(json, "finished_at", show_sql_moment(ctl, run->finished_at));
    json_put_integer(json, "total", run->total);
    json_put_integer(json, "done", run->finished);
    json_put_integer(json, "failed", run->failed);
    json_put_integer(json, "open", proof->run_findings);
    json_put_integer(json, "opened", run->opened);
    json_put_integer(json, "closed", run->closed);
    json_close(json, '}');
}

static void put_clocks(struct ctl *ctl,
                       struct json_writer *json,
                       const struct status_proof *proof)
{
    const struct sql_rows *rows = &proof->clocks;
    json_open(json, "clocks", '[');
    for (size_t i = 0; i < rows->count; i++) {
        json_open(json, NULL, '{');
        json_put_integer(json, "pompier", sql_i64(rows, i, CLOCK_POMPIER));
        json_put_optional(json, "device", sql_text(rows, i, CLOCK_DEVICE));
        json_put_integer(json, "skew_ms", sql_i64(rows, i, CLOCK_SKEW_MS));
        json_put_string(json, "at", show_sql_moment(ctl, sql_text(rows, i, CLOCK_AT)));
        json_close(json, '}');
    }
    json_close(json, ']');
}

void status_proof_text(struct ctl *ctl, const struct status_proof *proof)
{
    add_ledger(ctl, proof);
    add_run(ctl, proof);
    add_flush(ctl, proof);
}

/* "ledger     complete up to 11:05:00, 0 gaps": on the clocks of France. */
static void add_ledger(struct ctl *ctl, const struct status_proof *proof)
{
    const struct sql_rows *rows = &proof->ledger;
    struct text *out = &ctl->out;
    int64_t held = sql_i64(rows, 0, HELD);
    int64_t new_lists = sql_i64(rows, 0, NEW_LISTS);
    struct span until = show_paris(ctl, sql_text(rows, 0, COMPLETE_UNTIL), proof->now_ms);
    text_add_string(out, "ledger     ");
    if (until.len == 0) {
        text_add_string(out, "not walked yet");
    } else {
        text_addf(out,
                  "complete up to %.*s, %lld gaps",
                  SPAN_ARGS(until),
                  (long long)sql_i64(rows, 0, GAPS));
    }
    if (held > 0) {
        text_addf(out, ", %lld held", (long long)held);
    }
    if (until.len > 0 && new_lists > 0) {
        text_addf(out, ", %lld not walked yet", (long long)new_lists);
    }
    text_add_char(out, '\n');
    if (!sql_is_null(rows, 0, WALK_FAULT)) {
        text_add_string(out, "walk       ");
        ctl_add_line(out, sql_text(rows, 0, WALK_FAULT));
        text_add_char(out, '\n');
    }
}

/* The plan's own row is no amicale. */
static void add_run(struct ctl *ctl, const struct status_proof *proof)
{
    const struct book_run *run = &proof->run;
    struct text *out = &ctl->out;
    if (!run->known) {
        text_add_string(out, "reconciled not yet\n");
        return;
    }
    struct span begun = show_paris(ctl, run->started_at, proof->now_ms);
    struct span ended = show_paris(ctl, run->finished_at, proof->now_ms);
    int64_t parts = run->finished + run->failed;
    if (parts < run->total) {
        text_addf(out,
                  "reconciled since %.*s, %lld of %lld parts",
                  SPAN_ARGS(begun),
                  (long long)parts,
                  (long long)run->total);
    } else {
        text_addf(out,
                  "reconciled %.*s, %lld amicales",
                  SPAN_ARGS(ended),
                  (long long)(run->total - 1));
    }
    if (run->failed > 0) {
        text_addf(out, ", %lld failed", (long long)run->failed);
    }
    text_addf(out, ", %lld findings\n", (long long)proof->run_findings);
    if (run->failed > 0) {
        text_addf(out,
                  "           tocsin reconcile --run %.*s\n",
                  SPAN_ARGS(proof->run_name));
    }
}

static void add_flush(struct ctl *ctl, const struct status_proof *proof)
{
    const struct sql_rows *flush = &proof->flush;
    const struct sql_rows *clocks = &proof->clocks;
    int64_t off = sql_i64(flush, 0, CLOCKS_OFF);
    text_addf(&ctl->out,
              "flushed    %lld batches, %lld sales in a day\n",
              (long long)sql_i64(flush, 0, BATCHES_TODAY),
              (long long)sql_i64(flush, 0, ITEMS_TODAY));
    if (off == 0) {
        return;
    }
    text_addf(&ctl->out, "clocks     %lld phones are off:", (long long)off);
    for (size_t i = 0; i < clocks->count && i < SHOWN_CLOCKS; i++) {
        int64_t skew_ms = sql_i64(clocks, i, CLOCK_SKEW_MS);
        struct span age = ctl_age(ctl, llabs(skew_ms));
        text_addf(&ctl->out,
                  "%s user %lld %s%.*s",
                  i > 0 ? "," : "",
                  (long long)sql_i64(clocks, i, CLOCK_POMPIER),
                  skew_ms < 0 ? "-" : "+",
                  SPAN_ARGS(age));
    }
    text_add_string(&ctl->out, clocks->count > SHOWN_CLOCKS ? " ...\n" : "\n");
}
