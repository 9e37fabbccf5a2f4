/* SPDX-License-Identifier: MIT
 * What is checked of a payment intent's parameters. */
#include "tests/stripesim/intent_checks.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "tests/stripesim/accounts.h"
#include "tests/stripesim/call.h"
#include "tests/stripesim/sim.h"

enum { LEAST_AMOUNT = 50, MOST_AMOUNT = 99999999 };

bool intent_checks_amount(struct call *call, int64_t amount)
{
    if (amount >= LEAST_AMOUNT && amount <= MOST_AMOUNT) {
        return true;
    }
    bool is_small = amount < LEAST_AMOUNT;
    call_refuse(
        call,
        &(struct refusal){.code = is_small ? "amount_too_small" : "amount_too_large",
                          .param = "amount"},
        is_small ? "Amount must be at least €0.50 eur"
                 : "Amount must be no more than €999,999.99");
    return false;
}

bool intent_checks_currency(struct call *call, struct span currency)
{
    static const char *const known[] = {"eur", "usd", "gbp", "chf"};
    for (size_t i = 0; i < FIELD_COUNT(known); i++) {
        if (currency.len == strlen(known[i]) &&
            strncasecmp(currency.at, known[i], currency.len) == 0) {
            return true;
        }
    }
    call_refuse(
        call,
        &(struct refusal){.param = "currency"},
        "Invalid currency: %.*s. Stripe currently supports these currencies: usd, "
        "chf, eur, gbp",
        SPAN_ARGS(currency));
    return false;
}

bool intent_checks_destination(struct call *call)
{
    static const char name[] = "transfer_data[destination]";
    const struct form_entry *entry = form_find(&call->form, name);
    if (!entry) {
        return true;
    }
    const struct account *account =
        store_find(&call->sim->store, KIND_ACCOUNT, NULL, entry->value);
    if (!account || account->deauthorized) {
        call_refuse(call,
                    &(struct refusal){.code = "resource_missing", .param = name},
                    "No such destination: '%.*s'",
                    SPAN_ARGS(entry->value));
        return false;
    }
    if (account->transfers != CAPABILITY_ACTIVE) {
        call_refuse(
            call,
            &(struct refusal){.code = "insufficient_capabilities_for_transfer"},
            "Your destination account needs to have at least one of the following "
            "capabilities enabled: transfers, crypto_transfers, legacy_payments");
        return false;
    }
    return true;
}

bool intent_checks_fee(struct call *call,
                       int64_t amount,
                       int64_t fee,
                       bool has_destination)
{
    struct refusal refusal = {.param = "application_fee_amount"};
    if (fee == OBJECT_NONE) {
        return true;
    }
    if (!has_destination) {
        call_refuse(
            call,
            &refusal,
            "Can only apply an application_fee_amount when the PaymentIntent is "
            "attempting a direct payment (using an OAuth key or Stripe-Account "
            "header) or destination payment (using `transfer_data[destination]`).");
        return false;
    }
    if (fee > amount) {
        call_refuse(
            call,
            &refusal,
            "Your application fee must be less than or equal to the amount of the "
            "payment.");
        return false;
    }
    return true;
}

/* What is moved on is told by the fee or by itself, and is no more than what came in. */
bool intent_checks_transfer(struct call *call, int64_t amount, int64_t fee)
{
    static const char name[] = "transfer_data[amount]";
    int64_t moved = call_integer(call, name, OBJECT_NONE);
    if (moved != OBJECT_NONE && fee != OBJECT_NONE) {
        call_refuse(call,
                    &(struct refusal){.code = "parameters_exclusive", .param = name},
                    "You may only specify one of these parameters: "
                    "application_fee_amount, transfer_data[amount].");
        return false;
    }
    if (moved > amount) {
        call_refuse(call,
                    &(struct refusal){.param = name},
                    "The transfer amount must be less than or equal to the amount of "
                    "the payment.");
        return false;
    }
    return true;
}

bool intent_checks_behalf(struct call *call)
{
    static const char name[] = "on_behalf_of";
    const struct form_entry *entry = form_find(&call->form, name);
    if (!entry || store_find(&call->sim->store, KIND_ACCOUNT, NULL, entry->value)) {
        return true;
    }
    call_refuse(call,
                &(struct refusal){.code = "resource_missing", .param = name},
                "No such account: '%.*s'",
                SPAN_ARGS(entry->value));
    return false;
}

/* In small letters, however it was sent. */
const char *intent_checks_currency_of(struct call *call)
{
    char *word = arena_copy(&call->arena, form_value(&call->form, "currency"));
    for (char *at = word; *at; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    return store_copy(&call->sim->store, span_of(word));
}
