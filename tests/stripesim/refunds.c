/* SPDX-License-Identifier: MIT
 * Refunds. */
#include "tests/stripesim/refunds.h"

#include <assert.h>

#include "tests/stripesim/call.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/metadata.h"
#include "tests/stripesim/payments.h"
#include "tests/stripesim/sim.h"
#include "tests/stripesim/transfers.h"

static const char *book(struct sim *sim,
                        const struct refund *refund,
                        enum booking_kind kind);
static struct charge *charge_of(const struct sim *sim, const struct refund *refund);
static struct charge *charge_asked_for(struct call *call);
static bool find_refunds(struct call *call, struct store_list *out_list);
static bool check(struct call *call, const struct charge *charge, int64_t amount);
static bool is_wanted(const struct call *call, const struct object *object);
static void write_destination(struct json_writer *json,
                              const char *name,
                              const void *object);

static const char *const status_names[REFUND_STATUS_COUNT] = {
    [REFUND_PENDING] = "pending",
    [REFUND_SUCCEEDED] = "succeeded",
    [REFUND_FAILED] = "failed",
};

#define ROW(member, as) FIELD(struct refund, member, as)
static const struct field fields[] = {
    FIELD_HEAD("refund"),
    ROW(amount, FIELD_INTEGER),
    ROW(balance_transaction, FIELD_LINK),
    ROW(charge, FIELD_LINK),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    FIELD_BY("destination_details", write_destination),
    {.name = "failure_balance_transaction",
     .kind = FIELD_LINK,
     .offset = offsetof(struct refund, failure_balance_transaction),
     .omit_null = true},
    {.name = "failure_reason",
     .kind = FIELD_STRING,
     .offset = offsetof(struct refund, failure_reason),
     .omit_null = true},
    ROW(metadata, FIELD_JSON),
    ROW(payment_intent, FIELD_LINK),
    ROW(reason, FIELD_STRING),
    FIELD_NULL("receipt_number"),
    FIELD_NULL("source_transfer_reversal"),
    FIELD_NAMED(struct refund, status, status_names),
    ROW(transfer_reversal, FIELD_LINK),
};
const struct shape refund_shape = {
    .name = "refund",
    .prefix = "re_3",
    .path_param = "refund",
    .size = sizeof(struct refund),
    .fields = fields,
    .field_count = FIELD_COUNT(fields),
};

int64_t refunds_left(const struct charge *charge)
{
    return charge->amount - charge->amount_refunded;
}

struct refund *refunds_make(struct sim *sim,
                            struct charge *charge,
                            const struct refund_order *order)
{
    assert(order->amount > 0 && order->amount <= refunds_left(charge));
    struct refund *refund =
        store_new(&sim->store, KIND_REFUND, charge->object.account, NULL);
    refund->amount = order->amount;
    refund->charge = charge->object.id;
    refund->currency = charge->currency;
    if (order->booking != BOOKING_KIND_COUNT) {
        refund->balance_transaction = book(sim, refund, order->booking);
    }
    refund->metadata = order->metadata;
    refund->payment_intent = charge->payment_intent;
    refund->reason = order->reason;
    refund->status = order->status;
    struct charge before = *charge;
    charge->amount_refunded += order->amount;
    charge->refunded = refunds_left(charge) == 0;
    refund->older = charge->newest_refund;
    charge->newest_refund = refund;
    if (order->reverse_transfer) {
        refund->transfer_reversal = transfers_reverse(sim, charge, refund);
    }
    events_emit(sim, EVENT_REFUND_CREATED, &refund->object, NULL);
    events_emit(sim, EVENT_CHARGE_REFUNDED, &charge->object, &before.object);
    if (order->refund_fee) {
        transfers_refund_fee(sim, charge, refund);
    }
    return refund;
}

void refunds_settle(struct sim *sim, struct refund *refund)
{
    assert(refund->status != REFUND_FAILED);
    struct refund before = *refund;
    refund->status = REFUND_SUCCEEDED;
    refund->reference = "74850120752";
    events_emit(sim, EVENT_CHARGE_REFUND_UPDATED, &refund->object, &before.object);
    events_emit(sim, EVENT_REFUND_UPDATED, &refund->object, &before.object);
}

void refunds_fail(struct sim *sim, struct refund *refund, const char *reason)
{
    assert(refund->status != REFUND_FAILED);
    struct refund before = *refund;
    struct charge *charge = charge_of(sim, refund);
    charge->amount_refunded -= refund->amount;
    charge->refunded = false;
    refund->status = REFUND_FAILED;
    refund->failure_reason = reason;
    if (refund->balance_transaction) {
        refund->failure_balance_transaction = book(sim, refund, BOOK_REFUND_FAILURE);
    }
    events_emit(sim, EVENT_CHARGE_REFUND_UPDATED, &refund->object, &before.object);
    events_emit(sim, EVENT_REFUND_UPDATED, &refund->object, &before.object);
}

const char *refunds_status_name(enum refund_status status)
{
    return status_names[status];
}

void refunds_create(struct call *call)
{
    struct charge *charge = charge_asked_for(call);
    struct refund_order order = {.booking = BOOK_REFUND,
                                 .metadata = "{}",
                                 .status = call->sim->refunds_wait ? REFUND_PENDING
                                                                   : REFUND_SUCCEEDED};
    if (!charge) {
        return;
    }
    order.amount = call_integer(call, "amount", refunds_left(charge));
    order.reverse_transfer = call_is_true(call, "reverse_transfer");
    order.refund_fee = call_is_true(call, "refund_application_fee");
    if (!check(call, charge, order.amount) ||
        !metadata_merge(call, "{}", &order.metadata)) {
        return;
    }
    order.reason = call_string(call, "reason");
    struct refund *refund = refunds_make(call->sim, charge, &order);
    call_answer(call, &refund->object);
    /* The acquirer's reference arrives after the answer, and is told by events. */
    if (refund->status == REFUND_SUCCEEDED) {
        refunds_settle(call->sim, refund);
    }
}

void refunds_list(struct call *call)
{
    struct store_list list = {0};
    if (find_refunds(call, &list)) {
        list_answer_of(call, KIND_REFUND, &list, is_wanted);
    } else {
        list_answer(call, KIND_REFUND, is_wanted);
    }
}

void refunds_retrieve(struct call *call)
{
    struct object *refund = call_find(call, KIND_REFUND, call->path_id);
    if (refund) {
        call_answer(call, refund);
    }
}

void refunds_update(struct call *call)
{
    struct refund *refund = call_find(call, KIND_REFUND, call->path_id);
    const char *metadata;
    if (!refund || !metadata_merge(call, refund->metadata, &metadata)) {
        return;
    }
    struct refund before = *refund;
    refund->metadata = metadata;
    events_emit(call->sim, EVENT_CHARGE_REFUND_UPDATED, &refund->object, &before.object);
    events_emit(call->sim, EVENT_REFUND_UPDATED, &refund->object, &before.object);
    call_answer(call, &refund->object);
}

static const char *book(struct sim *sim,
                        const struct refund *refund,
                        enum booking_kind kind)
{
    return balance_book(sim,
                        &(struct booking){.kind = kind,
                                          .account = refund->object.account,
                                          .source = refund->object.id,
                                          .currency = refund->currency,
                                          .amount = refund->amount})
        ->object.id;
}

static struct charge *charge_of(const struct sim *sim, const struct refund *refund)
{
    struct charge *charge = store_find(&sim->store,
                                       KIND_CHARGE,
                                       refund->object.account,
                                       span_of(refund->charge));
    assert(charge);
    return charge;
}

/* By its own id or by its payment intent's; NULL after refusing. */
static struct charge *charge_asked_for(struct call *call)
{
    const struct form_entry *by_charge = form_find(&call->form, "charge");
    const struct form_entry *by_intent = form_find(&call->form, "payment_intent");
    if (!by_charge && !by_intent) {
        call_refuse(
            call,
            &(struct refusal){.code = "parameter_missing", .param = "payment_intent"},
            "One of the following params should be provided for this request: "
            "payment_intent or charge.");
        return NULL;
    }
    if (by_charge) {
        return call_find_param(call, KIND_CHARGE, "charge", 404);
    }
    struct payment_intent *intent =
        call_find_param(call, KIND_PAYMENT_INTENT, "payment_intent", 404);
    struct charge *charge = intent ? payments_charge(call->sim, intent) : NULL;
    bool is_paid = charge && charge->status == CHARGE_SUCCEEDED &&
                   (charge->captured || charge->refunded);
    if (intent && !is_paid) {
        call_refuse(
            call,
            &(struct refusal){.code = "payment_intent_unexpected_state"},
            "This PaymentIntent (%s) does not have a successful charge to refund.",
            intent->object.id);
        return NULL;
    }
    return charge;
}

/* Of the charge or the payment intent that is asked for; false: of neither. */
static bool find_refunds(struct call *call, struct store_list *out_list)
{
    const struct store *store = &call->sim->store;
    const struct form_entry *by_charge = form_find(&call->form, "charge");
    const struct form_entry *by_intent = form_find(&call->form, "payment_intent");
    struct charge *charge =
        by_charge ? store_find(store, KIND_CHARGE, call->account, by_charge->value)
                  : NULL;
    struct payment_intent *intent =
        by_intent
            ? store_find(store, KIND_PAYMENT_INTENT, call->account, by_intent->value)
            : NULL;
    if (intent && !charge) {
        charge = payments_charge(call->sim, intent);
    }
    /* Charges before the last one were declined. */
    for (struct refund *at = charge ? charge->newest_refund : NULL; at; at = at->older) {
        list_add(call, out_list, &at->object);
    }
    list_turn(out_list);
    return by_charge || by_intent;
}

static bool check(struct call *call, const struct charge *charge, int64_t amount)
{
    const char *id = charge->object.id;
    if (charge->status != CHARGE_SUCCEEDED) {
        call_refuse(call,
                    &(struct refusal){.code = "charge_not_refundable"},
                    "Charge %s cannot be refunded because it did not succeed.",
                    id);
        return false;
    }
    if (refunds_left(charge) == 0) {
        call_refuse(call,
                    &(struct refusal){.code = "charge_already_refunded"},
                    "Charge %s has already been refunded.",
                    id);
        return false;
    }
    if (!charge->captured) {
        call_refuse(call,
                    &(struct refusal){.code = "charge_not_refundable"},
                    "Charge %s has not been captured. Cancel its PaymentIntent instead.",
                    id);
        return false;
    }
    if (charge->disputed) {
        call_refuse(call,
                    &(struct refusal){.code = "charge_disputed"},
                    "Charge %s has been charged back; cannot issue a refund.",
                    id);
        return false;
    }
    if (amount > refunds_left(charge)) {
        long long left = (long long)refunds_left(charge);
        call_refuse(call,
                    &(struct refusal){.param = "amount"},
                    "Refund amount (€%lld.%02lld) is greater than unrefunded amount on "
                    "charge (€%lld.%02lld)",
                    (long long)amount / 100,
                    (long long)amount % 100,
                    left / 100,
                    left % 100);
        return false;
    }
    if (call_is_true(call, "reverse_transfer") && !charge->transfer) {
        call_refuse(call,
                    &(struct refusal){.param = "reverse_transfer"},
                    "Cannot reverse transfer on charge %s because it does not have an "
                    "associated transfer.",
                    id);
        return false;
    }
    if (call_is_true(call, "refund_application_fee") && !charge->application_fee) {
        call_refuse(call,
                    &(struct refusal){.param = "refund_application_fee"},
                    "Attempting to refund_application_fee on charge %s, but it has no "
                    "application fee",
                    id);
        return false;
    }
    return true;
}

static bool is_wanted(const struct call *call, const struct object *object)
{
    const struct refund *refund = (const struct refund *)(const void *)object;
    const struct form_entry *charge = form_find(&call->form, "charge");
    const struct form_entry *intent = form_find(&call->form, "payment_intent");
    return (!charge || span_is(charge->value, refund->charge)) &&
           (!intent || span_equal(intent->value, span_of(refund->payment_intent)));
}

static void write_destination(struct json_writer *json,
                              const char *name,
                              const void *object)
{
    const struct refund *refund = object;
    json_open(json, name, '{');
    json_open(json, "card", '{');
    if (refund->reference) {
        json_put_string(json, "reference", span_of(refund->reference));
    }
    json_put_string(json,
                    "reference_status",
                    refund->reference ? SPAN("available") : SPAN("pending"));
    json_put_string(json, "reference_type", SPAN("acquirer_reference_number"));
    json_put_string(json, "type", SPAN("refund"));
    json_close(json, '}');
    json_put_string(json, "type", SPAN("card"));
    json_close(json, '}');
}
