/* SPDX-License-Identifier: MIT
 * Payouts. */
#include "tests/stripesim/payouts.h"

#include "tests/stripesim/balance.h"
#include "tests/stripesim/call.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/sim.h"

enum { DAYS_ON_THE_WAY = 2, DAY_S = 86400 };

static const char *book(struct sim *sim,
                        const struct payout *payout,
                        enum booking_kind kind);
static bool is_wanted(const struct call *call, const struct object *object);

static const char *const status_names[] = {
    [PAYOUT_IN_TRANSIT] = "in_transit",
    [PAYOUT_PAID] = "paid",
    [PAYOUT_FAILED] = "failed",
};

#define ROW(member, as) FIELD(struct payout, member, as)
static const struct field fields[] = {
    FIELD_HEAD("payout"),
    ROW(amount, FIELD_INTEGER),
    FIELD_NULL("application_fee"),
    FIELD_NULL("application_fee_amount"),
    ROW(arrival_date, FIELD_INTEGER),
    FIELD_ALWAYS("automatic", "true"),
    ROW(balance_transaction, FIELD_LINK),
    FIELD_CREATED,
    FIELD_ALWAYS("currency", "\"eur\""),
    FIELD_ALWAYS("description", "\"STRIPE PAYOUT\""),
    ROW(destination, FIELD_STRING),
    ROW(failure_balance_transaction, FIELD_LINK),
    ROW(failure_code, FIELD_STRING),
    ROW(failure_message, FIELD_STRING),
    FIELD_LIVEMODE,
    FIELD_ALWAYS("metadata", "{}"),
    FIELD_ALWAYS("method", "\"standard\""),
    FIELD_NULL("original_payout"),
    FIELD_ALWAYS("reconciliation_status", "\"completed\""),
    FIELD_NULL("reversed_by"),
    FIELD_ALWAYS("source_type", "\"card\""),
    FIELD_NULL("statement_descriptor"),
    FIELD_NAMED(struct payout, status, status_names),
    FIELD_ALWAYS("type", "\"bank_account\""),
};
const struct shape payout_shape = {
    .name = "payout",
    .prefix = "po_1",
    .path_param = "payout",
    .size = sizeof(struct payout),
    .fields = fields,
    .field_count = FIELD_COUNT(fields),
};

struct payout *payouts_make(struct sim *sim,
                            const char *account,
                            int64_t amount,
                            bool succeeds)
{
    struct payout *payout = store_new(&sim->store, KIND_PAYOUT, account, NULL);
    payout->amount = amount;
    payout->arrival_date = payout->object.created + (int64_t)DAYS_ON_THE_WAY * DAY_S;
    payout->balance_transaction = book(sim, payout, BOOK_PAYOUT);
    payout->destination = store_id(&sim->store, "ba_1");
    events_emit(sim, EVENT_PAYOUT_CREATED, &payout->object, NULL);
    payout->status = succeeds ? PAYOUT_PAID : PAYOUT_FAILED;
    if (!succeeds) {
        payout->failure_balance_transaction = book(sim, payout, BOOK_PAYOUT_FAILURE);
        payout->failure_code = "account_closed";
        payout->failure_message = "The bank account has been closed";
    }
    events_emit(sim,
                succeeds ? EVENT_PAYOUT_PAID : EVENT_PAYOUT_FAILED,
                &payout->object,
                NULL);
    return payout;
}

void payouts_list(struct call *call)
{
    list_answer(call, KIND_PAYOUT, is_wanted);
}

void payouts_retrieve(struct call *call)
{
    struct object *payout = call_find(call, KIND_PAYOUT, call->path_id);
    if (payout) {
        call_answer(call, payout);
    }
}

static const char *book(struct sim *sim,
                        const struct payout *payout,
                        enum booking_kind kind)
{
    return balance_book(sim,
                        &(struct booking){.kind = kind,
                                          .account = payout->object.account,
                                          .source = payout->object.id,
                                          .currency = "eur",
                                          .amount = payout->amount})
        ->object.id;
}

static bool is_wanted(const struct call *call, const struct object *object)
{
    const struct payout *payout = (const struct payout *)(const void *)object;
    const struct form_entry *status = form_find(&call->form, "status");
    const struct form_entry *destination = form_find(&call->form, "destination");
    return (!status || span_is(status->value, status_names[payout->status])) &&
           (!destination || span_is(destination->value, payout->destination));
}
