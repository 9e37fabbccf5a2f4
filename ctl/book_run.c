/* SPDX-License-Identifier: MIT
 * One reconciliation: asked for, and looked at. */
#include "ctl/book_run.h"

#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "ctl/ctl.h"
#include "ctl/queue_calls.h"
#include "ctl/window.h"

enum { PAYLOAD_BYTES = 1024, DEAD_PAGE = 200, NAME_DIGITS = 16 };
static const char plan_kind[] = "books.plan";
static const char amicale_kind[] = "books.reconcile";

static struct span write_payload(struct ctl *ctl,
                                 struct span name,
                                 const struct window *window,
                                 int64_t amicale);
static enum outcome enqueue(struct ctl *ctl, struct span name, struct job_new jobs[2]);
static enum outcome look_at_plan(struct ctl *ctl,
                                 struct span name,
                                 struct book_jobs *jobs);
static enum outcome look_at_dead(struct ctl *ctl,
                                 struct span name,
                                 struct book_jobs *jobs);
static enum outcome list_dead(struct ctl *ctl,
                              int partition,
                              struct span *cursor,
                              struct job_record **out_records,
                              size_t *out_count);
static enum outcome count_dead(struct ctl *ctl,
                               struct span prefix,
                               const struct job_record *record,
                               struct book_jobs *jobs);
static enum outcome look_at_queue(struct ctl *ctl, struct book_jobs *jobs);

enum outcome book_run_ask(struct ctl *ctl,
                          const struct window *window,
                          int64_t amicale,
                          struct span why,
                          struct span *out_name)
{
    struct span hex = calls_random_hex(ctl, NAME_DIGITS);
    struct span name =
        span_of(arena_format(&ctl->arena, "books:ask:%.*s", SPAN_ARGS(hex)));
    struct span payload = write_payload(ctl, name, window, amicale);
    struct job_new jobs[2] = {
        calls_new_job(ctl, name, plan_kind, payload, SPAN("")),
        calls_make_deed(ctl, "reconcile", name, why)->audit,
    };
    enum outcome outcome = enqueue(ctl, name, jobs);
    if (outcome == OUTCOME_DONE) {
        *out_name = name;
    }
    return outcome;
}

static struct span write_payload(struct ctl *ctl,
                                 struct span name,
                                 const struct window *window,
                                 int64_t amicale)
{
    struct text payload;
    text_init(&payload, PAYLOAD_BYTES);
    struct json_writer json = json_writer(&payload);
    json_open(&json, NULL, '{');
    json_put_string(&json, "run", name);
    json_put_string(&json, "from", span_of(window->from));
    json_put_string(&json, "to", span_of(window->to));
    if (amicale > 0) {
        json_put_integer(&json, "amicale_id", amicale);
    } else {
        json_put_null(&json, "amicale_id");
    }
    json_close(&json, '}');
    struct span copy = arena_span(&ctl->arena, text_span(&payload));
    text_done(&payload);
    return copy;
}

/* Both in one step, in the partition of the run's name. */
static enum outcome enqueue(struct ctl *ctl, struct span name, struct job_new jobs[2])
{
    struct partition partition =
        queue_partition_of(name, (int)ctl->settings->redis.partitions);
    struct command command = queue_enqueue(&ctl->arena, partition, jobs, 2);
    struct reply reply;
    enum enqueue_verdict verdicts[2];
    enum outcome outcome =
        redis_call(ctl->redis, &command, &ctl->arena, &reply, &ctl->fault);
    return outcome == OUTCOME_DONE ? queue_read_enqueue(&reply, 2, verdicts, &ctl->fault)
                                   : outcome;
}

enum outcome book_run_read(struct ctl *ctl, struct span name, struct book_run *out_run)
{
    enum { STATE, FAULT, FROM, TO, UNTIL, STARTED_AT };
    enum { TOTAL, FINISHED, FAILED, OPENED, CLOSED, CHECKED, LAST_AT, ONE_AMICALE };
    struct sql_rows own;
    struct sql_rows all;
    struct book_run run = {.known = false};
    enum outcome outcome =
        mariadb_run(ctl->db,
                    "SELECT state, last_fault, from_day, to_day, compared_until,"
                    " started_at FROM reconciliation_runs WHERE name = ?",
                    SQL_VALUES(SQL_SPAN(name)),
                    &ctl->arena,
                    &own,
                    &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(
            ctl->db,
            "SELECT COUNT(*), CAST(COALESCE(SUM(state = 'finished'), 0) AS SIGNED),"
            " CAST(COALESCE(SUM(state = 'failed'), 0) AS SIGNED),"
            " CAST(COALESCE(SUM(opened_count), 0) AS SIGNED),"
            " CAST(COALESCE(SUM(closed_count), 0) AS SIGNED),"
            " CAST(COALESCE(SUM(checked_count), 0) AS SIGNED), MAX(finished_at),"
            " IF(COUNT(amicale_id) = 1, MAX(amicale_id), 0)"
            " FROM reconciliation_runs WHERE name = ? OR plan = ?",
            SQL_VALUES(SQL_SPAN(name), SQL_SPAN(name)),
            &ctl->arena,
            &all,
            &ctl->fault);
    }
    if (outcome == OUTCOME_DONE && own.count > 0) {
        run = (struct book_run){
            .known = true,
            .state = sql_text(&own, 0, STATE),
            .fault = sql_text(&own, 0, FAULT),
            .from_day = sql_text(&own, 0, FROM),
            .to_day = sql_text(&own, 0, TO),
            .until = sql_text(&own, 0, UNTIL),
            .started_at = sql_text(&own, 0, STARTED_AT),
            .finished_at = sql_text(&all, 0, LAST_AT),
            .total = sql_i64(&all, 0, TOTAL),
            .finished = sql_i64(&all, 0, FINISHED),
            .failed = sql_i64(&all, 0, FAILED),
            .opened = sql_i64(&all, 0, OPENED),
            .closed = sql_i64(&all, 0, CLOSED),
            .checked = sql_i64(&all, 0, CHECKED),
            .amicale = sql_i64(&all, 0, ONE_AMICALE),
        };
    }
    if (outcome == OUTCOME_DONE) {
        *out_run = run;
    }
    return outcome;
}

const char *book_run_state(const struct book_run *run)
{
    return run->finished + run->failed < run->total ? "running"
           : run->failed > 0                        ? "failed"
                                                    : "finished";
}

enum outcome book_run_look(struct ctl *ctl, struct span name, struct book_jobs *out_jobs)
{
    struct book_jobs jobs = {.dead = 0};
    enum outcome outcome = look_at_plan(ctl, name, &jobs);
    if (outcome == OUTCOME_DONE) {
        outcome = look_at_dead(ctl, name, &jobs);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = look_at_queue(ctl, &jobs);
    }
    if (outcome == OUTCOME_DONE) {
        *out_jobs = jobs;
    }
    return outcome;
}

static enum outcome look_at_plan(struct ctl *ctl,
                                 struct span name,
                                 struct book_jobs *jobs)
{
    struct job_record *record = NULL;
    struct partition partition;
    enum outcome outcome = calls_show(ctl, name, &record, &partition);
    if (outcome == OUTCOME_DONE && record) {
        jobs->plan_state = span_of(job_state_name(record->state));
        jobs->plan_fault = record->last_fault;
        jobs->plan_waits = record->state != JOB_DEAD && record->state != JOB_DONE;
    }
    return outcome;
}

/* A job that is dead leaves its row running. */
static enum outcome look_at_dead(struct ctl *ctl,
                                 struct span name,
                                 struct book_jobs *jobs)
{
    struct span prefix = span_of(arena_format(&ctl->arena, "%.*s:", SPAN_ARGS(name)));
    enum outcome outcome = OUTCOME_DONE;
    int partitions = (int)ctl->settings->redis.partitions;
    for (int i = 0; outcome == OUTCOME_DONE && i < partitions; i++) {
        struct span cursor = SPAN("");
        do {
            struct job_record *records = NULL;
            size_t count = 0;
            outcome = list_dead(ctl, i, &cursor, &records, &count);
            for (size_t j = 0; outcome == OUTCOME_DONE && j < count; j++) {
                outcome = count_dead(ctl, prefix, &records[j], jobs);
            }
        } while (outcome == OUTCOME_DONE && cursor.len > 0);
    }
    return outcome;
}

static enum outcome list_dead(struct ctl *ctl,
                              int partition,
                              struct span *cursor,
                              struct job_record **out_records,
                              size_t *out_count)
{
    struct list list = {
        .state = JOB_DEAD,
        .kind = span_of(amicale_kind),
        .cursor = *cursor,
        .most = DEAD_PAGE,
        .scan = DEAD_PAGE,
    };
    struct command command =
        queue_list(&ctl->arena,
                   (struct partition){.number = partition,
                                      .count = (int)ctl->settings->redis.partitions},
                   &list);
    struct reply reply;
    enum outcome outcome =
        redis_call(ctl->redis, &command, &ctl->arena, &reply, &ctl->fault);
    return outcome == OUTCOME_DONE ? queue_read_records(&reply,
                                                        &ctl->arena,
                                                        out_records,
                                                        out_count,
                                                        cursor,
                                                        NULL,
                                                        &ctl->fault)
                                   : outcome;
}

/* Those whose row says what became of them are counted there. */
static enum outcome count_dead(struct ctl *ctl,
                               struct span prefix,
                               const struct job_record *record,
                               struct book_jobs *jobs)
{
    struct sql_rows rows;
    struct span start = {record->id.at,
                         record->id.len < prefix.len ? record->id.len : prefix.len};
    if (!span_equal(start, prefix)) {
        return OUTCOME_DONE;
    }
    enum outcome outcome = mariadb_run(ctl->db,
                                       "SELECT 1 FROM reconciliation_runs"
                                       " WHERE name = ? AND state = 'running'",
                                       SQL_VALUES(SQL_SPAN(record->id)),
                                       &ctl->arena,
                                       &rows,
                                       &ctl->fault);
    if (outcome == OUTCOME_DONE && rows.count > 0) {
        jobs->dead++;
        jobs->dead_name = record->id;
        jobs->dead_fault = record->last_fault;
    }
    return outcome;
}

static enum outcome look_at_queue(struct ctl *ctl, struct book_jobs *jobs)
{
    struct queue_stats stats;
    enum outcome outcome = calls_stats(ctl, &stats);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    for (size_t i = 0; i < stats.worker_count; i++) {
        jobs->has_worker = jobs->has_worker || stats.workers[i].beat_age_ms <
                                                   ctl->settings->worker.dead_after_ms;
    }
    for (size_t i = 0; i < stats.lane_count; i++) {
        const struct lane_counts *lane = &stats.lanes[i];
        if (!span_is(lane->kind, plan_kind) && !span_is(lane->kind, amicale_kind)) {
            continue;
        }
        if (lane->paused) {
            jobs->held_up = span_of(arena_format(&ctl->arena,
                                                 "%.*s is paused (tocsin status)",
                                                 SPAN_ARGS(lane->kind)));
        } else if (lane->waits_for.len > 0) {
            jobs->held_up = span_of(arena_format(&ctl->arena,
                                                 "it waits for %.*s, which is away",
                                                 SPAN_ARGS(lane->waits_for)));
        }
    }
    return OUTCOME_DONE;
}

enum outcome book_run_rows(struct ctl *ctl,
                           struct span name,
                           int64_t behind,
                           int64_t most,
                           struct sql_rows *out_rows)
{
    return mariadb_run(
        ctl->db,
        "SELECT amicale_id, state, checked_count, opened_count,"
        " closed_count, totals, last_fault, id FROM reconciliation_runs"
        " WHERE (name = ? OR plan = ?) AND id > ? ORDER BY id LIMIT ?",
        SQL_VALUES(SQL_SPAN(name), SQL_SPAN(name), SQL_I64(behind), SQL_I64(most)),
        &ctl->arena,
        out_rows,
        &ctl->fault);
}
