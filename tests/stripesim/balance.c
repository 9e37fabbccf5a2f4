/* SPDX-License-Identifier: MIT
 * Balance transactions, and the sums of them. */
#include "tests/stripesim/balance.h"

#include <assert.h>
#include <string.h>

#include "tests/stripesim/call.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/payouts.h"
#include "tests/stripesim/sim.h"

enum { DAY_S = 86400, FEE_PER_MILLE = 15, FEE_FIXED = 25, MOST_CURRENCIES = 8 };

/* How a kind of movement is told, and which way the money goes. */
struct booking_row {
    const char *type;
    const char *category;
    const char *prefix; /* of the id */
    const char *description; /* NULL: none of its own */
    const char *fee; /* Stripe's fee in words, where there is one */
    int sign;
    bool waits; /* for some days, until it is available */
};

/* What is on a balance in one currency. */
struct sum {
    const char *currency;
    int64_t available;
    int64_t pending;
};

static int64_t available_on(const struct sim *sim, const struct booking_row *row);
static void enter_source(struct sim *sim, struct balance_transaction *transaction);
static bool is_available(const struct balance_transaction *transaction);
static size_t add_up(const struct store_list *list, struct sum *sums);
static void write_sums(struct json_writer *json,
                       const char *key,
                       const struct sum *sums,
                       size_t count,
                       int64_t (*amount)(const struct sum *sum));
static int64_t sum_available(const struct sum *sum);
static int64_t sum_pending(const struct sum *sum);
static int64_t sum_nothing(const struct sum *sum);
static struct store_list of_source(struct call *call, struct span source);
static bool of_payout(struct call *call, struct store_list *out_list);
static bool is_wanted(const struct call *call, const struct object *object);
static void write_fees(struct json_writer *json, const char *name, const void *object);
static void write_fee(struct json_writer *json,
                      int64_t amount,
                      const char *application,
                      const char *currency,
                      const char *description,
                      const char *type);
static void write_category(struct json_writer *json,
                           const char *name,
                           const void *object);
static void write_status(struct json_writer *json, const char *name, const void *object);
static void write_type(struct json_writer *json, const char *name, const void *object);

#define PROCESSING "Stripe processing fees"
static const struct booking_row rows[BOOKING_KIND_COUNT] = {
    [BOOK_CHARGE] = {"charge", "charge", "txn_3", NULL, PROCESSING, 1, true},
    [BOOK_REFUND] = {"refund", "refund", "txn_3", "REFUND FOR CHARGE", NULL, -1, true},
    [BOOK_CAPTURE_REST] = {"refund",
                           "partial_capture_reversal",
                           "txn_3",
                           "REFUND FOR CHARGE",
                           NULL,
                           -1,
                           true},
    [BOOK_REFUND_FAILURE] =
        {"refund_failure", "refund_failure", "txn_1", "REFUND FAILURE", NULL, 1, false},
    [BOOK_TRANSFER] = {"transfer", "transfer", "txn_3", NULL, NULL, -1, true},
    [BOOK_TRANSFER_REFUND] =
        {"transfer_refund", "transfer_reversal", "txn_1", NULL, NULL, 1, true},
    [BOOK_APPLICATION_FEE] =
        {"application_fee", "platform_earning", "txn_1", NULL, NULL, 1, true},
    [BOOK_APPLICATION_FEE_REFUND] = {"application_fee_refund",
                                     "platform_earning_refund",
                                     "txn_1",
                                     NULL,
                                     NULL,
                                     -1,
                                     true},
    [BOOK_DISPUTE] = {"adjustment", "dispute", "txn_1", NULL, "Dispute fee", -1, false},
    [BOOK_DISPUTE_REVERSAL] =
        {"adjustment", "dispute_reversal", "txn_1", NULL, "Dispute fee", 1, false},
    [BOOK_PAYMENT] = {"payment", "charge", "txn_1", NULL, NULL, 1, true},
    [BOOK_PAYMENT_REFUND] =
        {"payment_refund", "refund", "txn_1", "REFUND FOR PAYMENT", NULL, -1, true},
    [BOOK_FEE_BACK] =
        {"adjustment", "fee", "txn_1", "Application fee refund", NULL, 1, true},
    [BOOK_PAYOUT] = {"payout", "payout", "txn_1", "STRIPE PAYOUT", NULL, -1, false},
    [BOOK_PAYOUT_FAILURE] =
        {"payout_failure", "payout_reversal", "txn_1", "STRIPE PAYOUT", NULL, 1, false},
    [BOOK_PAYOUT_CANCEL] =
        {"payout_cancel", "payout_reversal", "txn_1", "STRIPE PAYOUT", NULL, 1, false},
};

#define ROW(member, as) FIELD(struct balance_transaction, member, as)
static const struct field fields[] = {
    FIELD_HEAD("balance_transaction"),
    ROW(amount, FIELD_INTEGER),
    ROW(available_on, FIELD_INTEGER),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    ROW(description, FIELD_STRING),
    FIELD_NULL("exchange_rate"),
    ROW(fee, FIELD_INTEGER),
    FIELD_BY("fee_details", write_fees),
    ROW(net, FIELD_INTEGER),
    FIELD_BY("reporting_category", write_category),
    ROW(source, FIELD_LINK),
    FIELD_BY("status", write_status),
    FIELD_BY("type", write_type),
};
const struct shape balance_transaction_shape = {
    .name = "balance_transaction",
    .spoken = "balance transaction",
    .prefix = "txn_1",
    .path_param = "id",
    .size = sizeof(struct balance_transaction),
    .fields = fields,
    .field_count = FIELD_COUNT(fields),
};

struct balance_transaction *balance_book(struct sim *sim, const struct booking *booking)
{
    assert(booking->kind < BOOKING_KIND_COUNT && booking->amount >= 0);
    const struct booking_row *row = &rows[booking->kind];
    struct balance_transaction *transaction =
        store_new(&sim->store,
                  KIND_BALANCE_TRANSACTION,
                  booking->account,
                  store_id(&sim->store, row->prefix));
    transaction->kind = booking->kind;
    transaction->amount = row->sign * booking->amount;
    transaction->application_fee = booking->application_fee;
    transaction->fee = booking->application_fee + booking->stripe_fee;
    transaction->net = transaction->amount - transaction->fee;
    transaction->available_on = available_on(sim, row);
    transaction->currency = booking->currency;
    transaction->description =
        booking->description ? booking->description : row->description;
    transaction->source = booking->source;
    enter_source(sim, transaction);
    return transaction;
}

int64_t balance_stripe_fee(int64_t amount)
{
    return (amount * FEE_PER_MILLE + 500) / 1000 + FEE_FIXED;
}

struct balance_transaction *balance_of_source(const struct sim *sim, const char *source)
{
    return map_find(&sim->booked, span_of(source));
}

int64_t balance_available(const struct sim *sim,
                          const char *account,
                          const char *currency)
{
    struct sum sums[MOST_CURRENCIES] = {0};
    size_t count =
        add_up(store_list_of(&sim->store, KIND_BALANCE_TRANSACTION, account), sums);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(sums[i].currency, currency) == 0) {
            return sums[i].available;
        }
    }
    return 0;
}

const char *balance_name(enum booking_kind kind)
{
    static const char *const told_apart[BOOKING_KIND_COUNT] = {
        [BOOK_CAPTURE_REST] = "refund.partial_capture_reversal",
        [BOOK_DISPUTE] = "adjustment.dispute",
        [BOOK_DISPUTE_REVERSAL] = "adjustment.dispute_reversal",
        [BOOK_FEE_BACK] = "adjustment.fee",
    };
    assert(kind < BOOKING_KIND_COUNT);
    return told_apart[kind] ? told_apart[kind] : rows[kind].type;
}

/* GET /v1/balance: a walk over the account's transactions. */
void balance_retrieve(struct call *call)
{
    struct sum sums[MOST_CURRENCIES] = {0};
    const struct store_list *list =
        store_list_of(&call->sim->store, KIND_BALANCE_TRANSACTION, call->account);
    size_t count = add_up(list, sums);
    if (count == 0) {
        sums[count++] = (struct sum){.currency = "eur"};
    }
    text_clear(&call->body);
    struct json_writer json = json_writer(&call->body);
    call->status = 200;
    json_open(&json, NULL, '{');
    json_put_string(&json, "object", SPAN("balance"));
    write_sums(&json, "available", sums, count, sum_available);
    if (!call->account) {
        write_sums(&json, "connect_reserved", sums, count, sum_nothing);
    }
    json_put_bool(&json, "livemode", call->sim->store.livemode);
    write_sums(&json, "pending", sums, count, sum_pending);
    json_close(&json, '}');
}

void balance_list_transactions(struct call *call)
{
    const struct form_entry *source = form_find(&call->form, "source");
    struct store_list list =
        *store_list_of(&call->sim->store, KIND_BALANCE_TRANSACTION, call->account);
    if (form_find(&call->form, "payout")) {
        if (!of_payout(call, &list)) {
            return;
        }
    } else if (source) {
        list = of_source(call, source->value);
    }
    list_answer_of(call, KIND_BALANCE_TRANSACTION, &list, is_wanted);
}

void balance_retrieve_transaction(struct call *call)
{
    call_retrieve(call, KIND_BALANCE_TRANSACTION);
}

/* Money becomes available at midnight UTC, some days after it moved. */
static int64_t available_on(const struct sim *sim, const struct booking_row *row)
{
    int64_t now_s = sim->store.newest_s;
    return row->waits && sim->available_days > 0
               ? now_s - now_s % DAY_S + sim->available_days * DAY_S
               : now_s;
}

static void enter_source(struct sim *sim, struct balance_transaction *transaction)
{
    struct balance_transaction *at = balance_of_source(sim, transaction->source);
    if (!at) {
        map_put(&sim->booked, span_of(transaction->source), transaction);
        return;
    }
    while (at->next) {
        at = at->next;
    }
    at->next = transaction;
}

/* What was paid out has been available, though its day may be to come: a payout that is
 * asked for at the control endpoint stands for the days that it takes. */
static bool is_available(const struct balance_transaction *transaction)
{
    return transaction->payout ||
           transaction->available_on <= clock_wall_ms(&clock_system) / 1000;
}

static size_t add_up(const struct store_list *list, struct sum *sums)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct balance_transaction *transaction =
            (const struct balance_transaction *)(const void *)list->objects[i];
        size_t at = 0;
        while (at < count && strcmp(sums[at].currency, transaction->currency) != 0) {
            at++;
        }
        assert(at < MOST_CURRENCIES);
        if (at == count) {
            sums[count++].currency = transaction->currency;
        }
        if (is_available(transaction)) {
            sums[at].available += transaction->net;
        } else {
            sums[at].pending += transaction->net;
        }
    }
    return count;
}

static void write_sums(struct json_writer *json,
                       const char *key,
                       const struct sum *sums,
                       size_t count,
                       int64_t (*amount)(const struct sum *sum))
{
    json_open(json, key, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(json, NULL, '{');
        json_put_integer(json, "amount", amount(&sums[i]));
        json_put_string(json, "currency", span_of(sums[i].currency));
        if (amount != sum_nothing) {
            json_open(json, "source_types", '{');
            json_put_integer(json, "card", amount(&sums[i]));
            json_close(json, '}');
        }
        json_close(json, '}');
    }
    json_close(json, ']');
}

static int64_t sum_available(const struct sum *sum)
{
    return sum->available;
}

static int64_t sum_pending(const struct sum *sum)
{
    return sum->pending;
}

static int64_t sum_nothing(const struct sum *sum)
{
    (void)sum;
    return 0;
}

static struct store_list of_source(struct call *call, struct span source)
{
    struct store_list list = {0};
    struct balance_transaction *first = map_find(&call->sim->booked, source);
    for (struct balance_transaction *at = first; at; at = at->next) {
        if (span_equal(span_of(at->object.account), span_of(call->account))) {
            list_add(call, &list, &at->object);
        }
    }
    return list;
}

/* False after refusing. Nobody knows what a payout by hand is made of. */
static bool of_payout(struct call *call, struct store_list *out_list)
{
    const struct payout *payout = call_find_param(call, KIND_PAYOUT, "payout", 400);
    if (payout && !payout->automatic) {
        call_refuse(call,
                    &(struct refusal){.param = "payout"},
                    "Balance transaction history can only be filtered on automatic "
                    "transfers, not manual.");
        return false;
    }
    if (payout) {
        *out_list = payout->paid_out;
    }
    return payout != NULL;
}

static bool is_wanted(const struct call *call, const struct object *object)
{
    const struct balance_transaction *transaction =
        (const struct balance_transaction *)(const void *)object;
    const struct {
        const char *name;
        const char *value;
    } facts[] = {
        {"type", rows[transaction->kind].type},
        {"currency", transaction->currency},
        {"source", transaction->source},
    };
    for (size_t i = 0; i < FIELD_COUNT(facts); i++) {
        const struct form_entry *entry = form_find(&call->form, facts[i].name);
        if (entry && !span_is(entry->value, facts[i].value)) {
            return false;
        }
    }
    return true;
}

static void write_fees(struct json_writer *json, const char *name, const void *object)
{
    const struct balance_transaction *transaction = object;
    int64_t stripe = transaction->fee - transaction->application_fee;
    json_open(json, name, '[');
    if (transaction->application_fee != 0) {
        write_fee(json,
                  transaction->application_fee,
                  "ca_TocsinOfTheSimulator",
                  transaction->currency,
                  "Tocsin application fee",
                  "application_fee");
    }
    if (stripe != 0) {
        write_fee(json,
                  stripe,
                  NULL,
                  transaction->currency,
                  rows[transaction->kind].fee,
                  "stripe_fee");
    }
    json_close(json, ']');
}

static void write_fee(struct json_writer *json,
                      int64_t amount,
                      const char *application,
                      const char *currency,
                      const char *description,
                      const char *type)
{
    json_open(json, NULL, '{');
    json_put_integer(json, "amount", amount);
    json_put_optional(json, "application", span_of(application));
    json_put_string(json, "currency", span_of(currency));
    json_put_optional(json, "description", span_of(description));
    json_put_string(json, "type", span_of(type));
    json_close(json, '}');
}

static void write_category(struct json_writer *json, const char *name, const void *object)
{
    const struct balance_transaction *transaction = object;
    json_put_string(json, name, span_of(rows[transaction->kind].category));
}

static void write_status(struct json_writer *json, const char *name, const void *object)
{
    json_put_string(json,
                    name,
                    is_available(object) ? SPAN("available") : SPAN("pending"));
}

static void write_type(struct json_writer *json, const char *name, const void *object)
{
    const struct balance_transaction *transaction = object;
    json_put_string(json, name, span_of(rows[transaction->kind].type));
}
