/* SPDX-License-Identifier: MIT
 * The verbs of the control endpoint that pay out, and the one that adds the balances up. */
#include <string.h>

#include "tests/stripesim/accounts.h"
#include "tests/stripesim/balance.h"
#include "tests/stripesim/payouts.h"
#include "tests/stripesim/random.h"
#include "tests/stripesim/sim.h"
#include "tests/stripesim/verbs.h"

enum { NO_AMOUNT = -1, PERCENT_ALL = 100 };

/* What a kind of movement comes to on one balance. */
struct tally {
    int64_t count;
    int64_t amount;
    int64_t fee;
    int64_t net;
};

static bool read_status(struct order *order, enum payout_status *out_status);
static void move(struct order *order, enum payout_status status);
static void write_tallies(struct order *order, const char *account);

#define FAILURE "account_closed"

/* {amount?, fails?, code?, status?: "paid"}: everything, or an amount that need not be
 * there. The id "platform" is the platform's own balance. */
void verbs_payout(struct order *order)
{
    const char *account = NULL;
    int64_t amount = verbs_integer(order, "amount", NO_AMOUNT);
    enum payout_status status;
    if (!read_status(order, &status)) {
        return;
    }
    if (!span_is(order->id, "platform")) {
        const struct object *known = verbs_object(order, KIND_ACCOUNT);
        if (!known) {
            return;
        }
        account = known->id;
    }
    if (amount != NO_AMOUNT && amount <= 0) {
        order->refused = "a number is out of range";
        return;
    }
    struct payout *payout =
        amount == NO_AMOUNT ? payouts_make_automatic(order->sim, account, "eur")
                            : payouts_make(order->sim,
                                           &(struct payout_order){.account = account,
                                                                  .currency = "eur",
                                                                  .metadata = "{}",
                                                                  .method = "standard",
                                                                  .amount = amount});
    if (!payout) {
        order->refused = "there is nothing to pay out";
        return;
    }
    bool fails = json_is_true(order->body, "fails");
    payouts_move(order->sim,
                 payout,
                 fails ? PAYOUT_FAILED : status,
                 verbs_string(order, "code", FAILURE));
    object_write(&payout->object, order->answer, "object", NULL);
}

/* {fails_percent?: 0, code?, status?: "paid", platform?: true}: the payouts of a day, of
 * every balance that has something and may be paid out. */
void verbs_payouts(struct order *order)
{
    const struct store_list *accounts = &order->sim->store.lists[KIND_ACCOUNT];
    int64_t fails_percent = verbs_integer(order, "fails_percent", 0);
    bool with_platform =
        !json_has(order->body, "platform") || json_is_true(order->body, "platform");
    const char *code = verbs_string(order, "code", FAILURE);
    enum payout_status status;
    if (fails_percent < 0 || fails_percent > PERCENT_ALL) {
        order->refused = "a number is out of range";
        return;
    }
    if (!read_status(order, &status)) {
        return;
    }
    json_open(order->answer, "payouts", '[');
    for (size_t i = with_platform ? 0 : 1; i <= accounts->count; i++) {
        const struct account *account =
            i == 0 ? NULL
                   : (const struct account *)(const void *)accounts->objects[i - 1];
        if (account && !account->payouts_enabled) {
            continue;
        }
        struct payout *payout =
            payouts_make_automatic(order->sim,
                                   account ? account->object.id : NULL,
                                   "eur");
        if (payout) {
            bool fails = random_percent(&order->sim->choices, fails_percent);
            payouts_move(order->sim, payout, fails ? PAYOUT_FAILED : status, code);
            object_write(&payout->object, order->answer, NULL, NULL);
        }
    }
    json_close(order->answer, ']');
}

void verbs_payout_send(struct order *order)
{
    move(order, PAYOUT_IN_TRANSIT);
}

void verbs_payout_pay(struct order *order)
{
    move(order, PAYOUT_PAID);
}

/* {code?: "account_closed"} */
void verbs_payout_fail(struct order *order)
{
    move(order, PAYOUT_FAILED);
}

void verbs_payout_cancel(struct order *order)
{
    move(order, PAYOUT_CANCELED);
}

/* What each balance is made of, by type, so that a test can compare its books. */
void verbs_balances(struct order *order)
{
    const struct store_list *accounts = &order->sim->store.lists[KIND_ACCOUNT];
    json_open(order->answer, "balances", '{');
    for (size_t i = 0; i <= accounts->count; i++) {
        write_tallies(order, i == 0 ? NULL : accounts->objects[i - 1]->id);
    }
    json_close(order->answer, '}');
}

/* How far the caller wants it to go at once. */
static bool read_status(struct order *order, enum payout_status *out_status)
{
    struct span word = json_string(order->body, "status");
    *out_status = PAYOUT_PAID;
    if (word.len > 0 && !payouts_status(word, out_status)) {
        order->refused = "there is no such status";
        return false;
    }
    return true;
}

static void move(struct order *order, enum payout_status status)
{
    struct payout *payout = verbs_object(order, KIND_PAYOUT);
    if (!payout) {
        return;
    }
    if (!payouts_move(order->sim, payout, status, verbs_string(order, "code", FAILURE))) {
        order->refused = "its state does not allow it";
        return;
    }
    object_write(&payout->object, order->answer, "object", NULL);
}

static void write_tallies(struct order *order, const char *account)
{
    const struct store_list *list =
        store_list_of(&order->sim->store, KIND_BALANCE_TRANSACTION, account);
    struct json_writer *json = order->answer;
    struct tally tallies[BOOKING_KIND_COUNT] = {0};
    int64_t net = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct balance_transaction *transaction =
            (const struct balance_transaction *)(const void *)list->objects[i];
        struct tally *tally = &tallies[transaction->kind];
        tally->count++;
        tally->amount += transaction->amount;
        tally->fee += transaction->fee;
        tally->net += transaction->net;
        net += transaction->net;
    }
    json_open(json, account ? account : "platform", '{');
    for (unsigned int kind = 0; kind < BOOKING_KIND_COUNT; kind++) {
        if (tallies[kind].count > 0) {
            json_open(json, balance_name((enum booking_kind)kind), '{');
            json_put_integer(json, "count", tallies[kind].count);
            json_put_integer(json, "amount", tallies[kind].amount);
            json_put_integer(json, "fee", tallies[kind].fee);
            json_put_integer(json, "net", tallies[kind].net);
            json_close(json, '}');
        }
    }
    json_put_integer(json, "net", net);
    json_close(json, '}');
}
