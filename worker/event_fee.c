/* SPDX-License-Identifier: MIT
 * application_fee.refunded: what the platform gave back of its fee, which the amicale has
 * again. A fee's refund is never taken back, so the larger sum is the later one. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/mirror.h"
#include "worker/payment.h"

static bool find_fee(struct event_work *work, const struct cJSON **out_fee);
static enum outcome tell(struct event_work *work,
                         int64_t amount_minor,
                         struct span currency,
                         const char *kind,
                         const char *reason,
                         struct fault *fault);
static enum outcome find_intent(struct event_work *work,
                                struct span charge,
                                struct span *out_intent,
                                struct fault *fault);

enum outcome event_fee_refunded(struct event_work *work, struct fault *fault)
{
    const struct cJSON *fee = NULL;
    struct span intent = {NULL, 0};
    struct mirror_row payment;
    int64_t refunded_minor = 0;
    if (!find_fee(work, &fee)) {
        return OUTCOME_DONE;
    }
    if (!fee) {
        return tell(work, 0, SPAN(""), "object_missing", "Stripe has no such fee", fault);
    }
    enum outcome outcome =
        event_must_integer(fee, "amount_refunded", &refunded_minor, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = find_intent(work, event_charge_of_fee(fee), &intent, fault);
    }
    if (outcome != OUTCOME_DONE || work->wanted.path) {
        return outcome;
    }
    if (intent.len == 0) {
        return tell(work,
                    refunded_minor,
                    json_string(fee, "currency"),
                    "unattributed",
                    "the refund of a fee of no payment",
                    fault);
    }
    outcome = payment_ensure(work, intent, &payment, fault);
    if (outcome != OUTCOME_DONE || work->wanted.path || payment.id == 0) {
        return outcome;
    }
    work->result = "applied";
    return mariadb_run(work->handling->db,
                       "UPDATE payment_intents SET application_fee_refunded ="
                       " GREATEST(application_fee_refunded, ?) WHERE id = ?",
                       SQL_VALUES(SQL_I64(refunded_minor), SQL_I64(payment.id)),
                       work->handling->arena,
                       NULL,
                       fault);
}

static enum outcome tell(struct event_work *work,
                         int64_t amount_minor,
                         struct span currency,
                         const char *kind,
                         const char *reason,
                         struct fault *fault)
{
    work->result = "recorded";
    return event_finding(work,
                         kind,
                         work->event.object_id,
                         amount_minor,
                         currency,
                         reason,
                         fault);
}

/* As told, or retrieved when another api_version told it. False: it is now wanted. */
static bool find_fee(struct event_work *work, const struct cJSON **out_fee)
{
    *out_fee = work->told;
    return *out_fee || event_retrieved_id(work,
                                          "/v1/application_fees",
                                          work->event.object_id,
                                          0,
                                          out_fee);
}

/* The payment that the charge is of: our rows know it, or Stripe does. Empty: neither. */
static enum outcome find_intent(struct event_work *work,
                                struct span charge,
                                struct span *out_intent,
                                struct fault *fault)
{
    struct sql_rows rows;
    const struct cJSON *object = NULL;
    enum outcome outcome = mariadb_run(work->handling->db,
                                       "SELECT stripe_payment_intent_id FROM"
                                       " payment_intents WHERE stripe_charge_id = ?",
                                       SQL_VALUES(SQL_SPAN(charge)),
                                       work->handling->arena,
                                       &rows,
                                       fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count > 0) {
        *out_intent = sql_text(&rows, 0, 0);
    } else if (event_retrieved_id(work, "/v1/charges", charge, 0, &object)) {
        *out_intent = event_id_at(object, "payment_intent");
    }
    return OUTCOME_DONE;
}
