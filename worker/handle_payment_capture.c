/* SPDX-License-Identifier: MIT
 * payment.capture: takes what was authorised, or a part of it; the rest is released.
 *
 * Which job captured stands in the PaymentIntent's metadata, so that one whose answer was
 * lost knows its own work again. */
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/model/answer.h"
#include "common/model/money.h"
#include "worker/asks.h"
#include "worker/handlers.h"
#include "worker/payment_ask.h"
#include "worker/payment_move.h"

enum { ABOUT_BYTES = 64 };

static enum move_verdict judge(struct asked *asked,
                               const struct sql_rows *payment,
                               const struct cJSON *intent,
                               struct move_form *out_form,
                               struct answer *answer);
static void fill_form(struct asked *asked,
                      const struct sql_rows *payment,
                      int64_t amount_minor,
                      struct move_form *form);
static void refuse_amount(struct asked *asked,
                          int64_t capturable_minor,
                          struct answer *answer);

static const struct payment_move capture = {.verb = "capture", .judge = judge};

enum outcome handle_payment_capture(struct asked *asked,
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
        payment_ask_wrong_state(asked,
                                out_answer,
                                sql_text(&payment, 0, PAYMENT_ASK_STATUS),
                                sql_text(&payment, 0, PAYMENT_ASK_METHOD));
        return OUTCOME_DONE;
    }
    return payment_move(asked, &capture, &payment, out_answer, out_handled, fault);
}

static enum move_verdict judge(struct asked *asked,
                               const struct sql_rows *payment,
                               const struct cJSON *intent,
                               struct move_form *out_form,
                               struct answer *answer)
{
    struct span status = json_string(intent, "status");
    int64_t capturable_minor = 0;
    int64_t amount_minor = 0;
    if (span_is(status, "succeeded") &&
        span_equal(json_string(intent, "metadata.capture_job"),
                   asked->handling->job->id)) {
        return MOVE_ARRIVED;
    }
    if (!span_is(status, "requires_capture") ||
        !json_integer(intent, "amount_capturable", &capturable_minor)) {
        return MOVE_WRONG_STATE;
    }
    if (!json_integer(asked->body, "amount", &amount_minor)) {
        amount_minor = capturable_minor;
    }
    if (amount_minor > capturable_minor) {
        refuse_amount(asked, capturable_minor, answer);
        return MOVE_ANSWERED;
    }
    fill_form(asked, payment, amount_minor, out_form);
    return MOVE_POST;
}

/* The fee was reckoned for the whole amount; of a part it is the part's, and never more
 * than what was agreed. */
static void fill_form(struct asked *asked,
                      const struct sql_rows *payment,
                      int64_t amount_minor,
                      struct move_form *form)
{
    struct handling *handling = asked->handling;
    struct arena *arena = handling->arena;
    int64_t agreed_minor = sql_i64(payment, 0, PAYMENT_ASK_FEE);
    form->params[form->count++] = (struct stripe_param){
        "amount_to_capture",
        span_of(arena_format(arena, "%lld", (long long)amount_minor))};
    form->params[form->count++] =
        (struct stripe_param){"metadata[capture_job]", handling->job->id};
    if (agreed_minor > 0 && amount_minor < sql_i64(payment, 0, PAYMENT_ASK_AMOUNT)) {
        int64_t fee_minor = money_fee_minor(amount_minor,
                                            handling->settings->books.fee_percent_bp,
                                            handling->settings->books.fee_minimum_minor);
        fee_minor = fee_minor < agreed_minor ? fee_minor : agreed_minor;
        if (fee_minor > 0) {
            form->params[form->count++] = (struct stripe_param){
                "application_fee_amount",
                span_of(arena_format(arena, "%lld", (long long)fee_minor))};
        }
    }
}

static void refuse_amount(struct asked *asked,
                          int64_t capturable_minor,
                          struct answer *answer)
{
    struct arena *arena = asked->handling->arena;
    answer_refuse_field(answer, SPAN("amount"), FIELD_ABOVE_REST);
    answer->about =
        span_of(arena_format(arena, "{\"rest\":%lld}", (long long)capturable_minor));
}
