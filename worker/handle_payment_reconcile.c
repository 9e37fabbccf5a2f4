/* SPDX-License-Identifier: MIT
 * payment.reconcile: looks at what has been open too long. The period's job finds what is
 * due and makes a job of each look (reconcile_plan.c); a look retrieves one object and
 * brings our rows in line with it. So what Stripe makes of one object is that job's
 * outcome alone.
 *
 *   {}                       the period
 *   {"payment":12}           a payment's row
 *   {"refund":12}            a refund's row
 *   {"account":"acct_1"}     an account that has not finished onboarding
 *
 * A payment made a posteriori that nobody has collected by its time is canceled then. */
#include "worker/handle_payment_reconcile.h"

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "common/model/answer.h"
#include "worker/apply.h"
#include "worker/asks.h"
#include "worker/finding.h"
#include "worker/handlers.h"
#include "worker/payment_ask.h"
#include "worker/payment_move.h"
#include "worker/periodic.h"
#include "worker/retrieve.h"

enum { NOT_FOUND = 404 };

static enum outcome look_at_payment(struct handling *handling,
                                    int64_t id,
                                    struct handled *handled,
                                    struct fault *fault);
static enum outcome was_given_up(struct handling *handling,
                                 int64_t id,
                                 bool *out_given_up,
                                 struct fault *fault);
static enum move_verdict judge_as_it_is(struct asked *asked,
                                        const struct sql_rows *payment,
                                        const struct cJSON *intent,
                                        struct move_form *out_form,
                                        struct answer *answer);
static enum move_verdict judge_given_up(struct asked *asked,
                                        const struct sql_rows *payment,
                                        const struct cJSON *intent,
                                        struct move_form *out_form,
                                        struct answer *answer);
static enum outcome refused(struct handling *handling,
                            const struct answer *answer,
                            struct span subject,
                            struct fault *fault);
static enum outcome look_at_refund(struct handling *handling,
                                   int64_t id,
                                   struct handled *handled,
                                   struct fault *fault);
static enum outcome report_missing(struct handling *handling,
                                   struct span subject,
                                   struct fault *fault);

static const struct payment_move as_it_is = {.verb = "", .judge = judge_as_it_is};
static const struct payment_move give_up = {.verb = "cancel", .judge = judge_given_up};

enum outcome handle_payment_reconcile(struct handling *handling,
                                      struct handled *out_handled,
                                      struct fault *fault)
{
    struct cJSON *document = NULL;
    enum outcome outcome = json_parse(handling->payload, &document, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct span account = json_string(document, "account");
    int64_t id = 0;
    if (json_integer(document, "payment", &id)) {
        outcome = look_at_payment(handling, id, out_handled, fault);
    } else if (json_integer(document, "refund", &id)) {
        outcome = look_at_refund(handling, id, out_handled, fault);
    } else if (account.len > 0) {
        outcome = apply_account(handling, account, NULL, fault);
    } else {
        outcome = handle_periodic(handling, out_handled, fault);
    }
    json_free(document);
    return outcome;
}

/* By the same way as a cancel that somebody asked for: Stripe is looked at first, after a
 * lost answer, and whenever somebody else was quicker. */
static enum outcome look_at_payment(struct handling *handling,
                                    int64_t id,
                                    struct handled *handled,
                                    struct fault *fault)
{
    struct asked asked = {.handling = handling};
    struct answer answer = {0};
    struct sql_rows payment;
    bool given_up = false;
    enum outcome outcome = payment_ask_get(&asked, id, &payment, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = was_given_up(handling, id, &given_up, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = payment_move(&asked,
                               given_up ? &give_up : &as_it_is,
                               &payment,
                               &answer,
                               handled,
                               fault);
    }
    if (outcome == OUTCOME_DONE && answer.status == 0) {
        struct span intent = sql_text(&payment, 0, PAYMENT_ASK_INTENT);
        outcome = refused(handling, &answer, intent, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    return mariadb_run(
        handling->db,
        "UPDATE payment_intents SET synced_at = ? WHERE id = ?",
        SQL_VALUES(sql_moment(handling->arena, clock_wall_ms(handling->clock)),
                   SQL_I64(id)),
        handling->arena,
        NULL,
        fault);
}

static enum outcome was_given_up(struct handling *handling,
                                 int64_t id,
                                 bool *out_given_up,
                                 struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        handling->db,
        "SELECT 1 FROM payment_intents WHERE id = ? AND collect_until <= ?",
        SQL_VALUES(SQL_I64(id),
                   sql_moment(handling->arena, clock_wall_ms(handling->clock))),
        handling->arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE) {
        *out_given_up = rows.count == 1;
    }
    return outcome;
}

/* Whatever it is, our row is to say so. */
static enum move_verdict judge_as_it_is(struct asked *asked,
                                        const struct sql_rows *payment,
                                        const struct cJSON *intent,
                                        struct move_form *out_form,
                                        struct answer *answer)
{
    (void)asked, (void)payment, (void)intent, (void)out_form, (void)answer;
    return MOVE_ARRIVED;
}

/* What a card was held to is being collected, and left to end by itself. */
static enum move_verdict judge_given_up(struct asked *asked,
                                        const struct sql_rows *payment,
                                        const struct cJSON *intent,
                                        struct move_form *out_form,
                                        struct answer *answer)
{
    (void)asked, (void)payment, (void)answer;
    struct span status = json_string(intent, "status");
    if (!span_is(status, "requires_payment_method") &&
        !span_is(status, "requires_confirmation") &&
        !span_is(status, "requires_action")) {
        return MOVE_ARRIVED;
    }
    out_form->params[out_form->count++] =
        (struct stripe_param){"cancellation_reason", SPAN("abandoned")};
    return MOVE_POST;
}

/* Stripe has no such payment: a person should know. Any other refusal is the job's fault,
 * and it is among the dead then. */
static enum outcome refused(struct handling *handling,
                            const struct answer *answer,
                            struct span subject,
                            struct fault *fault)
{
    struct cJSON *about = NULL;
    int64_t status = 0;
    if (answer->about.len > 0) {
        enum outcome outcome = json_parse(answer->about, &about, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    (void)json_integer(about, "status", &status);
    struct span message = json_string(about, "message");
    enum outcome outcome = OUTCOME_DONE;
    if (status == NOT_FOUND) {
        outcome = report_missing(handling, subject, fault);
    } else {
        outcome = fault_set(fault,
                            OUTCOME_NEVER,
                            "reconcile",
                            (int)status,
                            "Stripe refuses: %.*s",
                            SPAN_ARGS(message));
    }
    json_free(about);
    return outcome;
}

static enum outcome look_at_refund(struct handling *handling,
                                   int64_t id,
                                   struct handled *handled,
                                   struct fault *fault)
{
    struct stripe_answer answer = {0};
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(handling->db,
                                       "SELECT stripe_refund_id FROM refunds WHERE id = ?"
                                       " AND stripe_refund_id IS NOT NULL",
                                       SQL_VALUES(SQL_I64(id)),
                                       handling->arena,
                                       &rows,
                                       fault);
    if (outcome != OUTCOME_DONE || rows.count == 0) {
        return outcome;
    }
    struct span refund = sql_text(&rows, 0, 0);
    outcome = retrieve_object(handling, "/v1/refunds", refund, false, &answer, fault);
    if (outcome == OUTCOME_NEVER && answer.status == NOT_FOUND) {
        return report_missing(handling, refund, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    outcome = apply_refund(handling, answer.document, handled, fault);
    json_free(answer.document);
    return outcome;
}

static enum outcome report_missing(struct handling *handling,
                                   struct span subject,
                                   struct fault *fault)
{
    const struct finding finding = {.kind = "object_missing",
                                    .subject = subject,
                                    .reason = "Stripe has no such object"};
    return finding_open(handling->db, &finding, handling->arena, fault);
}
