/* SPDX-License-Identifier: MIT
 * /v1/payment_intents. */
#include "tests/stripesim/payment_intents.h"

#include <string.h>

#include "tests/stripesim/call.h"
#include "tests/stripesim/intent_checks.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/metadata.h"
#include "tests/stripesim/payments.h"
#include "tests/stripesim/sim.h"

/* What create, update and confirm may set, parameter by parameter. */
struct setting {
    const char *name;
    size_t offset;
};

static void set_strings(struct call *call, struct payment_intent *intent);
static bool set_types(struct call *call, struct payment_intent *intent);
static void set_options(struct payment_intent *intent);
static bool confirm(struct call *call, struct payment_intent *intent);
static bool is_of_customer(const struct call *call, const struct object *object);

#define SETTING(member)                                                                  \
    {                                                                                    \
#member, offsetof(struct payment_intent, member)                                 \
    }
static const struct setting settings[] = {
    SETTING(customer),
    SETTING(description),
    SETTING(on_behalf_of),
    SETTING(receipt_email),
    SETTING(setup_future_usage),
    SETTING(statement_descriptor),
    SETTING(statement_descriptor_suffix),
    SETTING(transfer_group),
    SETTING(capture_method),
    SETTING(confirmation_method),
};

void payment_intents_create(struct call *call)
{
    struct sim *sim = call->sim;
    int64_t amount = call_integer(call, "amount", 0);
    int64_t fee = call_integer(call, "application_fee_amount", OBJECT_NONE);
    struct span destination = form_value(&call->form, "transfer_data[destination]");
    const char *metadata = "{}";
    if (!intent_checks_currency(call, form_value(&call->form, "currency")) ||
        !intent_checks_amount(call, amount) || !intent_checks_destination(call) ||
        !intent_checks_fee(call, amount, fee, destination.len > 0 || call->account) ||
        !intent_checks_transfer(call, amount, fee) || !intent_checks_behalf(call) ||
        !metadata_merge(call, "{}", &metadata)) {
        return;
    }
    struct payment_intent probe = {0};
    if (!set_types(call, &probe)) {
        return;
    }
    struct payment_intent *intent = payments_new(sim, call->account);
    intent->amount = amount;
    intent->application_fee_amount = fee;
    intent->currency = intent_checks_currency_of(call);
    intent->destination = store_copy(&sim->store, destination);
    intent->transfer_amount = call_integer(call, "transfer_data[amount]", OBJECT_NONE);
    intent->metadata = metadata;
    set_strings(call, intent);
    intent->payment_method_types = probe.payment_method_types;
    intent->automatic_payment_methods = probe.automatic_payment_methods;
    intent->card_present = probe.card_present;
    set_options(intent);
    payments_created(sim, intent);
    const char *method = call_string(call, "payment_method");
    if (method) {
        intent->payment_method = method;
        intent->status = INTENT_REQUIRES_CONFIRMATION;
    }
    if (!call_is_true(call, "confirm") || confirm(call, intent)) {
        call_answer(call, &intent->object);
    }
}

void payment_intents_list(struct call *call)
{
    list_answer(call, KIND_PAYMENT_INTENT, is_of_customer);
}

void payment_intents_retrieve(struct call *call)
{
    struct object *intent = call_find(call, KIND_PAYMENT_INTENT, call->path_id);
    if (intent) {
        call_answer(call, intent);
    }
}

void payment_intents_update(struct call *call)
{
    struct payment_intent *intent = call_find(call, KIND_PAYMENT_INTENT, call->path_id);
    if (!intent) {
        return;
    }
    static const char *const frozen[] = {"amount",
                                         "application_fee_amount",
                                         "capture_method",
                                         "currency",
                                         "payment_method"};
    for (size_t i = 0; i < FIELD_COUNT(frozen); i++) {
        if (!form_find(&call->form, frozen[i]) ||
            payments_may(MOVE_CHANGE, intent->status)) {
            continue;
        }
        struct text states;
        text_init(&states, 1024);
        payments_states(MOVE_CHANGE, "", &states);
        call_refuse(
            call,
            &(struct refusal){.code = "payment_intent_unexpected_state",
                              .param = frozen[i],
                              .payment_intent = &intent->object},
            "This PaymentIntent's %s could not be updated because it has a status "
            "of %s. You may only update the %s of a PaymentIntent with one of the "
            "following statuses: %s.",
            frozen[i],
            payments_status_name(intent->status),
            frozen[i],
            states.at);
        text_done(&states);
        return;
    }
    const char *metadata = intent->metadata;
    int64_t amount = call_integer(call, "amount", intent->amount);
    int64_t fee =
        call_integer(call, "application_fee_amount", intent->application_fee_amount);
    struct span currency = form_value(&call->form, "currency");
    if ((currency.len > 0 && !intent_checks_currency(call, currency)) ||
        !intent_checks_amount(call, amount) ||
        !intent_checks_fee(call, amount, fee, intent->destination || call->account) ||
        !intent_checks_transfer(call, amount, fee) || !intent_checks_behalf(call) ||
        !metadata_merge(call, intent->metadata, &metadata)) {
        return;
    }
    intent->amount = amount;
    intent->application_fee_amount = fee;
    intent->metadata = metadata;
    intent->transfer_amount =
        call_integer(call, "transfer_data[amount]", intent->transfer_amount);
    if (currency.len > 0) {
        intent->currency = intent_checks_currency_of(call);
    }
    set_strings(call, intent);
    const char *method = call_string(call, "payment_method");
    if (method) {
        intent->payment_method = method;
        intent->status = INTENT_REQUIRES_CONFIRMATION;
    }
    call_answer(call, &intent->object);
}

void payment_intents_confirm(struct call *call)
{
    struct payment_intent *intent = call_find(call, KIND_PAYMENT_INTENT, call->path_id);
    if (!intent) {
        return;
    }
    set_strings(call, intent);
    const char *method = call_string(call, "payment_method");
    if (method && payments_may(MOVE_ATTEMPT, intent->status)) {
        intent->payment_method = method;
    }
    if (confirm(call, intent)) {
        call_answer(call, &intent->object);
    }
}

void payment_intents_capture(struct call *call)
{
    struct payment_intent *intent = call_find(call, KIND_PAYMENT_INTENT, call->path_id);
    if (!intent) {
        return;
    }
    if (intent->status == INTENT_SUCCEEDED) {
        call_refuse(call,
                    &(struct refusal){.code = "payment_intent_unexpected_state",
                                      .payment_intent = &intent->object},
                    "This PaymentIntent could not be captured because it has already "
                    "been captured.");
        return;
    }
    if (!payments_may(MOVE_CAPTURE, intent->status)) {
        call_refuse(call,
                    &(struct refusal){.code = "payment_intent_unexpected_state",
                                      .payment_intent = &intent->object},
                    "This PaymentIntent could not be captured because it has a status of "
                    "%s. Only a PaymentIntent with one of the following statuses may be "
                    "captured: requires_capture.",
                    payments_status_name(intent->status));
        return;
    }
    const char *metadata = intent->metadata;
    int64_t amount = call_integer(call, "amount_to_capture", intent->amount_capturable);
    int64_t fee =
        call_integer(call, "application_fee_amount", intent->application_fee_amount);
    if (amount > intent->amount_capturable) {
        call_refuse(call,
                    &(struct refusal){.code = "amount_too_large",
                                      .param = "amount_to_capture",
                                      .payment_intent = &intent->object},
                    "The payment could not be captured because the requested capture "
                    "amount is greater than the authorized amount.");
        return;
    }
    if (!intent_checks_fee(call, amount, fee, intent->destination || call->account) ||
        !intent_checks_transfer(call, amount, fee) ||
        !metadata_merge(call, intent->metadata, &metadata)) {
        return;
    }
    intent->metadata = metadata;
    intent->application_fee_amount = fee;
    intent->transfer_amount =
        call_integer(call, "transfer_data[amount]", intent->transfer_amount);
    struct charge *charge = payments_charge(call->sim, intent);
    charge->application_fee_amount = fee;
    charge->transfer_amount = intent->transfer_amount;
    payments_capture(call->sim, intent, amount);
    call_answer(call, &intent->object);
}

void payment_intents_cancel(struct call *call)
{
    struct payment_intent *intent = call_find(call, KIND_PAYMENT_INTENT, call->path_id);
    if (!intent) {
        return;
    }
    if (!payments_may(MOVE_CANCEL, intent->status)) {
        call_refuse(call,
                    &(struct refusal){.code = "payment_intent_unexpected_state",
                                      .payment_intent = &intent->object},
                    "You cannot cancel this PaymentIntent because it has a status of %s. "
                    "Only a PaymentIntent with one of the following statuses may be "
                    "canceled: requires_payment_method, requires_capture, "
                    "requires_confirmation, requires_action, processing.",
                    payments_status_name(intent->status));
        return;
    }
    payments_cancel(call->sim, intent, call_string(call, "cancellation_reason"));
    call_answer(call, &intent->object);
}

static void set_strings(struct call *call, struct payment_intent *intent)
{
    for (size_t i = 0; i < FIELD_COUNT(settings); i++) {
        if (form_find(&call->form, settings[i].name)) {
            char *at = (char *)intent + settings[i].offset;
            *(const char **)(void *)at = call_string(call, settings[i].name);
        }
    }
}

/* Without a word about methods, 2024-06-20 takes the automatic ones. */
static bool set_types(struct call *call, struct payment_intent *intent)
{
    static const char *const known[] = {"card",
                                        "card_present",
                                        "interac_present",
                                        "link"};
    struct text text;
    text_init(&text, 4096);
    struct json_writer json = json_writer(&text);
    size_t at = 0;
    int count = 0;
    struct span key;
    const struct form_entry *entry;
    json_open(&json, NULL, '[');
    while ((entry = form_element(&call->form, "payment_method_types", &at, &key))) {
        bool is_known = false;
        for (size_t i = 0; i < FIELD_COUNT(known); i++) {
            is_known = is_known || span_is(entry->value, known[i]);
        }
        if (!is_known) {
            call_refuse(
                call,
                &(struct refusal){.code = "payment_intent_invalid_parameter",
                                  .param = "payment_method_types"},
                "The payment method type \"%.*s\" is invalid. Please ensure the "
                "provided type is activated in your dashboard "
                "(https://dashboard.stripe.com/account/payments/settings) and your "
                "account is enabled for any preview features that you are trying "
                "to use.",
                SPAN_ARGS(entry->value));
            text_done(&text);
            return false;
        }
        intent->card_present =
            intent->card_present || span_is(entry->value, "card_present");
        json_put_string(&json, NULL, entry->value);
        count++;
    }
    if (count == 0) {
        json_put_string(&json, NULL, SPAN("card"));
        intent->automatic_payment_methods =
            "{\"allow_redirects\":\"always\",\"enabled\":true}";
    }
    json_close(&json, ']');
    intent->payment_method_types = store_copy(&call->sim->store, text_span(&text));
    text_done(&text);
    return true;
}

static void set_options(struct payment_intent *intent)
{
    intent->payment_method_options =
        intent->card_present
            ? "{\"card_present\":{\"request_extended_authorization\":false,"
              "\"request_incremental_authorization_support\":false}}"
            : "{\"card\":{\"installments\":null,\"mandate_options\":null,\"network\":"
              "null,"
              "\"request_three_d_secure\":\"automatic\"}}";
}

/* False after refusing: the wrong state, no method, or a card that is declined. */
static bool confirm(struct call *call, struct payment_intent *intent)
{
    struct refusal refusal = {.code = "payment_intent_unexpected_state",
                              .payment_intent = &intent->object};
    if (!payments_may(MOVE_ATTEMPT, intent->status)) {
        call_refuse(call,
                    &refusal,
                    "You cannot confirm this PaymentIntent because it has already %s.",
                    intent->status == INTENT_CANCELED
                        ? "been canceled"
                        : "succeeded after being previously "
                          "confirmed");
        return false;
    }
    if (!intent->payment_method) {
        call_refuse(
            call,
            &refusal,
            "You cannot confirm this PaymentIntent because it's missing a payment "
            "method. You can either update the PaymentIntent with a payment method "
            "and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.");
        return false;
    }
    const struct attempt *attempt = payments_attempt_of(span_of(intent->payment_method));
    if (!attempt) {
        refusal.code = "resource_missing";
        refusal.param = "payment_method";
        call_refuse(call,
                    &refusal,
                    "No such PaymentMethod: '%s'",
                    intent->payment_method);
        return false;
    }
    payments_attempt(call->sim, intent, attempt);
    if (attempt->leads_to != INTENT_REQUIRES_PAYMENT_METHOD) {
        return true;
    }
    call_refuse(call,
                &(struct refusal){.status = 402,
                                  .type = "card_error",
                                  .code = attempt->code,
                                  .decline_code = attempt->decline_code,
                                  .charge = intent->latest_charge,
                                  .payment_intent = &intent->object},
                "%s",
                attempt->message);
    return false;
}

/* The list takes no filter but customer. */
static bool is_of_customer(const struct call *call, const struct object *object)
{
    const struct payment_intent *intent =
        (const struct payment_intent *)(const void *)object;
    const struct form_entry *customer = form_find(&call->form, "customer");
    return !customer || span_equal(customer->value, span_of(intent->customer));
}
