/* SPDX-License-Identifier: MIT
 * What all asked jobs share: may they still, is it wanted, was it answered before. */
#include "worker/asks.h"

#include <assert.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "worker/asks_key.h"
#include "worker/crash_point.h"
#include "worker/handlers.h"

enum { ASKS_NO_ROW = 1, ASKS_LARGE_ANSWER };
enum { ABOUT_BYTES = 16 * 1024 };

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
        return asks_key_keep(asked, answer, fault);
    }
    enum outcome outcome = check_asker(asked, row, answer, &may, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (!may) {
        return asks_key_keep(asked, answer, fault);
    }
    if (asks_key_is_there(asked)) {
        bool ours = false;
        outcome = asks_key_take(asked, answer, &ours, fault);
        if (outcome != OUTCOME_DONE || !ours) {
            return outcome;
        }
    }
    CRASH_POINT("asked");
    outcome = row->run(asked, answer, handled, fault);
    return outcome == OUTCOME_DONE ? asks_key_keep(asked, answer, fault) : outcome;
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
