/* SPDX-License-Identifier: MIT
 * Payouts. */
#include "tests/stripesim/payouts.h"

#include <assert.h>
#include <string.h>

#include "tests/stripesim/accounts.h"
#include "tests/stripesim/balance.h"
#include "tests/stripesim/call.h"
#include "tests/stripesim/intent_checks.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/metadata.h"
#include "tests/stripesim/sim.h"

enum { DAYS_ON_THE_WAY = 2, DAY_S = 86400 };

/* Where a payout may come from, and how that is told. */
struct move {
    unsigned int from; /* one bit for each state */
    enum event_type event;
    enum booking_kind booking; /* of what comes back; BOOKING_KIND_COUNT: nothing */
};

static int64_t collect(struct sim *sim,
                       const char *account,
                       const char *currency,
                       struct store_list *out_list);
static struct payout *new_payout(struct sim *sim, const struct payout_order *order);
static const char *bank_of(struct sim *sim, const char *account);
static const char *book(struct sim *sim,
                        const struct payout *payout,
                        enum booking_kind kind);
static bool may_pay_out(struct call *call, int64_t amount, const char *currency);
static bool is_wanted(const struct call *call, const struct object *object);
static void write_reconciliation(struct json_writer *json,
                                 const char *name,
                                 const void *object);

static const char *const status_names[PAYOUT_STATUS_COUNT] = {
    [PAYOUT_PENDING] = "pending",
    [PAYOUT_IN_TRANSIT] = "in_transit",
    [PAYOUT_PAID] = "paid",
    [PAYOUT_FAILED] = "failed",
    [PAYOUT_CANCELED] = "canceled",
};

#define STATE(status) (1u << (status))
static const struct move moves[PAYOUT_STATUS_COUNT] = {
    [PAYOUT_IN_TRANSIT] = {STATE(PAYOUT_PENDING),
                           EVENT_PAYOUT_UPDATED,
                           BOOKING_KIND_COUNT},
    [PAYOUT_PAID] = {STATE(PAYOUT_PENDING) | STATE(PAYOUT_IN_TRANSIT),
                     EVENT_PAYOUT_PAID,
                     BOOKING_KIND_COUNT},
    [PAYOUT_FAILED] = {STATE(PAYOUT_PENDING) | STATE(PAYOUT_IN_TRANSIT) |
                           STATE(PAYOUT_PAID),
                       EVENT_PAYOUT_FAILED,
                       BOOK_PAYOUT_FAILURE},
    [PAYOUT_CANCELED] = {STATE(PAYOUT_PENDING),
                         EVENT_PAYOUT_CANCELED,
                         BOOK_PAYOUT_CANCEL},
};

/* https://docs.stripe.com/api/payouts/failures; others have no words of their own. */
static const struct {
    const char *code;
    const char *message;
} failures[] = {
    {"account_closed", "The bank account has been closed."},
    {"account_frozen", "The bank account has been frozen."},
    {"could_not_process", "The bank could not process this payout."},
    {"debit_not_authorized", "Debit transactions are not approved on the bank account."},
    {"invalid_account_number",
     "The routing number seems correct, but the account number is invalid."},
    {"no_account", "The bank account details on file are probably incorrect."},
};

#define ROW(member, as) FIELD(struct payout, member, as)
static const struct field fields[] = {
    FIELD_HEAD("payout"),
    ROW(amount, FIELD_INTEGER),
    FIELD_NULL("application_fee"),
    FIELD_NULL("application_fee_amount"),
    ROW(arrival_date, FIELD_INTEGER),
    ROW(automatic, FIELD_BOOL),
    ROW(balance_transaction, FIELD_LINK),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    ROW(description, FIELD_STRING),
    ROW(destination, FIELD_STRING),
    ROW(failure_balance_transaction, FIELD_LINK),
    ROW(failure_code, FIELD_STRING),
    ROW(failure_message, FIELD_STRING),
    FIELD_LIVEMODE,
    ROW(metadata, FIELD_JSON),
    ROW(method, FIELD_STRING),
    FIELD_NULL("original_payout"),
    FIELD_BY("reconciliation_status", write_reconciliation),
    FIELD_NULL("reversed_by"),
    FIELD_ALWAYS("source_type", "\"card\""),
    ROW(statement_descriptor, FIELD_STRING),
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

struct payout *payouts_make_automatic(struct sim *sim,
                                      const char *account,
                                      const char *currency)
{
    struct store_list list = {0};
    int64_t amount = collect(sim, account, currency, &list);
    if (amount <= 0) {
        return NULL;
    }
    struct payout *payout = new_payout(sim,
                                       &(struct payout_order){
                                           .account = account,
                                           .currency = currency,
                                           .description = "STRIPE PAYOUT",
                                           .metadata = "{}",
                                           .method = "standard",
                                           .amount = amount,
                                       });
    payout->automatic = true;
    payout->paid_out = list;
    struct balance_transaction *own = balance_of_source(sim, payout->object.id);
    payout->paid_out.objects[payout->paid_out.count++] = &own->object;
    for (size_t i = 0; i < payout->paid_out.count; i++) {
        ((struct balance_transaction *)(void *)payout->paid_out.objects[i])->payout =
            payout->object.id;
    }
    events_emit(sim, EVENT_PAYOUT_CREATED, &payout->object, NULL);
    return payout;
}

struct payout *payouts_make(struct sim *sim, const struct payout_order *order)
{
    struct payout *payout = new_payout(sim, order);
    events_emit(sim, EVENT_PAYOUT_CREATED, &payout->object, NULL);
    return payout;
}

bool payouts_move(struct sim *sim,
                  struct payout *payout,
                  enum payout_status status,
                  const char *failure)
{
    const struct move *move = &moves[status];
    if (payout->status == status) {
        return true;
    }
    if (!(move->from & STATE(payout->status))) {
        return false;
    }
    struct payout before = *payout;
    payout->status = status;
    if (move->booking != BOOKING_KIND_COUNT) {
        payout->failure_balance_transaction = book(sim, payout, move->booking);
    }
    if (status == PAYOUT_FAILED) {
        payout->failure_code = failure;
        payout->failure_message = "The payout failed.";
        for (size_t i = 0; i < FIELD_COUNT(failures); i++) {
            if (strcmp(failures[i].code, failure) == 0) {
                payout->failure_message = failures[i].message;
            }
        }
    }
    events_emit(sim,
                move->event,
                &payout->object,
                move->event == EVENT_PAYOUT_UPDATED ? &before.object : NULL);
    return true;
}

bool payouts_status(struct span word, enum payout_status *out_status)
{
    for (unsigned int status = 0; status < PAYOUT_STATUS_COUNT; status++) {
        if (span_is(word, status_names[status])) {
            *out_status = (enum payout_status)status;
            return true;
        }
    }
    return false;
}

void payouts_create(struct call *call)
{
    struct store *store = &call->sim->store;
    struct payout_order order = {
        .account = call->account,
        .amount = call_integer(call, "amount", 0),
        .method = "standard",
        .metadata = "{}",
    };
    if (!intent_checks_currency(call, form_value(&call->form, "currency")) ||
        !metadata_merge(call, "{}", &order.metadata)) {
        return;
    }
    order.currency = intent_checks_currency_of(call);
    order.description = call_string(call, "description");
    order.statement_descriptor = call_string(call, "statement_descriptor");
    if (form_find(&call->form, "method")) {
        order.method = store_copy(store, form_value(&call->form, "method"));
    }
    if (may_pay_out(call, order.amount, order.currency)) {
        call_answer(call, &payouts_make(call->sim, &order)->object);
    }
}

void payouts_list(struct call *call)
{
    list_answer(call, KIND_PAYOUT, is_wanted);
}

void payouts_retrieve(struct call *call)
{
    call_retrieve(call, KIND_PAYOUT);
}

void payouts_cancel(struct call *call)
{
    struct payout *payout = call_find(call, KIND_PAYOUT, call->path_id);
    if (!payout) {
        return;
    }
    if (payout->status == PAYOUT_CANCELED ||
        !payouts_move(call->sim, payout, PAYOUT_CANCELED, NULL)) {
        call_refuse(call,
                    &(struct refusal){.status = 400},
                    "Payouts can only be canceled while they are pending; this one is "
                    "%s.",
                    status_names[payout->status]);
        return;
    }
    call_answer(call, &payout->object);
}

/* What no automatic payout took, and its sum. The list has room for the payout's own. */
static int64_t collect(struct sim *sim,
                       const char *account,
                       const char *currency,
                       struct store_list *out_list)
{
    const struct store_list *all =
        store_list_of(&sim->store, KIND_BALANCE_TRANSACTION, account);
    int64_t sum = 0;
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            out_list->room = count + 1;
            out_list->objects =
                arena_take(&sim->store.arena, out_list->room * sizeof(struct object *));
        }
        for (size_t i = 0; i < all->count; i++) {
            const struct balance_transaction *transaction =
                (const struct balance_transaction *)(const void *)all->objects[i];
            if (transaction->payout || strcmp(transaction->currency, currency) != 0) {
                continue;
            }
            if (pass == 0) {
                count++;
                sum += transaction->net;
            } else {
                out_list->objects[out_list->count++] = all->objects[i];
            }
        }
        if (sum <= 0) {
            return sum;
        }
    }
    return sum;
}

static struct payout *new_payout(struct sim *sim, const struct payout_order *order)
{
    struct payout *payout = store_new(&sim->store, KIND_PAYOUT, order->account, NULL);
    int64_t made = payout->object.created;
    payout->amount = order->amount;
    payout->arrival_date = made - made % DAY_S + (int64_t)DAYS_ON_THE_WAY * DAY_S;
    payout->currency = order->currency;
    payout->description = order->description;
    payout->destination = bank_of(sim, order->account);
    payout->metadata = order->metadata;
    payout->method = order->method;
    payout->statement_descriptor = order->statement_descriptor;
    payout->balance_transaction = book(sim, payout, BOOK_PAYOUT);
    return payout;
}

/* One bank account each, made when the first payout goes there. */
static const char *bank_of(struct sim *sim, const char *account)
{
    struct account *known =
        account ? store_find(&sim->store, KIND_ACCOUNT, NULL, span_of(account)) : NULL;
    const char **bank = known ? &known->bank : &sim->bank;
    if (!*bank) {
        *bank = store_id(&sim->store, "ba_1");
    }
    return *bank;
}

static const char *book(struct sim *sim,
                        const struct payout *payout,
                        enum booking_kind kind)
{
    return balance_book(sim,
                        &(struct booking){.kind = kind,
                                          .account = payout->object.account,
                                          .source = payout->object.id,
                                          .currency = payout->currency,
                                          .description = payout->description,
                                          .amount = payout->amount})
        ->object.id;
}

static bool may_pay_out(struct call *call, int64_t amount, const char *currency)
{
    const struct account *account =
        call->account
            ? store_find(&call->sim->store, KIND_ACCOUNT, NULL, span_of(call->account))
            : NULL;
    if (account && !account->payouts_enabled) {
        call_refuse(call,
                    &(struct refusal){.code = "payouts_not_allowed"},
                    "Cannot create payouts; this account has requirements that need to "
                    "be collected.");
        return false;
    }
    if (amount > balance_available(call->sim, call->account, currency)) {
        call_refuse(call,
                    &(struct refusal){.code = "balance_insufficient", .param = "amount"},
                    "You have insufficient funds in your Stripe account for this "
                    "transfer. Your card balance is too low.  You can use the the "
                    "/v1/balance endpoint to view your Stripe balance (for more details, "
                    "see stripe.com/docs/api#balance).");
        return false;
    }
    return true;
}

static bool is_wanted(const struct call *call, const struct object *object)
{
    const struct payout *payout = (const struct payout *)(const void *)object;
    const struct form_entry *status = form_find(&call->form, "status");
    const struct form_entry *destination = form_find(&call->form, "destination");
    return (!status || span_is(status->value, status_names[payout->status])) &&
           (!destination || span_is(destination->value, payout->destination)) &&
           list_is_within(call, "arrival_date", payout->arrival_date);
}

/* Only of an automatic one is it known what it is made of. */
static void write_reconciliation(struct json_writer *json,
                                 const char *name,
                                 const void *object)
{
    const struct payout *payout = object;
    json_put_string(json,
                    name,
                    payout->automatic ? SPAN("completed") : SPAN("not_applicable"));
}
