/* SPDX-License-Identifier: MIT
 * Looks, posts, and looks again when it is not sure. */
#include "worker/payment_move.h"

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/model/answer.h"
#include "worker/apply.h"
#include "worker/asks.h"
#include "worker/crash_point.h"
#include "worker/handlers.h"
#include "worker/payment_ask.h"

enum { SOON_MS = 500 }; /* after a POST that had no effect yet */

/* One turn: what Stripe shows, and what is to be done about it. */
struct turn {
    struct cJSON *intent; /* NULL: Stripe does not show it, and the answer says so */
    enum move_verdict verdict;
    struct move_form form;
};

static enum outcome look(struct asked *asked,
                         const struct payment_move *move,
                         const struct sql_rows *payment,
                         struct turn *turn,
                         struct answer *answer,
                         struct fault *fault);
static enum outcome go(struct asked *asked,
                       const struct payment_move *move,
                       const struct sql_rows *payment,
                       struct turn *turn,
                       struct answer *answer,
                       struct fault *fault);
static enum outcome post(struct asked *asked,
                         const struct payment_move *move,
                         const struct sql_rows *payment,
                         const struct move_form *form,
                         struct stripe_answer *out_stripe,
                         struct fault *fault);
static enum outcome look_again(struct asked *asked,
                               const struct payment_move *move,
                               const struct sql_rows *payment,
                               struct turn *turn,
                               struct answer *answer,
                               struct fault *fault);
static enum outcome conclude(struct asked *asked,
                             const struct sql_rows *payment,
                             const struct turn *turn,
                             struct answer *answer,
                             struct handled *handled,
                             struct fault *fault);
static enum outcome refuse_state(struct asked *asked,
                                 int64_t payment_id,
                                 struct answer *answer,
                                 struct fault *fault);

enum outcome payment_move(struct asked *asked,
                          const struct payment_move *move,
                          const struct sql_rows *payment,
                          struct answer *answer,
                          struct handled *out_handled,
                          struct fault *fault)
{
    struct turn turn = {0};
    enum outcome outcome = look(asked, move, payment, &turn, answer, fault);
    if (outcome != OUTCOME_DONE || !turn.intent) {
        return outcome;
    }
    if (turn.verdict == MOVE_POST) {
        outcome = go(asked, move, payment, &turn, answer, fault);
    }
    if (outcome == OUTCOME_DONE && turn.intent) {
        outcome = conclude(asked, payment, &turn, answer, out_handled, fault);
    }
    json_free(turn.intent);
    return outcome;
}

static enum outcome look(struct asked *asked,
                         const struct payment_move *move,
                         const struct sql_rows *payment,
                         struct turn *turn,
                         struct answer *answer,
                         struct fault *fault)
{
    *turn = (struct turn){0};
    enum outcome outcome = payment_ask_retrieve(asked,
                                                sql_text(payment, 0, PAYMENT_ASK_INTENT),
                                                &turn->intent,
                                                answer,
                                                fault);
    if (outcome == OUTCOME_DONE && turn->intent) {
        turn->verdict = move->judge(asked, payment, turn->intent, &turn->form, answer);
    }
    return outcome;
}

/* When the answer is lost the state says what came of it. */
static enum outcome go(struct asked *asked,
                       const struct payment_move *move,
                       const struct sql_rows *payment,
                       struct turn *turn,
                       struct answer *answer,
                       struct fault *fault)
{
    struct stripe_answer stripe = {0};
    enum outcome posted = post(asked, move, payment, &turn->form, &stripe, fault);
    struct fault lost = *fault;
    enum outcome outcome;
    switch (posted) {
    case OUTCOME_DONE:
        json_free(turn->intent);
        turn->intent = stripe.document;
        turn->verdict = MOVE_ARRIVED;
        return OUTCOME_DONE;
    case OUTCOME_LATER:
        return OUTCOME_LATER;
    case OUTCOME_UNSURE:
        outcome = look_again(asked, move, payment, turn, answer, fault);
        if (outcome != OUTCOME_DONE || turn->verdict != MOVE_POST) {
            return outcome;
        }
        *fault = lost;
        if (fault->retry_after_ms < SOON_MS) {
            fault->retry_after_ms = SOON_MS;
        }
        return OUTCOME_UNSURE;
    case OUTCOME_NEVER:
        break;
    }
    if (stripe.status == 0) {
        return OUTCOME_NEVER;
    }
    /* Somebody else may have moved it between the look and the POST. */
    if (span_is(stripe.error_code, "payment_intent_unexpected_state")) {
        outcome = look_again(asked, move, payment, turn, answer, fault);
        if (outcome != OUTCOME_DONE || turn->verdict != MOVE_POST) {
            return outcome;
        }
    }
    answer_refused_by_stripe(answer, &stripe, asked->handling->arena);
    turn->verdict = MOVE_ANSWERED;
    return OUTCOME_DONE;
}

static enum outcome post(struct asked *asked,
                         const struct payment_move *move,
                         const struct sql_rows *payment,
                         const struct move_form *form,
                         struct stripe_answer *out_stripe,
                         struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct span intent = sql_text(payment, 0, PAYMENT_ASK_INTENT);
    /* A count of attempts would begin anew with the job's second life. */
    int64_t now_ms = clock_wall_ms(handling->clock);
    enum outcome outcome = stripe_post(handling->stripe,
                                       arena_format(handling->arena,
                                                    "/v1/payment_intents/%.*s/%s",
                                                    SPAN_ARGS(intent),
                                                    move->verb),
                                       form->params,
                                       form->count,
                                       SPAN(""),
                                       span_of(arena_format(handling->arena,
                                                            "%.*s/%lld",
                                                            SPAN_ARGS(handling->job->id),
                                                            (long long)now_ms)),
                                       handling->job->lane == LANE_LIVE,
                                       handling->arena,
                                       out_stripe,
                                       fault);
    CRASH_POINT("posted");
    if (outcome == OUTCOME_DONE) {
        handling->answered |= NEIGHBOUR_STRIPE;
    }
    return outcome;
}

static enum outcome look_again(struct asked *asked,
                               const struct payment_move *move,
                               const struct sql_rows *payment,
                               struct turn *turn,
                               struct answer *answer,
                               struct fault *fault)
{
    json_free(turn->intent);
    return look(asked, move, payment, turn, answer, fault);
}

static enum outcome conclude(struct asked *asked,
                             const struct sql_rows *payment,
                             const struct turn *turn,
                             struct answer *answer,
                             struct handled *handled,
                             struct fault *fault)
{
    int64_t payment_id = sql_i64(payment, 0, PAYMENT_ASK_ID);
    enum outcome outcome = apply_payment(asked->handling, turn->intent, handled, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    switch (turn->verdict) {
    case MOVE_ARRIVED:
        return payment_ask_show(asked, payment_id, answer, fault);
    case MOVE_WRONG_STATE:
        return refuse_state(asked, payment_id, answer, fault);
    case MOVE_ANSWERED:
    case MOVE_POST:
        break;
    }
    return OUTCOME_DONE;
}

/* The status as we show it, now that the row is in line: one that was refunded too. */
static enum outcome refuse_state(struct asked *asked,
                                 int64_t payment_id,
                                 struct answer *answer,
                                 struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(asked->handling->db,
                                       "SELECT status FROM payment_intents WHERE id = ?",
                                       SQL_VALUES(SQL_I64(payment_id)),
                                       asked->handling->arena,
                                       &rows,
                                       fault);
    if (outcome == OUTCOME_DONE && rows.count == 1) {
        payment_ask_wrong_state(asked, answer, sql_text(&rows, 0, 0), SPAN("card"));
    }
    return outcome;
}
