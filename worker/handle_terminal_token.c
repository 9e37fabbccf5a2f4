/* SPDX-License-Identifier: MIT
 * terminal.token: a connection token, with which a phone reaches Stripe Terminal. Of the
 * platform, since Terminal's objects are the platform's where charges have a destination;
 * scoped to the amicale's location when it has one: one that Stripe does not know any more
 * is forgotten, and keeps nobody from selling. The secret is in the sealed answer and
 * nowhere else. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "common/model/answer.h"
#include "worker/amicale.h"
#include "worker/asks.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/payment_account.h"
#include "worker/perishable.h"

enum { SECRET_BYTES = 5000, ANSWER_BYTES = 8 * 1024 };

static enum outcome read_location(struct asked *asked,
                                  struct span *out_location,
                                  struct fault *fault);
static enum outcome make_token(struct asked *asked,
                               struct span location,
                               int turn,
                               struct stripe_answer *made,
                               struct fault *fault);
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
    struct span account = {0};
    struct span location = {0};
    struct stripe_answer made = {0};
    /* A phone that connects could not sell: better told before the buyer stands there. */
    enum outcome outcome = payment_account_find(asked,
                                                asked->ask.amicale_id,
                                                false,
                                                &account,
                                                out_answer,
                                                fault);
    if (outcome != OUTCOME_DONE || account.len == 0) {
        return outcome;
    }
    outcome = read_location(asked, &location, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = make_token(asked, location, 0, &made, fault);
    }
    if (outcome == OUTCOME_DONE && amicale_location_is_gone(&made)) {
        int64_t amicale_id = asked->ask.amicale_id;
        outcome = amicale_forget_location(asked->handling, amicale_id, location, fault);
        if (outcome == OUTCOME_DONE) {
            outcome = make_token(asked, SPAN(""), 1, &made, fault);
        }
    }
    if (outcome == OUTCOME_DONE && made.document) {
        outcome = say(asked->handling, made.document, out_answer, fault);
    } else if (outcome == OUTCOME_DONE) {
        answer_refused_by_stripe(out_answer, &made, asked->handling->arena);
    }
    json_free(made.document);
    return outcome;
}

static enum outcome read_location(struct asked *asked,
                                  struct span *out_location,
                                  struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(asked->handling->db,
                    "SELECT stripe_location_id FROM amicales WHERE id = ?",
                    SQL_VALUES(SQL_I64(asked->ask.amicale_id)),
                    asked->handling->arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE) {
        *out_location = rows.count > 0 ? sql_text(&rows, 0, 0) : SPAN("");
    }
    return outcome;
}

static enum outcome make_token(struct asked *asked,
                               struct span location,
                               int turn,
                               struct stripe_answer *made,
                               struct fault *fault)
{
    const struct stripe_param form[] = {{"location", location}};
    return perishable_make(asked,
                           "/v1/terminal/connection_tokens",
                           form,
                           location.len > 0 ? 1 : 0,
                           turn,
                           made,
                           fault);
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
