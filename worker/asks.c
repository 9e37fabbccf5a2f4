/* SPDX-License-Identifier: MIT
 * What all asked jobs share: may they still, is it wanted, was it answered before. */
#include "worker/asks.h"

#include <assert.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "worker/crash_point.h"
#include "worker/handlers.h"

enum { ASKS_NO_ROW = 1, ASKS_LARGE_ANSWER };
enum { ABOUT_BYTES = 16 * 1024 };

static const int64_t day_ms = INT64_C(86400000);

static enum outcome run(struct asked *asked,
                        struct answer *answer,
                        struct handled *handled,
                        struct fault *fault);
static const struct ask_row *find_row(const struct job *job);
static enum outcome check_asker(struct asked *asked,
                                const struct ask_row *row,
                                struct answer *answer,
                                bool *out_may,
                                struct fault *fault);
static enum outcome has_begun(struct asked *asked,
                              const struct ask_row *row,
                              bool *out_begun,
                              struct fault *fault);
static bool has_key(const struct asked *asked);
static enum outcome take_key(struct asked *asked,
                             struct answer *answer,
                             bool *out_ours,
                             struct fault *fault);
static enum outcome insert_key(struct asked *asked,
                               bool *out_inserted,
                               struct fault *fault);
static enum outcome judge_key(struct asked *asked,
                              const struct sql_rows *rows,
                              struct answer *answer,
                              bool *out_ours,
                              struct fault *fault);
static enum outcome keep_answer(struct asked *asked,
                                const struct answer *answer,
                                struct fault *fault);
static struct span key_context(const struct asked *asked);
static enum outcome give_result(struct asked *asked,
                                const struct answer *answer,
                                struct handled *handled,
                                struct fault *fault);

const struct ask_row asks[] = {
    {"session.login", handle_session_login, NULL},
    {"session.logout", handle_session_logout, NULL},
    {"session.extend", handle_session_extend, NULL},
    {"account.create",
     handle_account_create,
     "SELECT 1 FROM stripe_accounts WHERE job_id = ?"},
    {"account.refresh", handle_account_refresh, NULL},
    {"account.link", handle_account_link, NULL},
    {"location.create",
     handle_location_create,
     "SELECT 1 FROM amicales WHERE location_job_id = ?"},
    {"terminal.token", handle_terminal_token, NULL},
    {"reader.register",
     handle_reader_register,
     "SELECT 1 FROM terminal_readers WHERE job_id = ?"},
    {"reader.list", handle_reader_list, NULL},
    {"payment.create",
     handle_payment_create,
     "SELECT id FROM payment_intents WHERE job_id = ?"},
    {"payment.capture", handle_payment_capture, NULL},
    {"payment.cancel", handle_payment_cancel, NULL},
    {"payment.refund", handle_payment_refund, "SELECT id FROM refunds WHERE job_id = ?"},
    {"payment.void", handle_payment_void, NULL},
};
const size_t asks_count = sizeof(asks) / sizeof(asks[0]);

enum outcome handle_ask(struct handling *handling,
                        struct handled *out_handled,
                        struct fault *fault)
{
    struct asked asked = {.handling = handling};
    struct answer answer = {0};
    struct cJSON *body = NULL;
    enum outcome outcome =
        ask_decode(handling->payload, handling->arena, &asked.ask, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = json_parse(asked.ask.body, &body, fault);
    }
    if (outcome == OUTCOME_DONE) {
        asked.body = body;
        outcome = run(&asked, &answer, out_handled, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = give_result(&asked, &answer, out_handled, fault);
    }
    json_free(body);
    return outcome;
}

static enum outcome run(struct asked *asked,
                        struct answer *answer,
                        struct handled *handled,
                        struct fault *fault)
{
    const struct ask_row *row = find_row(asked->handling->job);
    int64_t now_ms = clock_wall_ms(asked->handling->clock);
    bool may = true;
    if (!row) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "asks",
                         ASKS_NO_ROW,
                         "nothing is asked with this kind");
    }
    if (asked->ask.until_ms > 0 && now_ms > asked->ask.until_ms) {
        answer_refuse(answer, PROBLEM_TOO_LATE, SPAN(""));
        return keep_answer(asked, answer, fault);
    }
    enum outcome outcome = check_asker(asked, row, answer, &may, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (!may) {
        return keep_answer(asked, answer, fault);
    }
    if (has_key(asked)) {
        bool ours = false;
        outcome = take_key(asked, answer, &ours, fault);
        if (outcome != OUTCOME_DONE || !ours) {
            return outcome;
        }
    }
    CRASH_POINT("asked");
    outcome = row->run(asked, answer, handled, fault);
    return outcome == OUTCOME_DONE ? keep_answer(asked, answer, fault) : outcome;
}

static const struct ask_row *find_row(const struct job *job)
{
    for (size_t i = 0; i < asks_count; i++) {
        if (span_is(span_of(job->kind->name), asks[i].kind)) {
            return &asks[i];
        }
    }
    return NULL;
}

/* The session that the front door believed may be a minute old, and the job older. */
static enum outcome check_asker(struct asked *asked,
                                const struct ask_row *row,
                                struct answer *answer,
                                bool *out_may,
                                struct fault *fault)
{
    const struct ask *ask = &asked->ask;
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    enum role role = ROLE_POMPIER;
    bool begun = false;
    if (ask->user_id == 0) {
        return OUTCOME_DONE;
    }
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT role, amicale_id, disabled_at IS NOT NULL FROM users"
                    " WHERE id = ?",
                    SQL_VALUES(SQL_I64(ask->user_id)),
                    handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    handling->answered |= NEIGHBOUR_MARIADB;
    bool there = rows.count == 1 && sql_i64(&rows, 0, 2) == 0;
    bool same = there && role_find(sql_text(&rows, 0, 0), &role) && role == ask->role &&
                sql_i64(&rows, 0, 1) == ask->amicale_id;
    if (same) {
        return OUTCOME_DONE;
    }
    outcome = has_begun(asked, row, &begun, fault);
    if (outcome == OUTCOME_DONE && !begun) {
        answer_refuse(answer,
                      there ? PROBLEM_ROLE_NOT_ALLOWED : PROBLEM_UNAUTHENTICATED,
                      SPAN(""));
        *out_may = false;
    }
    return outcome;
}

static enum outcome has_begun(struct asked *asked,
                              const struct ask_row *row,
                              bool *out_begun,
                              struct fault *fault)
{
    struct sql_rows rows;
    if (!row->begun) {
        *out_begun = false;
        return OUTCOME_DONE;
    }
    enum outcome outcome = mariadb_run(asked->handling->db,
                                       row->begun,
                                       SQL_VALUES(SQL_SPAN(asked->handling->job->id)),
                                       asked->handling->arena,
                                       &rows,
                                       fault);
    if (outcome == OUTCOME_DONE) {
        *out_begun = rows.count > 0;
    }
    return outcome;
}

static bool has_key(const struct asked *asked)
{
    return asked->ask.user_id > 0 && asked->ask.idempotency_key.len > 0;
}

/* Ours: the key's first request is this job, and it is to be worked on. Else the answer
 * says why not. A key whose time is over is free. */
static enum outcome take_key(struct asked *asked,
                             struct answer *answer,
                             bool *out_ours,
                             struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    bool inserted = false;
    enum outcome outcome = mariadb_run(
        handling->db,
        "DELETE FROM idempotency_keys WHERE user_id = ?"
        " AND idempotency_key = ? AND expires_at <= ?",
        SQL_VALUES(SQL_I64(asked->ask.user_id),
                   SQL_SPAN(asked->ask.idempotency_key),
                   sql_moment(handling->arena, clock_wall_ms(handling->clock))),
        handling->arena,
        NULL,
        fault);
    if (outcome == OUTCOME_DONE) {
        outcome = insert_key(asked, &inserted, fault);
    }
    if (outcome != OUTCOME_DONE || inserted) {
        *out_ours = true;
        return outcome;
    }
    outcome = mariadb_run(
        handling->db,
        "SELECT request_mac, job_id, sealed_answer,"
        " CAST(ROUND(UNIX_TIMESTAMP(created_at) * 1000) AS SIGNED)"
        " FROM idempotency_keys WHERE user_id = ?"
        " AND idempotency_key = ?",
        SQL_VALUES(SQL_I64(asked->ask.user_id), SQL_SPAN(asked->ask.idempotency_key)),
        handling->arena,
        &rows,
        fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count == 0) {
        return fault_set(fault, OUTCOME_LATER, "asks", 0, "the key's row comes and goes");
    }
    return judge_key(asked, &rows, answer, out_ours, fault);
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

/* A job that comes again (a crash, a LATER) works on, also when its answer is kept: what
 * follows from it may not have been enqueued. */
static enum outcome judge_key(struct asked *asked,
                              const struct sql_rows *rows,
                              struct answer *answer,
                              bool *out_ours,
                              struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct span plain = SPAN("");
    bool same_job = span_equal(sql_text(rows, 0, 1), handling->job->id);
    bool answered = !sql_is_null(rows, 0, 2);
    if (!span_equal(sql_text(rows, 0, 0), asked->ask.mac)) {
        answer_refuse(answer, PROBLEM_IDEMPOTENCY_MISMATCH, SPAN(""));
        return OUTCOME_DONE;
    }
    if (same_job && (!answered || sql_i64(rows, 0, 3) == asked->ask.at_ms)) {
        *out_ours = true;
        return OUTCOME_DONE;
    }
    if (!answered) {
        answer_refuse(answer, PROBLEM_IDEMPOTENCY_IN_FLIGHT, SPAN(""));
        return OUTCOME_DONE;
    }
    enum outcome outcome = seal_unseal(handling->ring,
                                       key_context(asked),
                                       sql_text(rows, 0, 2),
                                       handling->arena,
                                       &plain,
                                       fault);
    if (outcome == OUTCOME_DONE) {
        outcome = answer_decode(plain, handling->arena, answer, fault);
    }
    answer->replayed = outcome == OUTCOME_DONE;
    return outcome;
}

static enum outcome keep_answer(struct asked *asked,
                                const struct answer *answer,
                                struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct arena *arena = handling->arena;
    if (!has_key(asked)) {
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

static enum outcome give_result(struct asked *asked,
                                const struct answer *answer,
                                struct handled *handled,
                                struct fault *fault)
{
    struct span result = answer_encode(answer, asked->handling->arena);
    if (result.len > JOB_RESULT_BYTES) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "asks",
                         ASKS_LARGE_ANSWER,
                         "an answer of %zu bytes is too long for a job's result",
                         result.len);
    }
    handled->result = result;
    return OUTCOME_DONE;
}

bool asked_may_touch(const struct asked *asked, int64_t amicale_id)
{
    assert(asked->ask.user_id > 0);
    return !role_has_amicale(asked->ask.role) ||
           (amicale_id > 0 && asked->ask.amicale_id == amicale_id);
}

void answer_refused_by_stripe(struct answer *answer,
                              const struct stripe_answer *stripe,
                              struct arena *arena)
{
    struct text about;
    text_init(&about, ABOUT_BYTES);
    struct json_writer json = json_writer(&about);
    json_open(&json, NULL, '{');
    json_put_integer(&json, "status", stripe->status);
    json_put_optional(&json, "type", stripe->error_type);
    json_put_optional(&json, "code", stripe->error_code);
    json_put_optional(&json, "decline_code", stripe->decline_code);
    json_put_optional(&json, "param", stripe->error_param);
    json_put_optional(&json, "message", stripe->error_message);
    json_put_optional(&json, "request_id", stripe->request_id);
    json_close(&json, '}');
    answer_refuse(answer,
                  PROBLEM_STRIPE_REFUSED,
                  about.full ? SPAN("") : arena_span(arena, text_span(&about)));
    text_done(&about);
}
