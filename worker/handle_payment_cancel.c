/* SPDX-License-Identifier: MIT
 * payment.cancel: gives up a payment that is open.
 *
 * A row whose PaymentIntent was never sent is canceled by itself. One that was sent and
 * not answered is sent again first, under its own key: so the PaymentIntent that may
 * exist is known, and canceled, and none is left behind that could still be paid. */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/model/answer.h"
#include "worker/asks.h"
#include "worker/handlers.h"
#include "worker/payment_ask.h"
#include "worker/payment_move.h"
#include "worker/payment_send.h"

static enum outcome cancel_unknown(struct asked *asked,
                                   struct sql_rows *payment,
                                   struct answer *answer,
                                   struct handled *handled,
                                   struct fault *fault);
static enum outcome cancel_unsent(struct asked *asked,
                                  int64_t payment_id,
                                  bool *out_canceled,
                                  struct fault *fault);
static enum outcome make_known(struct asked *asked,
                               int64_t payment_id,
                               struct handled *handled,
                               struct fault *fault);
static enum move_verdict judge(struct asked *asked,
                               const struct sql_rows *payment,
                               const struct cJSON *intent,
                               struct move_form *out_form,
                               struct answer *answer);

static const struct payment_move cancel = {.verb = "cancel", .judge = judge};

enum outcome handle_payment_cancel(struct asked *asked,
                                   struct answer *out_answer,
                                   struct handled *out_handled,
                                   struct fault *fault)
{
    struct sql_rows payment;
    enum outcome outcome = payment_ask_find(asked, out_answer, &payment, fault);
    if (outcome != OUTCOME_DONE || payment.count == 0) {
        return outcome;
    }
    if (sql_is_null(&payment, 0, PAYMENT_ASK_INTENT)) {
        outcome = cancel_unknown(asked, &payment, out_answer, out_handled, fault);
        if (outcome != OUTCOME_DONE || payment.count == 0) {
            return outcome;
        }
    }
    return payment_move(asked, &cancel, &payment, out_answer, out_handled, fault);
}

/* Answers, and empties `payment`; or leaves it with its PaymentIntent. */
static enum outcome cancel_unknown(struct asked *asked,
                                   struct sql_rows *payment,
                                   struct answer *answer,
                                   struct handled *handled,
                                   struct fault *fault)
{
    int64_t id = sql_i64(payment, 0, PAYMENT_ASK_ID);
    struct span status = sql_text(payment, 0, PAYMENT_ASK_STATUS);
    bool canceled = span_is(status, "canceled");
    enum outcome outcome = OUTCOME_DONE;
    if (span_is(status, "new")) {
        outcome = cancel_unsent(asked, id, &canceled, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (canceled) {
        payment->count = 0;
        return payment_ask_show(asked, id, answer, fault);
    }
    if (span_is(status, "new")) {
        outcome = make_known(asked, id, handled, fault);
        if (outcome == OUTCOME_DONE) {
            outcome = payment_ask_find(asked, answer, payment, fault);
        }
    }
    if (outcome == OUTCOME_DONE && payment->count > 0 &&
        sql_is_null(payment, 0, PAYMENT_ASK_INTENT)) {
        payment_ask_wrong_state(asked,
                                answer,
                                sql_text(payment, 0, PAYMENT_ASK_STATUS),
                                sql_text(payment, 0, PAYMENT_ASK_METHOD));
        payment->count = 0;
    }
    return outcome;
}

/* In one statement: whoever is about to send it marks the row in one, too. */
static enum outcome cancel_unsent(struct asked *asked,
                                  int64_t payment_id,
                                  bool *out_canceled,
                                  struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        handling->db,
        "UPDATE payment_intents SET status = 'canceled', canceled_at = ? WHERE id = ?"
        " AND status = 'new' AND first_sent_at IS NULL"
        " AND stripe_payment_intent_id IS NULL",
        SQL_VALUES(sql_moment(handling->arena, clock_wall_ms(handling->clock)),
                   SQL_I64(payment_id)),
        handling->arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE) {
        *out_canceled = rows.affected == 1;
    }
    return outcome;
}

/* That Stripe refuses to make it leaves the row `failed`, and nothing to cancel. */
static enum outcome make_known(struct asked *asked,
                               int64_t payment_id,
                               struct handled *handled,
                               struct fault *fault)
{
    struct stripe_answer stripe = {0};
    enum outcome outcome =
        payment_send(asked->handling, payment_id, &stripe, handled, fault);
    if (outcome == OUTCOME_NEVER && stripe.status > 0) {
        return OUTCOME_DONE;
    }
    if (outcome == OUTCOME_DONE) {
        json_free(stripe.document);
    }
    return outcome;
}

static enum move_verdict judge(struct asked *asked,
                               const struct sql_rows *payment,
                               const struct cJSON *intent,
                               struct move_form *out_form,
                               struct answer *answer)
{
    (void)payment, (void)answer;
    struct span status = json_string(intent, "status");
    struct span reason = json_string(asked->body, "reason");
    if (span_is(status, "canceled")) {
        return MOVE_ARRIVED;
    }
    if (span_is(status, "succeeded")) {
        return MOVE_WRONG_STATE;
    }
    if (reason.len > 0) {
        out_form->params[out_form->count++] =
            (struct stripe_param){"cancellation_reason", reason};
    }
    return MOVE_POST;
}
