/* SPDX-License-Identifier: MIT
 * terminal.token: a connection token, with which a phone reaches Stripe Terminal. Of the
 * platform, since Terminal's objects are the platform's where charges have a destination;
 * scoped to the amicale's location when it has one. The secret is in the sealed answer and
 * nowhere else. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "common/model/answer.h"
#include "worker/asks.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/perishable.h"

enum { SECRET_BYTES = 5000, ANSWER_BYTES = 8 * 1024 };

static enum outcome read_amicale(struct asked *asked,
                                 struct sql_rows *rows,
                                 struct fault *fault);
static bool refuse(const struct sql_rows *rows, struct answer *answer);
static enum outcome say(struct handling *handling,
                        const struct cJSON *token,
                        struct answer *answer,
                        struct fault *fault);

enum outcome handle_terminal_token(struct asked *asked,
                                   struct answer *out_answer,
                                   struct handled *out_handled,
                                   struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct sql_rows rows;
    enum outcome outcome = read_amicale(asked, &rows, fault);
    if (outcome != OUTCOME_DONE || refuse(&rows, out_answer)) {
        return outcome;
    }
    struct cJSON *token = NULL;
    struct span location = sql_text(&rows, 0, 0);
    const struct stripe_param form[] = {{"location", location}};
    outcome = perishable_make(asked,
                              "/v1/terminal/connection_tokens",
                              form,
                              location.len > 0 ? 1 : 0,
                              out_answer,
                              &token,
                              fault);
    if (outcome == OUTCOME_DONE && token) {
        outcome = say(asked->handling, token, out_answer, fault);
    }
    json_free(token);
    return outcome;
}

static enum outcome read_amicale(struct asked *asked,
                                 struct sql_rows *rows,
                                 struct fault *fault)
{
    return mariadb_run(asked->handling->db,
                       "SELECT amicales.stripe_location_id, stripe_accounts.id,"
                       " stripe_accounts.charges_enabled FROM amicales"
                       " LEFT JOIN stripe_accounts"
                       " ON stripe_accounts.serves_amicale_id = amicales.id"
                       " AND stripe_account_id IS NOT NULL WHERE amicales.id = ?",
                       SQL_VALUES(SQL_I64(asked->ask.amicale_id)),
                       asked->handling->arena,
                       rows,
                       fault);
}

/* A phone that connects could not sell: better told before the buyer stands there. */
static bool refuse(const struct sql_rows *rows, struct answer *answer)
{
    if (rows->count == 0) {
        answer_refuse(answer, PROBLEM_NOT_FOUND, SPAN(""));
        return true;
    }
    if (sql_is_null(rows, 0, 1)) {
        answer_refuse(answer, PROBLEM_ACCOUNT_MISSING, SPAN(""));
        return true;
    }
    if (sql_i64(rows, 0, 2) == 0) {
        answer_refuse(answer, PROBLEM_ACCOUNT_CANNOT_CHARGE, SPAN(""));
        return true;
    }
    return false;
}

static enum outcome say(struct handling *handling,
                        const struct cJSON *token,
                        struct answer *answer,
                        struct fault *fault)
{
    struct span secret = {0};
    struct text text;
    enum outcome outcome =
        event_must_string(token, "secret", SECRET_BYTES, &secret, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    text_init(&text, ANSWER_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_string(&json, "secret", secret);
    json_close(&json, '}');
    answer_say(answer, 200, arena_span(handling->arena, text_span(&text)));
    text_wipe(&text);
    return OUTCOME_DONE;
}
