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
static void *below(struct call *call, enum kind kind, enum kind above, size_t offset);

void transfers_make(struct sim *sim, struct charge *charge)
{
    assert(charge->captured && !charge->transfer);
    const char *payment = NULL; /* on the connected account */
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
        payment = transfer->destination_payment;
        book_transfer(sim, transfer, charge);
    }
    if (charge->application_fee_amount > 0) {
        struct application_fee *fee =
            store_new(&sim->store, KIND_APPLICATION_FEE, NULL, NULL);
        fee->amount = charge->application_fee_amount;
        fee->payer = charge->destination ? charge->destination : charge->object.account;
        fee->charge = payment ? payment : charge->object.id;
        fee->originating = payment ? charge->object.id : NULL;
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

void transfers_list_reversals(struct call *call)
{
    struct transfer *transfer = call_find(call, KIND_TRANSFER, call->path_id);
    struct store_list list = {0};
    if (!transfer) {
        return;
    }
    for (struct transfer_reversal *at = transfer->newest; at; at = at->older) {
        list_add(call, &list, &at->object);
    }
    list_turn(&list);
    list_answer_of(call, KIND_TRANSFER_REVERSAL, &list, NULL);
}

void transfers_retrieve_reversal(struct call *call)
{
    struct object *found = below(call,
                                 KIND_TRANSFER_REVERSAL,
                                 KIND_TRANSFER,
                                 offsetof(struct transfer_reversal, transfer));
    if (found) {
        call_answer(call, found);
    }
}

void transfers_list_fee_refunds(struct call *call)
{
    struct application_fee *fee = call_find(call, KIND_APPLICATION_FEE, call->path_id);
    struct store_list list = {0};
    if (!fee) {
        return;
    }
    for (struct fee_refund *at = fee->newest; at; at = at->older) {
        list_add(call, &list, &at->object);
    }
    list_turn(&list);
    list_answer_of(call, KIND_FEE_REFUND, &list, NULL);
}

void transfers_retrieve_fee_refund(struct call *call)
{
    struct object *found = below(call,
                                 KIND_FEE_REFUND,
                                 KIND_APPLICATION_FEE,
                                 offsetof(struct fee_refund, fee));
    if (found) {
        call_answer(call, found);
    }
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

/* What the path's last part names, when it belongs to what the third names:
 * /v1/transfers/{id}/reversals/{id}. The offset is of the link to that. */
static void *below(struct call *call, enum kind kind, enum kind above, size_t offset)
{
    struct span rest = call->path;
    struct span owner = {NULL, 0};
    for (int i = 0; i < 4; i++) {
        owner = span_cut(rest, '/', &rest);
    }
    if (!call_find(call, above, owner)) {
        return NULL;
    }
    void *object = call_find(call, kind, call->path_id);
    if (!object) {
        return NULL;
    }
    const char *const *link = (const char *const *)(void *)((char *)object + offset);
    if (!span_is(owner, *link)) {
        call_refuse(call,
                    &(struct refusal){.status = 404,
                                      .code = "resource_missing",
                                      .param = object_shape(kind)->path_param},
                    "No such %s: '%.*s'",
                    object_shape(kind)->name,
                    SPAN_ARGS(call->path_id));
        return NULL;
    }
    return object;
}
