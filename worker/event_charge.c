/* SPDX-License-Identifier: MIT
 * charge.succeeded: how a payment was paid. charge.refunded: that something went back. */
#include "common/base/json.h"
#include "common/model/receipt.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/mirror.h"
#include "worker/payment.h"
#include "worker/refund.h"

static enum outcome find_payment(struct event_work *work,
                                 struct mirror_row *payment,
                                 struct fault *fault);
static enum outcome link_charge(struct event_work *work,
                                const struct mirror_row *payment,
                                const struct cJSON *charge,
                                struct fault *fault);
static enum outcome is_latest_charge(struct event_work *work,
                                     const struct mirror_row *payment,
                                     struct span charge,
                                     bool *out_latest);
static enum outcome sum_of_refunds(struct event_work *work,
                                   int64_t payment_id,
                                   int64_t *out_sum_minor,
                                   struct fault *fault);
static enum outcome apply_all_refunds(struct event_work *work,
                                      const struct mirror_row *payment,
                                      struct fault *fault);

enum outcome event_charge_succeeded(struct event_work *work, struct fault *fault)
{
    struct mirror_row payment;
    enum outcome outcome = find_payment(work, &payment, fault);
    if (outcome != OUTCOME_DONE || work->wanted.path || payment.id == 0) {
        return outcome;
    }
    const struct cJSON *charge = work->told;
    if (!charge && !event_retrieved_id(work,
                                       "/v1/charges",
                                       work->event.object_id,
                                       payment.revision,
                                       &charge)) {
        return OUTCOME_DONE;
    }
    if (!charge) {
        work->result = "recorded";
        return event_finding(work,
                             "object_missing",
                             work->event.object_id,
                             0,
                             SPAN(""),
                             "Stripe has no such object",
                             fault);
    }
    return link_charge(work, &payment, charge, fault);
}

/* The row of the payment that the charge belongs to. A charge without a PaymentIntent was
 * made by other means than ours and has no row: a finding tells of it. */
static enum outcome find_payment(struct event_work *work,
                                 struct mirror_row *payment,
                                 struct fault *fault)
{
    *payment = (struct mirror_row){0};
    struct span id = event_id_at(work->named, "payment_intent");
    if (id.len > 0) {
        return payment_ensure(work, id, payment, fault);
    }
    int64_t amount = 0;
    if (!work->told || !json_integer(work->told, "amount", &amount)) {
        amount = 0;
    }
    work->result = "recorded";
    return event_finding(work,
                         "unattributed",
                         work->event.object_id,
                         amount,
                         json_string(work->told, "currency"),
                         "a charge without a PaymentIntent",
                         fault);
}

/* A payment succeeds by one charge. When another one stands in the row, Stripe says
 * which. */
static enum outcome link_charge(struct event_work *work,
                                const struct mirror_row *payment,
                                const struct cJSON *charge,
                                struct fault *fault)
{
    struct arena *arena = work->handling->arena;
    struct span id = work->event.object_id;
    struct span held = sql_text(&payment->rows, 0, PAYMENT_CHARGE);
    if (held.len > 0 && !span_equal(held, id)) {
        bool latest = false;
        enum outcome outcome = is_latest_charge(work, payment, id, &latest);
        if (outcome != OUTCOME_DONE || work->wanted.path || !latest) {
            work->result = "stale";
            return outcome;
        }
    }
    bool captured = json_is_true(charge, "captured");
    const struct cJSON *details = json_at(charge, "payment_method_details");
    work->result = "applied";
    return mariadb_run(
        work->handling->db,
        "UPDATE payment_intents SET stripe_charge_id = ?,"
        " card_receipt = COALESCE(?, card_receipt),"
        " succeeded_at = COALESCE(succeeded_at, ?) WHERE id = ?",
        SQL_VALUES(SQL_SPAN(id),
                   details ? SQL_SPAN(receipt_card_print(details, arena)) : SQL_NOTHING,
                   sql_moment(arena, captured ? event_moment_ms(charge, "created") : 0),
                   SQL_I64(payment->id)),
        arena,
        NULL,
        fault);
}

static enum outcome is_latest_charge(struct event_work *work,
                                     const struct mirror_row *payment,
                                     struct span charge,
                                     bool *out_latest)
{
    const struct cJSON *intent = NULL;
    if (event_retrieved_id(work,
                           payment_mirror.collection,
                           work->payment_intent,
                           payment->revision,
                           &intent)) {
        *out_latest = span_equal(event_id_at(intent, "latest_charge"), charge);
    }
    return OUTCOME_DONE;
}

/* The refunds' rows decide. When they do not add up to what the charge says, Stripe is
 * asked for all refunds of the charge. */
enum outcome event_charge_refunded(struct event_work *work, struct fault *fault)
{
    struct mirror_row payment;
    enum outcome outcome = find_payment(work, &payment, fault);
    if (outcome != OUTCOME_DONE || work->wanted.path || payment.id == 0) {
        return outcome;
    }
    int64_t told_minor = -1;
    if (work->told) {
        outcome = event_must_integer(work->told, "amount_refunded", &told_minor, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    int64_t held_minor = 0;
    outcome = sum_of_refunds(work, payment.id, &held_minor, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (held_minor != told_minor) {
        outcome = apply_all_refunds(work, &payment, fault);
    }
    if (outcome != OUTCOME_DONE || work->wanted.path) {
        return outcome;
    }
    work->result = "applied";
    return refund_settle_payment(work, &payment, fault);
}

/* Stripe counts a refund that is still on its way. */
static enum outcome sum_of_refunds(struct event_work *work,
                                   int64_t payment_id,
                                   int64_t *out_sum_minor,
                                   struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        work->handling->db,
        "SELECT CAST(COALESCE(SUM(amount), 0) AS SIGNED) FROM refunds"
        " WHERE payment_id = ? AND status IN ('pending', 'requires_action', 'succeeded')",
        SQL_VALUES(SQL_I64(payment_id)),
        work->handling->arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE) {
        *out_sum_minor = sql_i64(&rows, 0, 0);
    }
    return outcome;
}

static enum outcome apply_all_refunds(struct event_work *work,
                                      const struct mirror_row *payment,
                                      struct fault *fault)
{
    struct event_object wish = {
        .path = "/v1/refunds",
        .query = {{"charge", work->event.object_id}, {"limit", SPAN("100")}},
        .query_count = 2,
        .account = work->event.account,
        .revision = payment->revision,
    };
    for (;;) {
        const struct cJSON *page = NULL;
        if (!event_retrieved(work, &wish, &page)) {
            return OUTCOME_DONE;
        }
        struct span last = SPAN("");
        for (const struct cJSON *refund = json_first(page, "data"); refund;
             refund = json_next(refund)) {
            last = event_id_at(refund, "id");
            enum outcome outcome = refund_apply(work, last, refund, true, payment, fault);
            if (outcome != OUTCOME_DONE) {
                return outcome;
            }
        }
        if (last.len == 0 || !json_is_true(page, "has_more")) {
            return OUTCOME_DONE;
        }
        wish.query[2] = (struct stripe_param){"starting_after", last};
        wish.query_count = 3;
    }
}
