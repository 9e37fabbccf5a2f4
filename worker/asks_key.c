/* SPDX-License-Identifier: MIT
 * Rows of idempotency_keys: taken before the work, answered after it. */
#include "worker/asks_key.h"

#include "common/base/clock.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "worker/asks.h"
#include "worker/crash_point.h"
#include "worker/handlers.h"

static const int64_t day_ms = INT64_C(86400000);

/* The columns that read_key reads. */
enum key_column { KEY_MAC, KEY_JOB, KEY_ANSWER, KEY_ASKED_MS, KEY_IS_OVER };

static enum outcome insert_key(struct asked *asked,
                               bool *out_inserted,
                               struct fault *fault);
static enum outcome read_key(struct asked *asked,
                             struct sql_rows *rows,
                             struct fault *fault);
static enum outcome delete_over(struct asked *asked, struct fault *fault);
static enum outcome judge_key(struct asked *asked,
                              const struct sql_rows *rows,
                              struct answer *answer,
                              bool *out_ours,
                              struct fault *fault);
static enum outcome open_answer(struct asked *asked,
                                const struct sql_rows *rows,
                                struct answer *answer,
                                struct fault *fault);
static struct span key_context(const struct asked *asked);

bool asks_key_is_there(const struct asked *asked)
{
    return asked->ask.user_id > 0 && asked->ask.idempotency_key.len > 0;
}

/* A key whose time is over is free. */
enum outcome asks_key_take(struct asked *asked,
                           struct answer *answer,
                           bool *out_ours,
                           struct fault *fault)
{
    for (int look = 0; look < 2; look++) {
        struct sql_rows rows;
        bool inserted = false;
        enum outcome outcome = insert_key(asked, &inserted, fault);
        if (outcome != OUTCOME_DONE || inserted) {
            *out_ours = inserted;
            return outcome;
        }
        outcome = read_key(asked, &rows, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        if (rows.count > 0 && sql_i64(&rows, 0, KEY_IS_OVER) == 0) {
            return judge_key(asked, &rows, answer, out_ours, fault);
        }
        outcome = delete_over(asked, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    return fault_set(fault, OUTCOME_LATER, "asks", 0, "the key's row comes and goes");
}

/* created_at is the request's own moment, so that the same request is known again. */
static enum outcome insert_key(struct asked *asked,
                               bool *out_inserted,
                               struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct arena *arena = handling->arena;
    int64_t keep_ms = handling->settings->books.idempotency_keep_days * day_ms;
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        handling->db,
        "INSERT INTO idempotency_keys (user_id, idempotency_key, request_mac, job_id,"
        " created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON DUPLICATE KEY UPDATE user_id = user_id",
        SQL_VALUES(SQL_I64(asked->ask.user_id),
                   SQL_SPAN(asked->ask.idempotency_key),
                   SQL_SPAN(asked->ask.mac),
                   SQL_SPAN(handling->job->id),
                   sql_moment(arena, asked->ask.at_ms),
                   sql_moment(arena, clock_wall_ms(handling->clock) + keep_ms)),
        arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE) {
        *out_inserted = rows.affected == 1;
    }
    return outcome;
}

static enum outcome read_key(struct asked *asked,
                             struct sql_rows *rows,
                             struct fault *fault)
{
    struct handling *handling = asked->handling;
    return mariadb_run(
        handling->db,
        "SELECT request_mac, job_id, sealed_answer,"
        " CAST(ROUND(UNIX_TIMESTAMP(created_at) * 1000) AS SIGNED), expires_at <= ?"
        " FROM idempotency_keys WHERE user_id = ? AND idempotency_key = ?",
        SQL_VALUES(sql_moment(handling->arena, clock_wall_ms(handling->clock)),
                   SQL_I64(asked->ask.user_id),
                   SQL_SPAN(asked->ask.idempotency_key)),
        handling->arena,
        rows,
        fault);
}

static enum outcome delete_over(struct asked *asked, struct fault *fault)
{
    struct handling *handling = asked->handling;
    return mariadb_run(
        handling->db,
        "DELETE FROM idempotency_keys WHERE user_id = ?"
        " AND idempotency_key = ? AND expires_at <= ?",
        SQL_VALUES(SQL_I64(asked->ask.user_id),
                   SQL_SPAN(asked->ask.idempotency_key),
                   sql_moment(handling->arena, clock_wall_ms(handling->clock))),
        handling->arena,
        NULL,
        fault);
}

/* A job that comes again (a crash, a LATER) works on, also when its answer is kept: what
 * follows from it may not have been enqueued. From a refusal nothing follows, and what was
 * refused stays so, whatever has changed since. */
static enum outcome judge_key(struct asked *asked,
                              const struct sql_rows *rows,
                              struct answer *answer,
                              bool *out_ours,
                              struct fault *fault)
{
    bool same_job = span_equal(sql_text(rows, 0, KEY_JOB), asked->handling->job->id);
    bool same_request = same_job && sql_i64(rows, 0, KEY_ASKED_MS) == asked->ask.at_ms;
    bool answered = !sql_is_null(rows, 0, KEY_ANSWER);
    if (!span_equal(sql_text(rows, 0, KEY_MAC), asked->ask.mac)) {
        answer_refuse(answer, PROBLEM_IDEMPOTENCY_MISMATCH, SPAN(""));
        return OUTCOME_DONE;
    }
    if (!answered && same_job) {
        *out_ours = true;
        return OUTCOME_DONE;
    }
    if (!answered) {
        answer_refuse(answer, PROBLEM_IDEMPOTENCY_IN_FLIGHT, SPAN(""));
        return OUTCOME_DONE;
    }
    enum outcome outcome = open_answer(asked, rows, answer, fault);
    if (outcome == OUTCOME_DONE && same_request) {
        *out_ours = answer->status != 0;
        if (*out_ours) {
            *answer = (struct answer){0};
        }
        return OUTCOME_DONE;
    }
    answer->replayed = outcome == OUTCOME_DONE;
    return outcome;
}

static enum outcome open_answer(struct asked *asked,
                                const struct sql_rows *rows,
                                struct answer *answer,
                                struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct span plain = SPAN("");
    enum outcome outcome = seal_unseal(handling->ring,
                                       key_context(asked),
                                       sql_text(rows, 0, KEY_ANSWER),
                                       handling->arena,
                                       &plain,
                                       fault);
    return outcome == OUTCOME_DONE ? answer_decode(plain, handling->arena, answer, fault)
                                   : outcome;
}

enum outcome asks_key_keep(struct asked *asked,
                           const struct answer *answer,
                           struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct arena *arena = handling->arena;
    if (!asks_key_is_there(asked)) {
        return OUTCOME_DONE;
    }
    struct sql_value user = SQL_I64(asked->ask.user_id);
    struct sql_value key = SQL_SPAN(asked->ask.idempotency_key);
    struct sql_value job = SQL_SPAN(handling->job->id);
    if (answer_is_passing(answer)) {
        return mariadb_run(handling->db,
                           "DELETE FROM idempotency_keys WHERE user_id = ?"
                           " AND idempotency_key = ? AND job_id = ?"
                           " AND answered_at IS NULL",
                           SQL_VALUES(user, key, job),
                           arena,
                           NULL,
                           fault);
    }
    struct span sealed = seal_seal(handling->ring,
                                   key_context(asked),
                                   answer_encode(answer, arena),
                                   arena);
    int status = answer->status != 0 ? answer->status : problem_status(answer->problem);
    enum outcome outcome =
        mariadb_run(handling->db,
                    "UPDATE idempotency_keys SET answer_status = ?, sealed_answer = ?,"
                    " answered_at = ? WHERE user_id = ? AND idempotency_key = ?"
                    " AND job_id = ? AND answered_at IS NULL",
                    SQL_VALUES(SQL_I64(status),
                               SQL_SPAN(sealed),
                               sql_moment(arena, clock_wall_ms(handling->clock)),
                               user,
                               key,
                               job),
                    arena,
                    NULL,
                    fault);
    CRASH_POINT("answered");
    return outcome;
}

static struct span key_context(const struct asked *asked)
{
    return span_of(arena_format(asked->handling->arena,
                                "idempotency|%lld|%.*s",
                                (long long)asked->ask.user_id,
                                SPAN_ARGS(asked->ask.idempotency_key)));
}
