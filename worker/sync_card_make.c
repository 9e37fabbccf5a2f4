/* SPDX-License-Identifier: MIT
 * Makes the PaymentIntent of an offline card sale that Stripe knows nothing of: its row
 * first. Nobody has paid it: it waits for being collected. */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "common/model/money.h"
#include "worker/asks.h"
#include "worker/crash_point.h"
#include "worker/handlers.h"
#include "worker/payment_account.h"
#include "worker/payment_send.h"
#include "worker/sync_card.h"

/* Where it would be paid to. */
struct target {
    struct span account; /* empty: nowhere */
    const char *refusal; /* why not: a problem's code */
};

static enum outcome find_target(struct sync_card *card,
                                struct target *target,
                                struct fault *fault);
static enum outcome insert_row(struct sync_card *card,
                               const struct target *target,
                               struct fault *fault);
static enum outcome revive_row(struct sync_card *card,
                               const struct target *target,
                               struct fault *fault);
static enum outcome send(struct sync_card *card, struct fault *fault);
static int64_t fee_of(const struct sync_card *card);
static struct sql_value collect_until(const struct sync_card *card);

enum outcome sync_card_make(struct sync_card *card, struct fault *fault)
{
    struct target target = {0};
    enum outcome outcome = find_target(card, &target, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = insert_row(card, &target, fault);
    }
    if (outcome != OUTCOME_DONE || card->again || target.refusal) {
        return outcome;
    }
    CRASH_POINT("recorded");
    return send(card, fault);
}

enum outcome sync_card_finish(struct sync_card *card, struct fault *fault)
{
    struct target target = {0};
    enum outcome outcome = OUTCOME_DONE;
    if (span_is(card->row.status, "failed")) {
        outcome = find_target(card, &target, fault);
        if (outcome != OUTCOME_DONE || target.refusal) {
            return outcome;
        }
        outcome = revive_row(card, &target, fault);
    }
    return outcome == OUTCOME_DONE ? send(card, fault) : outcome;
}

static enum outcome find_target(struct sync_card *card,
                                struct target *target,
                                struct fault *fault)
{
    struct asked asked = {.handling = card->handling};
    struct answer answer = {0};
    enum outcome outcome = payment_account_find(&asked,
                                                card->sale.amicale_id,
                                                false,
                                                &target->account,
                                                &answer,
                                                fault);
    if (outcome == OUTCOME_DONE && target->account.len == 0) {
        target->refusal = problem_code(answer.problem);
    }
    return outcome;
}

/* A sale that nothing can be charged for is kept, and says why it failed. */
static enum outcome insert_row(struct sync_card *card,
                               const struct target *target,
                               struct fault *fault)
{
    struct handling *handling = card->handling;
    const struct sale *sale = &card->sale;
    struct sql_rows rows;
    char day[11];
    const struct sql_value values[] = {
        SQL_I64(sale->amicale_id),
        SQL_I64(sale->pompier_id),
        SQL_I64(sale->amount_minor),
        SQL_STRING(target->refusal ? "failed" : "new"),
        SQL_I64(fee_of(card)),
        SQL_SPAN(sale->local_id),
        sql_optional(target->account),
        sync_rows_email(handling, sale),
        SQL_I64(handling->settings->stripe.livemode),
        sql_moment(handling->arena, sale->sold_ms),
        SQL_STRING(clock_paris_day(sale->sold_ms, day)),
        sql_optional(sale->device_id),
        sql_optional(sale->batch_id),
        SQL_SPAN(sale_job_id(sale, handling->arena)),
        collect_until(card),
        sql_optional(span_of(target->refusal)),
    };
    enum outcome outcome =
        mariadb_run(handling->db,
                    "INSERT INTO payment_intents (amicale_id, pompier_id, amount,"
                    " status, application_fee, payment_method, local_id,"
                    " destination_account_id, receipt_email_encrypted, livemode,"
                    " sold_at, sale_day, device_id, sync_batch_id, job_id,"
                    " collect_until, last_error_code)"
                    " VALUES (?, ?, ?, ?, ?, 'card', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    " ON DUPLICATE KEY UPDATE status = status",
                    values,
                    sizeof(values) / sizeof(values[0]),
                    handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return sync_rows_blame(outcome, fault);
    }
    card->again = rows.affected != 1;
    card->row.payment_id = rows.insert_id;
    return OUTCOME_DONE;
}

static enum outcome revive_row(struct sync_card *card,
                               const struct target *target,
                               struct fault *fault)
{
    return mariadb_run(card->handling->db,
                       "UPDATE payment_intents SET status = 'new',"
                       " destination_account_id = ?, application_fee = ?,"
                       " collect_until = ?, last_error_code = NULL,"
                       " last_error_decline_code = NULL, last_error_message = NULL"
                       " WHERE id = ? AND status = 'failed'"
                       " AND stripe_payment_intent_id IS NULL",
                       SQL_VALUES(SQL_SPAN(target->account),
                                  SQL_I64(fee_of(card)),
                                  collect_until(card),
                                  SQL_I64(card->row.payment_id)),
                       card->handling->arena,
                       NULL,
                       fault);
}

/* What Stripe refuses for good is kept in the row, which is `failed`. */
static enum outcome send(struct sync_card *card, struct fault *fault)
{
    struct stripe_answer stripe = {0};
    enum outcome outcome =
        payment_send(card->handling, card->row.payment_id, &stripe, card->handled, fault);
    if (outcome == OUTCOME_NEVER && stripe.status > 0) {
        return OUTCOME_DONE;
    }
    if (outcome == OUTCOME_DONE) {
        json_free(stripe.document);
    }
    return outcome;
}

static int64_t fee_of(const struct sync_card *card)
{
    const struct settings *settings = card->handling->settings;
    return money_fee_minor(card->sale.amount_minor,
                           settings->books.fee_percent_bp,
                           settings->books.fee_minimum_minor);
}

static struct sql_value collect_until(const struct sync_card *card)
{
    const struct handling *handling = card->handling;
    int64_t now_ms = clock_wall_ms(handling->clock);
    return sql_moment(handling->arena,
                      now_ms + handling->settings->sync.collect_s * 1000);
}
