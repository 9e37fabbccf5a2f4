/* SPDX-License-Identifier: MIT
 * Keeps the rows of reconciliations. */
#include "worker/books_run.h"

#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/event_types.h"
#include "worker/handlers.h"

/* As long as a plan takes at most, and its runs with it: who has been on their way for
 * longer is not waited for, since nobody may be left that could end it. */
enum { WAITED_FOR_S = 2 * 3600 };

static enum outcome take_turn(struct handling *handling,
                              struct span name,
                              bool *out_waits,
                              struct fault *fault);
static enum outcome make_plan(struct handling *handling,
                              const struct books_run *run,
                              bool waits,
                              struct fault *fault);
static enum outcome give_turn(struct handling *handling,
                              enum outcome outcome,
                              struct fault *fault);
static enum outcome read_run(struct handling *handling,
                             struct span name,
                             bool waits,
                             struct books_run *run,
                             struct fault *fault);
static bool is_last_attempt(const struct handling *handling,
                            enum outcome outcome,
                            const struct fault *why);

enum outcome books_run_plan(struct handling *handling,
                            struct books_run *run,
                            struct fault *fault)
{
    struct span name = run->name;
    bool waits = false;
    enum outcome outcome = take_turn(handling, name, &waits, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = make_plan(handling, run, waits, fault);
    }
    outcome = give_turn(handling, outcome, fault);
    return outcome == OUTCOME_DONE ? read_run(handling, name, waits, run, fault)
                                   : outcome;
}

/* Runs of different plans would compare what the other one copies at the moment, so one
 * plan is on its way at a time. One that was not waited for any longer waits in its turn.
 * Who may begin is decided by one after another: by who has the rows that say until when
 * the books may be compared. */
static enum outcome take_turn(struct handling *handling,
                              struct span name,
                              bool *out_waits,
                              struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_begin(handling->db, fault);
    if (outcome == OUTCOME_DONE) {
        outcome =
            mariadb_run(handling->db,
                        "SELECT walk FROM event_cursors WHERE account = '' FOR UPDATE",
                        NULL,
                        0,
                        handling->arena,
                        &rows,
                        fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(
            handling->db,
            "SELECT COUNT(*) FROM reconciliation_runs WHERE state = 'running'"
            " AND compared_until IS NOT NULL"
            " AND started_at > CURRENT_TIMESTAMP(3) - INTERVAL ? SECOND"
            " AND COALESCE(plan, name) <>"
            " COALESCE((SELECT plan FROM reconciliation_runs WHERE name = ?), ?)",
            SQL_VALUES(SQL_I64(WAITED_FOR_S), SQL_SPAN(name), SQL_SPAN(name)),
            handling->arena,
            &rows,
            fault);
    }
    if (outcome == OUTCOME_DONE) {
        *out_waits = sql_i64(&rows, 0, 0) > 0;
    }
    return outcome;
}

/* Until when the books are compared is decided once: everything that both sides know for
 * sure. What catch-up has not looked at yet may be missing, as may what is on its way.
 * Before each of the platform's walks has come to its first end nothing is known, and the
 * run waits. One that had ended takes its turn again. */
static enum outcome make_plan(struct handling *handling,
                              const struct books_run *run,
                              bool waits,
                              struct fault *fault)
{
    return mariadb_run(
        handling->db,
        "INSERT INTO reconciliation_runs (name, from_day, to_day, compared_until)"
        " SELECT ?, ?, ?, IF(?, NULL, LEAST(CURRENT_TIMESTAMP(3) - INTERVAL ? SECOND,"
        " (SELECT IF(COUNT(complete_until) < GREATEST(COUNT(*), ?), NULL,"
        " MIN(complete_until)) FROM event_cursors WHERE account = '')))"
        " ON DUPLICATE KEY UPDATE checked_count = 0, compared_until = IF(?, NULL,"
        " COALESCE(IF(state = 'running', reconciliation_runs.compared_until, NULL),"
        " VALUES(compared_until))), state = 'running',"
        " started_at = CURRENT_TIMESTAMP(3), finished_at = NULL, last_fault = NULL",
        SQL_VALUES(SQL_SPAN(run->name),
                   SQL_SPAN(run->from_day),
                   SQL_SPAN(run->to_day),
                   SQL_I64(waits),
                   SQL_I64(handling->settings->books.margin_s),
                   SQL_I64(EVENT_WALK_COUNT),
                   SQL_I64(waits)),
        handling->arena,
        NULL,
        fault);
}

static enum outcome give_turn(struct handling *handling,
                              enum outcome outcome,
                              struct fault *fault)
{
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(handling->db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(handling->db);
    }
    return outcome;
}

enum outcome books_run_children(struct handling *handling,
                                const struct books_run *plan,
                                int64_t amicale_id,
                                int64_t **out_ids,
                                size_t *out_count,
                                struct fault *fault)
{
    struct arena *arena = handling->arena;
    struct sql_rows rows;
    struct sql_value wanted = amicale_id ? SQL_I64(amicale_id) : SQL_NOTHING;
    enum outcome outcome = mariadb_run(
        handling->db,
        "INSERT INTO reconciliation_runs (name, plan, amicale_id, from_day, to_day,"
        " compared_until, started_at) SELECT CONCAT(plan.name, ':', amicales.id),"
        " plan.name, amicales.id, plan.from_day, plan.to_day, plan.compared_until,"
        " plan.started_at FROM reconciliation_runs AS plan JOIN amicales"
        " WHERE plan.id = ? AND amicales.id = COALESCE(?, amicales.id)"
        " ON DUPLICATE KEY UPDATE started_at = VALUES(started_at)",
        SQL_VALUES(SQL_I64(plan->id), wanted),
        arena,
        NULL,
        fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(
            handling->db,
            "SELECT amicale_id FROM reconciliation_runs WHERE plan = ? ORDER BY id",
            SQL_VALUES(SQL_SPAN(plan->name)),
            arena,
            &rows,
            fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    int64_t *ids = ARENA_ARRAY(arena, int64_t, rows.count + 1);
    for (size_t i = 0; i < rows.count; i++) {
        ids[i] = sql_i64(&rows, i, 0);
    }
    *out_ids = ids;
    *out_count = rows.count;
    return OUTCOME_DONE;
}

enum outcome books_run_find(struct handling *handling,
                            struct span name,
                            struct books_run *out_run,
                            struct fault *fault)
{
    bool waits = false;
    enum outcome outcome = take_turn(handling, name, &waits, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(handling->db,
                              "UPDATE reconciliation_runs SET state = 'running',"
                              " checked_count = 0, finished_at = NULL, last_fault = NULL"
                              " WHERE name = ? AND NOT ?",
                              SQL_VALUES(SQL_SPAN(name), SQL_I64(waits)),
                              handling->arena,
                              NULL,
                              fault);
    }
    outcome = give_turn(handling, outcome, fault);
    return outcome == OUTCOME_DONE ? read_run(handling, name, waits, out_run, fault)
                                   : outcome;
}

/* The payouts of an account are complete as far as its own events are: not at all while
 * nobody has been through these. */
static enum outcome read_run(struct handling *handling,
                             struct span name,
                             bool waits,
                             struct books_run *run,
                             struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT id, amicale_id, CAST(from_day AS CHAR), CAST(to_day AS CHAR),"
                    " CAST(UNIX_TIMESTAMP(compared_until) * 1000 AS SIGNED),"
                    " CAST(UNIX_TIMESTAMP(LEAST(compared_until, COALESCE((SELECT"
                    " MIN(COALESCE(complete_until, '1970-01-02')) FROM event_cursors"
                    " JOIN stripe_accounts ON stripe_accounts.stripe_account_id ="
                    " event_cursors.account WHERE stripe_accounts.amicale_id ="
                    " reconciliation_runs.amicale_id AND deauthorized_at IS NULL),"
                    " IF(amicale_id IS NULL, compared_until, '1970-01-02'))))"
                    " * 1000 AS SIGNED),"
                    " CAST(UNIX_TIMESTAMP(started_at) * 1000 AS SIGNED),"
                    " CAST(UNIX_TIMESTAMP(CURRENT_TIMESTAMP(3)) * 1000 AS SIGNED),"
                    " state = 'running' AND compared_until IS NOT NULL"
                    " FROM reconciliation_runs WHERE name = ?",
                    SQL_VALUES(SQL_SPAN(name)),
                    handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    *run = (struct books_run){0};
    if (rows.count == 0) {
        return OUTCOME_DONE;
    }
    run->id = sql_i64(&rows, 0, 0);
    run->name = name;
    run->amicale_id = sql_i64(&rows, 0, 1);
    run->from_day = sql_text(&rows, 0, 2);
    run->to_day = sql_text(&rows, 0, 3);
    if (waits || sql_i64(&rows, 0, 8) == 0) {
        return fault_set(fault,
                         OUTCOME_LATER,
                         "books",
                         0,
                         waits ? "another reconciliation is on its way"
                               : "catch-up has not been through Stripe's events yet");
    }
    run->until_ms = sql_i64(&rows, 0, 4);
    run->payouts_until_ms = sql_i64(&rows, 0, 5);
    run->copied_ms = sql_i64(&rows, 0, 6);
    run->began_ms = sql_i64(&rows, 0, 7);
    if (!books_window_of_days(run->from_day, run->to_day, &run->window)) {
        return fault_set(fault, OUTCOME_NEVER, "books", 0, "the days are no window");
    }
    run->payouts = books_window_until(run->window, run->payouts_until_ms);
    run->window = books_window_until(run->window, run->until_ms);
    return OUTCOME_DONE;
}

enum outcome books_run_checked(struct handling *handling,
                               int64_t run_id,
                               int64_t count,
                               struct fault *fault)
{
    if (run_id == 0 || count == 0) {
        return OUTCOME_DONE;
    }
    return mariadb_run(handling->db,
                       "UPDATE reconciliation_runs SET checked_count = checked_count + ?"
                       " WHERE id = ?",
                       SQL_VALUES(SQL_I64(count), SQL_I64(run_id)),
                       handling->arena,
                       NULL,
                       fault);
}

enum outcome books_run_finish(struct handling *handling,
                              const struct books_run *run,
                              struct span totals,
                              struct span note,
                              struct fault *fault)
{
    return mariadb_run(
        handling->db,
        "UPDATE reconciliation_runs AS run SET state = 'finished', totals = ?,"
        " last_fault = ?, finished_at = CURRENT_TIMESTAMP(3),"
        " opened_count = (SELECT COUNT(*) FROM reconciliation_findings"
        " WHERE opened_run_id = run.id),"
        " closed_count = (SELECT COUNT(*) FROM reconciliation_findings"
        " WHERE closed_run_id = run.id) WHERE id = ?",
        SQL_VALUES(sql_optional(totals), sql_optional(note), SQL_I64(run->id)),
        handling->arena,
        NULL,
        fault);
}

void books_run_tell(struct handling *handling,
                    const struct books_run *run,
                    int64_t took_ms)
{
    struct sql_rows rows;
    struct fault fault;
    if (mariadb_run(handling->db,
                    "SELECT checked_count, opened_count, closed_count"
                    " FROM reconciliation_runs WHERE id = ?",
                    SQL_VALUES(SQL_I64(run->id)),
                    handling->arena,
                    &rows,
                    &fault) != OUTCOME_DONE ||
        rows.count == 0) {
        return;
    }
    log_info("reconciled",
             LOG_SPAN("run", run->name),
             LOG_NUMBER("amicale", run->amicale_id),
             LOG_NUMBER("checked", sql_i64(&rows, 0, 0)),
             LOG_NUMBER("opened", sql_i64(&rows, 0, 1)),
             LOG_NUMBER("closed", sql_i64(&rows, 0, 2)),
             LOG_NUMBER("took_ms", took_ms));
}

enum outcome books_run_fail(struct handling *handling,
                            struct span name,
                            enum outcome outcome,
                            const struct fault *why)
{
    struct fault ignored; /* the fault that is told is the one that came first */
    enum outcome written =
        mariadb_run(handling->db,
                    "UPDATE reconciliation_runs SET last_fault = ?,"
                    " finished_at = IF(?, CURRENT_TIMESTAMP(3), NULL),"
                    " state = IF(finished_at IS NULL, state, 'failed') WHERE name = ?",
                    SQL_VALUES(SQL_STRING(why->text),
                               SQL_I64(is_last_attempt(handling, outcome, why)),
                               SQL_SPAN(name)),
                    handling->arena,
                    NULL,
                    &ignored);
    (void)written;
    return outcome;
}

/* A neighbour that is down burns no attempt. */
static bool is_last_attempt(const struct handling *handling,
                            enum outcome outcome,
                            const struct fault *why)
{
    const struct job *job = handling->job;
    return outcome == OUTCOME_NEVER ||
           (!why->neighbour && job->attempt + 1 >= job->kind->max_attempts);
}
