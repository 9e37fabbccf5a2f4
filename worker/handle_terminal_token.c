/* SPDX-License-Identifier: MIT
 * terminal.token: a connection token, with which a phone reaches Stripe Terminal. Of the
 * platform, since Terminal's objects are the platform's where charges have a destination;
 * so it is scoped to the amicale's location, else it reaches the readers of everybody.
 * The location is made on the way when there is none, or when Stripe does not know it any
 * more. Where none can be made the token is of no location, and keeps nobody from selling.
 * The secret is in the sealed answer and nowhere else. */
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "common/model/answer.h"
#include "worker/amicale.h"
#include "worker/asks.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/location.h"
#include "worker/payment_account.h"
#include "worker/perishable.h"

enum { SECRET_BYTES = 5000, ANSWER_BYTES = 8 * 1024, MOST_TURNS = 2 };

static enum outcome make_token_somewhere(struct asked *asked,
                                         struct span *out_location,
                                         struct stripe_answer *made,
                                         struct fault *fault);
static enum outcome read_location(struct asked *asked,
                                  struct span *out_location,
                                  struct fault *fault);
static enum outcome make_location(struct asked *asked,
                                  struct span *out_location,
                                  struct fault *fault);
static enum outcome make_token(struct asked *asked,
                               struct span location,
                               int turn,
                               struct stripe_answer *made,
                               struct fault *fault);
static enum outcome say(struct handling *handling,
                        const struct cJSON *token,
                        struct span location,
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
    outcome = make_token_somewhere(asked, &location, &made, fault);
    if (outcome == OUTCOME_DONE && made.document) {
        outcome = say(asked->handling, made.document, location, out_answer, fault);
    } else if (outcome == OUTCOME_DONE) {
        answer_refused_by_stripe(out_answer, &made, asked->handling->arena);
    }
    json_free(made.document);
    return outcome;
}

/* A location that is gone is forgotten, and the next turn has another one. */
static enum outcome make_token_somewhere(struct asked *asked,
                                         struct span *out_location,
                                         struct stripe_answer *made,
                                         struct fault *fault)
{
    for (int turn = 0; turn < MOST_TURNS; turn++) {
        enum outcome outcome = read_location(asked, out_location, fault);
        if (outcome == OUTCOME_DONE && out_location->len == 0) {
            outcome = make_location(asked, out_location, fault);
        }
        if (outcome == OUTCOME_DONE) {
            outcome = make_token(asked, *out_location, turn, made, fault);
        }
        if (outcome != OUTCOME_DONE || !amicale_location_is_gone(made)) {
            return outcome;
        }
        outcome = amicale_forget_location(asked->handling,
                                          asked->ask.amicale_id,
                                          *out_location,
                                          fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    return fault_set(fault, OUTCOME_LATER, "location", 0, "it comes and goes at Stripe");
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

/* Its texts are opened only now: most tokens want nothing but the location. */
static enum outcome make_location(struct asked *asked,
                                  struct span *out_location,
                                  struct fault *fault)
{
    struct amicale amicale;
    struct answer refusal = {0};
    int64_t amicale_id = asked->ask.amicale_id;
    enum outcome outcome = amicale_find(asked->handling, amicale_id, &amicale, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = location_ensure(asked, &amicale, &refusal, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    *out_location = amicale.location;
    if (amicale.location.len == 0) {
        log_warning("token_of_no_location",
                    LOG_NUMBER("amicale", amicale_id),
                    LOG_TEXT("why", problem_code(refusal.problem)));
    }
    return OUTCOME_DONE;
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
                        struct span location,
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
    if (location.len > 0) {
        json_put_string(&json, "location_id", location);
    } else {
        json_put_null(&json, "location_id");
    }
    json_close(&json, '}');
    answer_say(answer, 200, arena_span(handling->arena, text_span(&text)));
    text_wipe(&text);
    return OUTCOME_DONE;
}
