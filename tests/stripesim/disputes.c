/* SPDX-License-Identifier: MIT
 * Disputes. */
#include "tests/stripesim/disputes.h"

#include <assert.h>

#include "tests/stripesim/balance.h"
#include "tests/stripesim/call.h"
#include "tests/stripesim/charges.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/payments.h"
#include "tests/stripesim/sim.h"

enum { DAYS_TO_ANSWER = 14, DAY_S = 86400, DISPUTE_FEE = 1500 };

static const struct balance_transaction *book(struct sim *sim,
                                              const struct dispute *dispute,
                                              enum booking_kind kind,
                                              const char *what,
                                              int64_t fee);
static bool is_wanted(const struct call *call, const struct object *object);
static void write_transactions(struct json_writer *json,
                               const char *name,
                               const void *object);
static void write_evidence_details(struct json_writer *json,
                                   const char *name,
                                   const void *object);
static void write_method(struct json_writer *json, const char *name, const void *object);

static const char *const status_names[DISPUTE_STATUS_COUNT] = {
    [DISPUTE_NEEDS_RESPONSE] = "needs_response",
    [DISPUTE_UNDER_REVIEW] = "under_review",
    [DISPUTE_WON] = "won",
    [DISPUTE_LOST] = "lost",
};

#define ROW(member, as) FIELD(struct dispute, member, as)
static const struct field fields[] = {
    FIELD_HEAD("dispute"),
    ROW(amount, FIELD_INTEGER),
    FIELD_BY("balance_transactions", write_transactions),
    ROW(charge, FIELD_LINK),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    FIELD_ALWAYS(
        "evidence",
        "{\"access_activity_log\":null,\"billing_address\":null,"
        "\"cancellation_policy\":null,\"cancellation_policy_disclosure\":null,"
        "\"cancellation_rebuttal\":null,\"customer_communication\":null,"
        "\"customer_email_address\":null,\"customer_name\":null,"
        "\"customer_purchase_ip\":null,\"customer_signature\":null,"
        "\"duplicate_charge_documentation\":null,\"duplicate_charge_explanation\":null,"
        "\"duplicate_charge_id\":null,\"product_description\":null,\"receipt\":null,"
        "\"refund_policy\":null,\"refund_policy_disclosure\":null,"
        "\"refund_refusal_explanation\":null,\"service_date\":null,"
        "\"service_documentation\":null,\"shipping_address\":null,"
        "\"shipping_carrier\":null,\"shipping_date\":null,"
        "\"shipping_documentation\":null,\"shipping_tracking_number\":null,"
        "\"uncategorized_file\":null,\"uncategorized_text\":null}"),
    FIELD_BY("evidence_details", write_evidence_details),
    FIELD_ALWAYS("is_charge_refundable", "false"),
    FIELD_LIVEMODE,
    FIELD_ALWAYS("metadata", "{}"),
    ROW(payment_intent, FIELD_LINK),
    FIELD_BY("payment_method_details", write_method),
    ROW(reason, FIELD_STRING),
    FIELD_NAMED(struct dispute, status, status_names),
};
const struct shape dispute_shape = {
    .name = "dispute",
    .prefix = "du_1",
    .path_param = "dispute",
    .size = sizeof(struct dispute),
    .fields = fields,
    .field_count = FIELD_COUNT(fields),
};

bool disputes_may(const struct charge *charge)
{
    return charge->captured && !charge->disputed &&
           charge->amount_refunded < charge->amount;
}

struct dispute *disputes_open(struct sim *sim, struct charge *charge, const char *reason)
{
    assert(disputes_may(charge));
    struct dispute *dispute =
        store_new(&sim->store, KIND_DISPUTE, charge->object.account, NULL);
    dispute->amount = charge->amount - charge->amount_refunded;
    dispute->due_by = dispute->object.created + (int64_t)DAYS_TO_ANSWER * DAY_S;
    dispute->brand = charges_brand(charge);
    dispute->charge = charge->object.id;
    dispute->currency = charge->currency;
    dispute->payment_intent = charge->payment_intent;
    dispute->reason = reason;
    dispute->withdrawn =
        book(sim, dispute, BOOK_DISPUTE, "Chargeback withdrawal", DISPUTE_FEE);
    charge->disputed = true;
    charge->dispute = dispute->object.id;
    events_emit(sim, EVENT_DISPUTE_CREATED, &dispute->object, NULL);
    events_emit(sim, EVENT_DISPUTE_FUNDS_WITHDRAWN, &dispute->object, NULL);
    return dispute;
}

void disputes_answer(struct sim *sim, struct dispute *dispute)
{
    assert(dispute->status == DISPUTE_NEEDS_RESPONSE);
    struct dispute before = *dispute;
    dispute->status = DISPUTE_UNDER_REVIEW;
    dispute->submissions++;
    events_emit(sim, EVENT_DISPUTE_UPDATED, &dispute->object, &before.object);
}

void disputes_close(struct sim *sim, struct dispute *dispute, bool won)
{
    assert(disputes_is_open(dispute));
    struct dispute before = *dispute;
    dispute->status = won ? DISPUTE_WON : DISPUTE_LOST;
    if (won) {
        dispute->reinstated = book(sim,
                                   dispute,
                                   BOOK_DISPUTE_REVERSAL,
                                   "Chargeback reversal",
                                   -DISPUTE_FEE);
    }
    events_emit(sim, EVENT_DISPUTE_CLOSED, &dispute->object, &before.object);
    if (won) {
        events_emit(sim, EVENT_DISPUTE_FUNDS_REINSTATED, &dispute->object, NULL);
    }
}

bool disputes_is_open(const struct dispute *dispute)
{
    return dispute->status == DISPUTE_NEEDS_RESPONSE ||
           dispute->status == DISPUTE_UNDER_REVIEW;
}

const char *disputes_status_name(enum dispute_status status)
{
    return status_names[status];
}

void disputes_list(struct call *call)
{
    list_answer(call, KIND_DISPUTE, is_wanted);
}

void disputes_retrieve(struct call *call)
{
    struct object *dispute = call_find(call, KIND_DISPUTE, call->path_id);
    if (dispute) {
        call_answer(call, dispute);
    }
}

static const struct balance_transaction *book(struct sim *sim,
                                              const struct dispute *dispute,
                                              enum booking_kind kind,
                                              const char *what,
                                              int64_t fee)
{
    return balance_book(
        sim,
        &(struct booking){
            .kind = kind,
            .account = dispute->object.account,
            .source = dispute->object.id,
            .currency = dispute->currency,
            .description = store_format(&sim->store, "%s for %s", what, dispute->charge),
            .amount = dispute->amount,
            .stripe_fee = fee,
        });
}

static bool is_wanted(const struct call *call, const struct object *object)
{
    const struct dispute *dispute = (const struct dispute *)(const void *)object;
    const struct form_entry *charge = form_find(&call->form, "charge");
    const struct form_entry *intent = form_find(&call->form, "payment_intent");
    return (!charge || span_is(charge->value, dispute->charge)) &&
           (!intent || span_equal(intent->value, span_of(dispute->payment_intent)));
}

static void write_transactions(struct json_writer *json,
                               const char *name,
                               const void *object)
{
    const struct dispute *dispute = object;
    json_open(json, name, '[');
    object_write(&dispute->withdrawn->object, json, NULL, NULL);
    if (dispute->reinstated) {
        object_write(&dispute->reinstated->object, json, NULL, NULL);
    }
    json_close(json, ']');
}

static void write_evidence_details(struct json_writer *json,
                                   const char *name,
                                   const void *object)
{
    const struct dispute *dispute = object;
    json_open(json, name, '{');
    json_put_integer(json, "due_by", dispute->due_by);
    json_put_bool(json, "has_evidence", dispute->submissions > 0);
    json_put_bool(json, "past_due", false);
    json_put_integer(json, "submission_count", dispute->submissions);
    json_close(json, '}');
}

static void write_method(struct json_writer *json, const char *name, const void *object)
{
    const struct dispute *dispute = object;
    json_open(json, name, '{');
    json_open(json, "card", '{');
    json_put_string(json, "brand", span_of(dispute->brand));
    json_put_string(json, "case_type", SPAN("chargeback"));
    json_put_string(json, "network_reason_code", SPAN("10.4"));
    json_close(json, '}');
    json_put_string(json, "type", SPAN("card"));
    json_close(json, '}');
}
