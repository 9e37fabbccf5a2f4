/* SPDX-License-Identifier: MIT
 * Finds, locks and shows the payment that an asked job is about. */
#include "worker/payment_ask.h"

#include "common/base/json.h"
#include "common/link/payment_row.h"
#include "common/link/stripe.h"
#include "common/model/answer.h"
#include "worker/asks.h"
#include "worker/handlers.h"
#include "worker/retrieve.h"

enum { PAYMENT_BYTES = 32 * 1024, ABOUT_BYTES = 256 };

#define COLUMNS                                                                          \
    "id, stripe_payment_intent_id, amicale_id, pompier_id, status, payment_method,"      \
    " amount, currency, amount_received, amount_capturable, application_fee,"            \
    " destination_account_id, voided_by, void_reason FROM payment_intents"
#define BY_ID "SELECT " COLUMNS " WHERE id = ?"
#define SHOWN_BY_ID "SELECT " PAYMENT_ROW_COLUMNS " FROM payment_intents WHERE id = ?"

static enum outcome read_row(struct asked *asked,
                             const char *sql,
                             int64_t payment_id,
                             enum outcome when_missing,
                             struct sql_rows *out_rows,
                             struct fault *fault);

enum outcome payment_ask_find(struct asked *asked,
                              struct answer *answer,
                              struct sql_rows *out_rows,
                              struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct span name = json_string(asked->body, "payment");
    int64_t id = 0;
    bool ours = span_to_i64(name, &id);
    struct sql_rows rows;
    enum outcome outcome =
        ours ? mariadb_run(handling->db,
                           BY_ID,
                           SQL_VALUES(SQL_I64(id)),
                           handling->arena,
                           &rows,
                           fault)
             : mariadb_run(handling->db,
                           "SELECT " COLUMNS " WHERE stripe_payment_intent_id = ?",
                           SQL_VALUES(SQL_SPAN(name)),
                           handling->arena,
                           &rows,
                           fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    handling->answered |= NEIGHBOUR_MARIADB;
    if (rows.count == 0 ||
        !asked_may_touch(asked, sql_i64(&rows, 0, PAYMENT_ASK_AMICALE))) {
        rows.count = 0;
        answer_refuse(answer, PROBLEM_NOT_FOUND, SPAN(""));
    }
    *out_rows = rows;
    return OUTCOME_DONE;
}

enum outcome payment_ask_get(struct asked *asked,
                             int64_t payment_id,
                             struct sql_rows *out_rows,
                             struct fault *fault)
{
    return read_row(asked, BY_ID, payment_id, OUTCOME_NEVER, out_rows, fault);
}

enum outcome payment_ask_lock(struct asked *asked,
                              int64_t payment_id,
                              struct sql_rows *out_rows,
                              struct fault *fault)
{
    const char *sql = BY_ID " FOR UPDATE";
    return read_row(asked, sql, payment_id, OUTCOME_LATER, out_rows, fault);
}

static enum outcome read_row(struct asked *asked,
                             const char *sql,
                             int64_t payment_id,
                             enum outcome when_missing,
                             struct sql_rows *out_rows,
                             struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(asked->handling->db,
                                       sql,
                                       SQL_VALUES(SQL_I64(payment_id)),
                                       asked->handling->arena,
                                       &rows,
                                       fault);
    if (outcome == OUTCOME_DONE && rows.count != 1) {
        return fault_set(fault, when_missing, "payment", 0, "the payment has no row");
    }
    if (outcome == OUTCOME_DONE) {
        *out_rows = rows;
    }
    return outcome;
}

enum outcome payment_ask_retrieve(struct asked *asked,
                                  struct span payment_intent,
                                  struct cJSON **out_intent,
                                  struct answer *answer,
                                  struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct stripe_answer stripe = {0};
    enum outcome outcome = retrieve_object(handling,
                                           "/v1/payment_intents",
                                           payment_intent,
                                           handling->job->lane == LANE_LIVE,
                                           &stripe,
                                           fault);
    if (outcome == OUTCOME_NEVER && stripe.status > 0) {
        answer_refused_by_stripe(answer, &stripe, handling->arena);
        *out_intent = NULL;
        return OUTCOME_DONE;
    }
    if (outcome == OUTCOME_DONE) {
        *out_intent = stripe.document;
    }
    return outcome;
}

enum outcome payment_ask_show(struct asked *asked,
                              int64_t payment_id,
                              struct answer *answer,
                              struct fault *fault)
{
    return payment_ask_show_secret(asked, payment_id, SPAN(""), answer, fault);
}

enum outcome payment_ask_show_secret(struct asked *asked,
                                     int64_t payment_id,
                                     struct span client_secret,
                                     struct answer *answer,
                                     struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    enum outcome outcome =
        read_row(asked, SHOWN_BY_ID, payment_id, OUTCOME_LATER, &rows, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct text body;
    text_init(&body, PAYMENT_BYTES);
    struct json_writer json = json_writer(&body);
    json_open(&json, NULL, '{');
    if (client_secret.len > 0) {
        json_put_string(&json, "client_secret", client_secret);
    }
    payment_row_put(&json, &rows, 0);
    json_close(&json, '}');
    answer_say(answer, 200, arena_span(handling->arena, text_span(&body)));
    text_wipe(&body);
    return OUTCOME_DONE;
}

void payment_ask_wrong_state(struct asked *asked,
                             struct answer *answer,
                             struct span status,
                             struct span method)
{
    struct text about;
    text_init(&about, ABOUT_BYTES);
    struct json_writer json = json_writer(&about);
    json_open(&json, NULL, '{');
    json_put_string(&json, "status", status);
    json_put_string(&json, "payment_method", method);
    json_close(&json, '}');
    answer_refuse(answer,
                  PROBLEM_WRONG_STATE,
                  arena_span(asked->handling->arena, text_span(&about)));
    text_done(&about);
}
