/* SPDX-License-Identifier: MIT
 * Transfers and application fees. */
#include "tests/stripesim/transfers.h"

#include <assert.h>

#include "tests/stripesim/balance.h"
#include "tests/stripesim/call.h"
#include "tests/stripesim/events.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/payments.h"
#include "tests/stripesim/refunds.h"
#include "tests/stripesim/sim.h"

static void book_transfer(struct sim *sim,
                          struct transfer *transfer,
                          const struct charge *charge);
static const char *book(struct sim *sim,
                        enum booking_kind kind,
                        const char *account,
                        const char *source,
                        const char *currency,
                        int64_t amount);
static int64_t share_of(int64_t whole,
                        int64_t taken,
                        const struct charge *charge,
                        const struct refund *refund);
static bool is_wanted(const struct call *call, const struct object *object);
static bool is_wanted_fee(const struct call *call, const struct object *object);
static void write_reversals(struct json_writer *json,
                            const char *name,
                            const void *object);
static void write_fee_refunds(struct json_writer *json,
                              const char *name,
                              const void *object);
static void open_list(struct json_writer *json, const char *name);
static void close_list(struct json_writer *json,
                       const char *path,
                       const char *id,
                       const char *below);
static void write_source(struct json_writer *json, const char *name, const void *object);

#define ROW(member, as) FIELD(struct transfer, member, as)
static const struct field transfer_fields[] = {
    FIELD_HEAD("transfer"),
    ROW(amount, FIELD_INTEGER),
    ROW(amount_reversed, FIELD_INTEGER),
    ROW(balance_transaction, FIELD_LINK),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    FIELD_NULL("description"),
    ROW(destination, FIELD_LINK),
    ROW(destination_payment, FIELD_LINK),
    FIELD_LIVEMODE,
    FIELD_ALWAYS("metadata", "{}"),
    FIELD_BY("reversals", write_reversals),
    ROW(reversed, FIELD_BOOL),
    ROW(source_transaction, FIELD_LINK),
    FIELD_ALWAYS("source_type", "\"card\""),
    ROW(transfer_group, FIELD_STRING),
};
#undef ROW
const struct shape transfer_shape = {
    .name = "transfer",
    .prefix = "tr_3",
    .path_param = "id",
    .size = sizeof(struct transfer),
    .fields = transfer_fields,
    .field_count = FIELD_COUNT(transfer_fields),
};

#define ROW(member, as) FIELD(struct transfer_reversal, member, as)
static const struct field reversal_fields[] = {
    FIELD_HEAD("transfer_reversal"),
    ROW(amount, FIELD_INTEGER),
    ROW(balance_transaction, FIELD_LINK),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    ROW(destination_payment_refund, FIELD_LINK),
    FIELD_ALWAYS("metadata", "{}"),
    ROW(source_refund, FIELD_LINK),
    ROW(transfer, FIELD_LINK),
};
#undef ROW
const struct shape transfer_reversal_shape = {
    .name = "transfer_reversal",
    .prefix = "trr_1",
    .path_param = "reversal",
    .size = sizeof(struct transfer_reversal),
    .fields = reversal_fields,
    .field_count = FIELD_COUNT(reversal_fields),
};

#define ROW(member, as) FIELD(struct application_fee, member, as)
static const struct field fee_fields[] = {
    FIELD_HEAD("application_fee"),
    {.name = "account",
     .kind = FIELD_LINK,
     .offset = offsetof(struct application_fee, payer)},
    ROW(amount, FIELD_INTEGER),
    ROW(amount_refunded, FIELD_INTEGER),
    FIELD_ALWAYS("application", "\"ca_TocsinOfTheSimulator\""),
    ROW(balance_transaction, FIELD_LINK),
    ROW(charge, FIELD_LINK),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    FIELD_BY("fee_source", write_source),
    FIELD_LIVEMODE,
    FIELD_NULL("originating_transaction"),
    ROW(refunded, FIELD_BOOL),
    FIELD_BY("refunds", write_fee_refunds),
};
#undef ROW
const struct shape application_fee_shape = {
    .name = "application_fee",
    .prefix = "fee_1",
    .path_param = "id",
    .size = sizeof(struct application_fee),
    .fields = fee_fields,
    .field_count = FIELD_COUNT(fee_fields),
};

#define ROW(member, as) FIELD(struct fee_refund, member, as)
static const struct field fee_refund_fields[] = {
    FIELD_HEAD("fee_refund"),
    ROW(amount, FIELD_INTEGER),
    ROW(balance_transaction, FIELD_LINK),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    ROW(fee, FIELD_LINK),
    FIELD_ALWAYS("metadata", "{}"),
};
#undef ROW
const struct shape fee_refund_shape = {
    .name = "fee_refund",
    .prefix = "fr_1",
    .path_param = "refund",
    .size = sizeof(struct fee_refund),
    .fields = fee_refund_fields,
    .field_count = FIELD_COUNT(fee_refund_fields),
};

void transfers_make(struct sim *sim, struct charge *charge)
{
    assert(charge->captured && !charge->transfer);
    if (charge->destination) {
        struct transfer *transfer =
            store_new(&sim->store, KIND_TRANSFER, charge->object.account, NULL);
        if (!charge->transfer_group) {
            charge->transfer_group =
                store_format(&sim->store, "group_%s", charge->payment_intent);
        }
        transfer->amount = charge->transfer_amount == OBJECT_NONE
                               ? charge->amount_captured
                               : charge->transfer_amount;
        transfer->currency = charge->currency;
        transfer->destination = charge->destination;
        transfer->destination_payment = store_id(&sim->store, "py_1");
        transfer->source_transaction = charge->object.id;
        transfer->transfer_group = charge->transfer_group;
        charge->transfer = transfer->object.id;
        book_transfer(sim, transfer, charge);
    }
    if (charge->application_fee_amount > 0) {
        struct application_fee *fee =
            store_new(&sim->store, KIND_APPLICATION_FEE, NULL, NULL);
        fee->amount = charge->application_fee_amount;
        fee->payer = charge->destination ? charge->destination : charge->object.account;
        fee->charge = charge->object.id;
        fee->currency = charge->currency;
        fee->balance_transaction = book(sim,
                                        BOOK_APPLICATION_FEE,
                                        NULL,
                                        fee->object.id,
                                        fee->currency,
                                        fee->amount);
        charge->application_fee = fee->object.id;
    }
}

const char *transfers_reverse(struct sim *sim,
                              const struct charge *charge,
                              const struct refund *refund)
{
    struct transfer *transfer = store_find(&sim->store,
                                           KIND_TRANSFER,
                                           charge->object.account,
                                           span_of(charge->transfer));
    assert(transfer);
    struct transfer_reversal *reversal =
        store_new(&sim->store, KIND_TRANSFER_REVERSAL, charge->object.account, NULL);
    reversal->amount =
        share_of(transfer->amount, transfer->amount_reversed, charge, refund);
    reversal->currency = transfer->currency;
    reversal->destination_payment_refund = store_id(&sim->store, "pyr_1");
    reversal->source_refund = refund->object.id;
    reversal->transfer = transfer->object.id;
    reversal->balance_transaction = book(sim,
                                         BOOK_TRANSFER_REFUND,
                                         reversal->object.account,
                                         reversal->object.id,
                                         reversal->currency,
                                         reversal->amount);
    book(sim,
         BOOK_PAYMENT_REFUND,
         transfer->destination,
         reversal->destination_payment_refund,
         reversal->currency,
         reversal->amount);
    reversal->older = transfer->newest;
    transfer->newest = reversal;
    transfer->amount_reversed += reversal->amount;
    transfer->reversed = transfer->amount_reversed == transfer->amount;
    return reversal->object.id;
}

void transfers_refund_fee(struct sim *sim,
                          const struct charge *charge,
                          const struct refund *refund)
{
    struct application_fee *fee = store_find(&sim->store,
                                             KIND_APPLICATION_FEE,
                                             NULL,
                                             span_of(charge->application_fee));
    assert(fee);
    const struct application_fee before = *fee;
    struct fee_refund *back = store_new(&sim->store, KIND_FEE_REFUND, NULL, NULL);
    back->amount = share_of(fee->amount, fee->amount_refunded, charge, refund);
    back->currency = fee->currency;
    back->fee = fee->object.id;
    back->balance_transaction = book(sim,
                                     BOOK_APPLICATION_FEE_REFUND,
                                     NULL,
                                     back->object.id,
                                     back->currency,
                                     back->amount);
    book(sim, BOOK_FEE_BACK, fee->payer, back->object.id, back->currency, back->amount);
    back->older = fee->newest;
    fee->newest = back;
    fee->amount_refunded += back->amount;
    fee->refunded = fee->amount_refunded == fee->amount;
    events_emit(sim, EVENT_APPLICATION_FEE_REFUNDED, &fee->object, &before.object);
}

void transfers_list(struct call *call)
{
    list_answer(call, KIND_TRANSFER, is_wanted);
}

void transfers_retrieve(struct call *call)
{
    struct object *transfer = call_find(call, KIND_TRANSFER, call->path_id);
    if (transfer) {
        call_answer(call, transfer);
    }
}

void transfers_list_fees(struct call *call)
{
    list_answer(call, KIND_APPLICATION_FEE, is_wanted_fee);
}

void transfers_retrieve_fee(struct call *call)
{
    struct object *fee = call_find(call, KIND_APPLICATION_FEE, call->path_id);
    if (fee) {
        call_answer(call, fee);
    }
}

/* On both balances; the account bears the platform's fee. */
static void book_transfer(struct sim *sim,
                          struct transfer *transfer,
                          const struct charge *charge)
{
    int64_t fee = charge->application_fee_amount;
    transfer->balance_transaction = book(sim,
                                         BOOK_TRANSFER,
                                         transfer->object.account,
                                         transfer->object.id,
                                         transfer->currency,
                                         transfer->amount);
    balance_book(sim,
                 &(struct booking){.kind = BOOK_PAYMENT,
                                   .account = transfer->destination,
                                   .source = transfer->destination_payment,
                                   .currency = transfer->currency,
                                   .amount = transfer->amount,
                                   .application_fee = fee == OBJECT_NONE ? 0 : fee});
}

static const char *book(struct sim *sim,
                        enum booking_kind kind,
                        const char *account,
                        const char *source,
                        const char *currency,
                        int64_t amount)
{
    return balance_book(sim,
                        &(struct booking){.kind = kind,
                                          .account = account,
                                          .source = source,
                                          .currency = currency,
                                          .amount = amount})
        ->object.id;
}

/* Shares are counted from the sum of all refunds, so that they add up to the whole when
 * everything is refunded. The charge counts this refund already, and what was released
 * because less was captured; a refund that failed may have taken its share before. */
static int64_t share_of(int64_t whole,
                        int64_t taken,
                        const struct charge *charge,
                        const struct refund *refund)
{
    int64_t released = charge->amount - charge->amount_captured;
    int64_t after = charge->amount_refunded - released;
    int64_t before = after - refund->amount;
    int64_t share = whole * after / charge->amount_captured -
                    whole * before / charge->amount_captured;
    return share < whole - taken ? share : whole - taken;
}

static bool is_wanted(const struct call *call, const struct object *object)
{
    const struct transfer *transfer = (const struct transfer *)(const void *)object;
    const struct form_entry *destination = form_find(&call->form, "destination");
    const struct form_entry *group = form_find(&call->form, "transfer_group");
    return (!destination ||
            span_equal(destination->value, span_of(transfer->destination))) &&
           (!group || span_equal(group->value, span_of(transfer->transfer_group)));
}

static bool is_wanted_fee(const struct call *call, const struct object *object)
{
    const struct application_fee *fee =
        (const struct application_fee *)(const void *)object;
    const struct form_entry *charge = form_find(&call->form, "charge");
    return !charge || span_is(charge->value, fee->charge);
}

static void write_reversals(struct json_writer *json,
                            const char *name,
                            const void *object)
{
    const struct transfer *transfer = object;
    open_list(json, name);
    for (const struct transfer_reversal *at = transfer->newest; at; at = at->older) {
        object_write(&at->object, json, NULL, NULL);
    }
    close_list(json, "/v1/transfers", transfer->object.id, "reversals");
}

static void write_fee_refunds(struct json_writer *json,
                              const char *name,
                              const void *object)
{
    const struct application_fee *fee = object;
    open_list(json, name);
    for (const struct fee_refund *at = fee->newest; at; at = at->older) {
        object_write(&at->object, json, NULL, NULL);
    }
    close_list(json, "/v1/application_fees", fee->object.id, "refunds");
}

static void open_list(struct json_writer *json, const char *name)
{
    json_open(json, name, '{');
    json_put_string(json, "object", SPAN("list"));
    json_open(json, "data", '[');
}

static void close_list(struct json_writer *json,
                       const char *path,
                       const char *id,
                       const char *below)
{
    struct text url;
    text_init(&url, 256);
    text_addf(&url, "%s/%s/%s", path, id, below);
    json_close(json, ']');
    json_put_bool(json, "has_more", false);
    json_put_string(json, "url", text_span(&url));
    json_close(json, '}');
    text_done(&url);
}

static void write_source(struct json_writer *json, const char *name, const void *object)
{
    const struct application_fee *fee = object;
    json_open(json, name, '{');
    json_put_string(json, "charge", span_of(fee->charge));
    json_put_string(json, "type", SPAN("charge"));
    json_close(json, '}');
}
