/* SPDX-License-Identifier: MIT
 * The moves of payment intents and their charges; what both look like is told in
 * intent_fields.c and charges.c. */
#include "tests/stripesim/payments.h"

#include <assert.h>
#include <string.h>

#include "tests/stripesim/balance.h"
#include "tests/stripesim/call.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/refunds.h"
#include "tests/stripesim/sim.h"
#include "tests/stripesim/transfers.h"

enum { ERROR_CEILING_BYTES = 16 * 1024 };

static const char *refund_reason(const char *reason);
static struct charge *charge_new(struct sim *sim,
                                 struct payment_intent *intent,
                                 const struct attempt *attempt);
static void book(struct sim *sim, struct charge *charge);
static void decline(struct sim *sim,
                    struct payment_intent *intent,
                    const struct attempt *attempt);
static const char *error_text(struct sim *sim,
                              const struct charge *charge,
                              const struct attempt *attempt);
static void authorize(struct sim *sim,
                      struct payment_intent *intent,
                      const struct attempt *attempt);

#define TAKES_ACTION                                                                     \
    "{\"type\":\"use_stripe_sdk\",\"use_stripe_sdk\":{\"type\":\"three_d_secure_"        \
    "redirect\"}}"

static const struct attempt attempts[] = {
    {"succeeded", "pm_card_visa", INTENT_SUCCEEDED, NULL, NULL, NULL},
    {"succeeded", "pm_card_mastercard", INTENT_SUCCEEDED, NULL, NULL, NULL},
    {"declined",
     "pm_card_visa_chargeDeclined",
     INTENT_REQUIRES_PAYMENT_METHOD,
     "card_declined",
     "generic_decline",
     "Your card was declined."},
    {"declined",
     "pm_card_chargeDeclined",
     INTENT_REQUIRES_PAYMENT_METHOD,
     "card_declined",
     "generic_decline",
     "Your card was declined."},
    {"insufficient_funds",
     "pm_card_visa_chargeDeclinedInsufficientFunds",
     INTENT_REQUIRES_PAYMENT_METHOD,
     "card_declined",
     "insufficient_funds",
     "Your card has insufficient funds."},
    {"expired_card",
     "pm_card_chargeDeclinedExpiredCard",
     INTENT_REQUIRES_PAYMENT_METHOD,
     "expired_card",
     NULL,
     "Your card has expired."},
    {"processing_error",
     "pm_card_chargeDeclinedProcessingError",
     INTENT_REQUIRES_PAYMENT_METHOD,
     "processing_error",
     NULL,
     "An error occurred while processing your card. Try again in a little bit."},
    {"requires_action",
     "pm_card_authenticationRequired",
     INTENT_REQUIRES_ACTION,
     NULL,
     NULL,
     NULL},
    {"processing", NULL, INTENT_PROCESSING, NULL, NULL, NULL},
};

#define STATE(status) (1u << (status))
static const unsigned int allowed[] = {
    [MOVE_ATTEMPT] = STATE(INTENT_REQUIRES_PAYMENT_METHOD) |
                     STATE(INTENT_REQUIRES_CONFIRMATION) | STATE(INTENT_REQUIRES_ACTION) |
                     STATE(INTENT_PROCESSING),
    [MOVE_CAPTURE] = STATE(INTENT_REQUIRES_CAPTURE),
    [MOVE_CANCEL] = STATE(INTENT_REQUIRES_PAYMENT_METHOD) |
                    STATE(INTENT_REQUIRES_CONFIRMATION) | STATE(INTENT_REQUIRES_ACTION) |
                    STATE(INTENT_PROCESSING) | STATE(INTENT_REQUIRES_CAPTURE),
    [MOVE_CHANGE] = STATE(INTENT_REQUIRES_PAYMENT_METHOD) |
                    STATE(INTENT_REQUIRES_CONFIRMATION) | STATE(INTENT_REQUIRES_ACTION),
};

const struct attempt *payments_attempt_named(struct span name)
{
    for (size_t i = 0; i < FIELD_COUNT(attempts); i++) {
        if (span_is(name, attempts[i].name)) {
            return &attempts[i];
        }
    }
    return NULL;
}

const struct attempt *payments_attempt_of(struct span payment_method)
{
    for (size_t i = 0; i < FIELD_COUNT(attempts); i++) {
        if (payment_method.len > 0 &&
            span_equal(payment_method, span_of(attempts[i].payment_method))) {
            return &attempts[i];
        }
    }
    return NULL;
}

bool payments_may(enum payments_move move, enum intent_status status)
{
    return (allowed[move] & STATE(status)) != 0;
}

void payments_states(enum payments_move move, const char *last_word, struct text *out)
{
    unsigned int left = allowed[move];
    for (unsigned int status = 0; status < INTENT_STATUS_COUNT; status++) {
        if (!(left & STATE(status))) {
            continue;
        }
        bool first = left == allowed[move];
        left &= ~STATE(status);
        text_addf(out,
                  "%s%s%s",
                  first ? "" : ", ",
                  !first && !left ? last_word : "",
                  payments_status_name(status));
    }
}

struct payment_intent *payments_new(struct sim *sim, const char *account)
{
    struct payment_intent *intent =
        store_new(&sim->store, KIND_PAYMENT_INTENT, account, NULL);
    char chance[26] = "";
    random_letters(&sim->store.ids, chance, 25);
    intent->application_fee_amount = OBJECT_NONE;
    intent->canceled_at = OBJECT_NONE;
    intent->transfer_amount = OBJECT_NONE;
    intent->capture_method = "automatic";
    intent->client_secret =
        store_format(&sim->store, "%s_secret_%s", intent->object.id, chance);
    intent->confirmation_method = "automatic";
    intent->currency = "eur";
    intent->metadata = "{}";
    intent->payment_method_options = "{}";
    intent->payment_method_types = "[\"card\"]";
    return intent;
}

void payments_created(struct sim *sim, const struct payment_intent *intent)
{
    events_emit(sim, EVENT_PAYMENT_INTENT_CREATED, &intent->object, NULL);
}

void payments_attempt(struct sim *sim,
                      struct payment_intent *intent,
                      const struct attempt *attempt)
{
    assert(payments_may(MOVE_ATTEMPT, intent->status));
    intent->payment_method = store_id(&sim->store, "pm_1");
    intent->next_action = NULL;
    intent->last_payment_error = NULL;
    switch (attempt->leads_to) {
    case INTENT_REQUIRES_PAYMENT_METHOD:
        decline(sim, intent, attempt);
        return;
    case INTENT_REQUIRES_ACTION:
        intent->status = INTENT_REQUIRES_ACTION;
        intent->next_action = TAKES_ACTION;
        events_emit(sim, EVENT_PAYMENT_INTENT_REQUIRES_ACTION, &intent->object, NULL);
        return;
    case INTENT_PROCESSING:
        intent->status = INTENT_PROCESSING;
        events_emit(sim, EVENT_PAYMENT_INTENT_PROCESSING, &intent->object, NULL);
        return;
    case INTENT_SUCCEEDED:
    case INTENT_REQUIRES_CAPTURE:
    case INTENT_REQUIRES_CONFIRMATION:
    case INTENT_CANCELED:
    case INTENT_STATUS_COUNT:
        authorize(sim, intent, attempt);
        return;
    }
}

void payments_capture(struct sim *sim, struct payment_intent *intent, int64_t amount)
{
    assert(payments_may(MOVE_CAPTURE, intent->status));
    struct charge *charge = payments_charge(sim, intent);
    assert(charge && amount > 0 && amount <= intent->amount_capturable);
    struct charge before = *charge;
    charge->captured = true;
    charge->amount_captured = amount;
    book(sim, charge);
    transfers_make(sim, charge);
    struct refund *rest = NULL;
    if (amount < charge->amount) {
        rest = refunds_make(sim,
                            charge,
                            &(struct refund_order){.amount = charge->amount - amount,
                                                   .metadata = "{}",
                                                   .status = REFUND_SUCCEEDED,
                                                   .booking = BOOK_CAPTURE_REST});
    }
    intent->amount_capturable = 0;
    intent->amount_received = amount;
    intent->status = INTENT_SUCCEEDED;
    events_emit(sim, EVENT_CHARGE_CAPTURED, &charge->object, &before.object);
    events_emit(sim, EVENT_PAYMENT_INTENT_SUCCEEDED, &intent->object, NULL);
    if (rest) {
        refunds_settle(sim, rest);
    }
}

void payments_cancel(struct sim *sim, struct payment_intent *intent, const char *reason)
{
    assert(payments_may(MOVE_CANCEL, intent->status));
    struct charge *charge = payments_charge(sim, intent);
    struct refund *released = NULL;
    if (intent->status == INTENT_REQUIRES_CAPTURE && charge) {
        /* "amount_captured will be 0 instead of null" comes with 2025-03-31.basil. */
        charge->amount_captured = OBJECT_NONE;
        released = refunds_make(sim,
                                charge,
                                &(struct refund_order){.amount = charge->amount,
                                                       .reason = refund_reason(reason),
                                                       .metadata = "{}",
                                                       .status = REFUND_SUCCEEDED,
                                                       .booking = BOOKING_KIND_COUNT});
    }
    intent->amount_capturable = 0;
    intent->canceled_at = store_now_s(&sim->store);
    intent->cancellation_reason = reason;
    intent->next_action = NULL;
    intent->status = INTENT_CANCELED;
    events_emit(sim, EVENT_PAYMENT_INTENT_CANCELED, &intent->object, NULL);
    if (released) {
        refunds_settle(sim, released);
    }
}

/* A cancellation may be for a reason that a refund cannot have. */
static const char *refund_reason(const char *reason)
{
    static const char *const shared[] = {"duplicate",
                                         "fraudulent",
                                         "requested_by_customer"};
    for (size_t i = 0; reason && i < FIELD_COUNT(shared); i++) {
        if (strcmp(reason, shared[i]) == 0) {
            return shared[i];
        }
    }
    return NULL;
}

void payments_add_charges(struct call *call,
                          const struct payment_intent *intent,
                          struct store_list *list)
{
    for (struct charge *at = payments_charge(call->sim, intent); at; at = at->older) {
        list_add(call, list, &at->object);
    }
    list_turn(list);
}

struct charge *payments_charge(const struct sim *sim, const struct payment_intent *intent)
{
    return intent->latest_charge ? store_find(&sim->store,
                                              KIND_CHARGE,
                                              intent->object.account,
                                              span_of(intent->latest_charge))
                                 : NULL;
}

static struct charge *charge_new(struct sim *sim,
                                 struct payment_intent *intent,
                                 const struct attempt *attempt)
{
    struct charge *charge =
        store_new(&sim->store, KIND_CHARGE, intent->object.account, NULL);
    charge->amount = intent->amount;
    charge->application_fee_amount = intent->application_fee_amount;
    charge->transfer_amount = intent->transfer_amount;
    charge->currency = intent->currency;
    charge->customer = intent->customer;
    charge->description = intent->description;
    charge->destination = intent->destination;
    charge->failure_code = attempt->code;
    charge->failure_message = attempt->message;
    charge->decline_code = attempt->decline_code;
    charge->metadata = intent->metadata;
    charge->on_behalf_of = intent->on_behalf_of;
    charge->payment_intent = intent->object.id;
    charge->payment_method = intent->payment_method;
    charge->receipt_email = intent->receipt_email;
    charge->statement_descriptor = intent->statement_descriptor;
    charge->statement_descriptor_suffix = intent->statement_descriptor_suffix;
    charge->transfer_group = intent->transfer_group;
    charge->chance = random_next(&sim->choices);
    charge->card_present = intent->card_present;
    charge->older = payments_charge(sim, intent);
    intent->latest_charge = charge->object.id;
    return charge;
}

static void decline(struct sim *sim,
                    struct payment_intent *intent,
                    const struct attempt *attempt)
{
    struct charge *charge = charge_new(sim, intent, attempt);
    charge->status = CHARGE_FAILED;
    intent->status = INTENT_REQUIRES_PAYMENT_METHOD;
    intent->payment_method = NULL;
    intent->last_payment_error = error_text(sim, charge, attempt);
    events_emit(sim, EVENT_CHARGE_FAILED, &charge->object, NULL);
    events_emit(sim, EVENT_PAYMENT_INTENT_PAYMENT_FAILED, &intent->object, NULL);
}

static const char *error_text(struct sim *sim,
                              const struct charge *charge,
                              const struct attempt *attempt)
{
    struct text text;
    text_init(&text, ERROR_CEILING_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_string(&json, "charge", span_of(charge->object.id));
    json_put_string(&json, "code", span_of(attempt->code));
    if (attempt->decline_code) {
        json_put_string(&json, "decline_code", span_of(attempt->decline_code));
    }
    json_put_string(&json, "doc_url", SPAN("https://stripe.com/docs/error-codes"));
    json_put_string(&json, "message", span_of(attempt->message));
    json_put_string(&json, "type", SPAN("card_error"));
    json_close(&json, '}');
    const char *copy = store_copy(&sim->store, text_span(&text));
    text_done(&text);
    return copy;
}

static void authorize(struct sim *sim,
                      struct payment_intent *intent,
                      const struct attempt *attempt)
{
    struct charge *charge = charge_new(sim, intent, attempt);
    bool is_manual = strcmp(intent->capture_method, "manual") == 0;
    charge->status = CHARGE_SUCCEEDED;
    charge->paid = true;
    charge->captured = !is_manual;
    if (is_manual) {
        intent->status = INTENT_REQUIRES_CAPTURE;
        intent->amount_capturable = intent->amount;
    } else {
        charge->amount_captured = charge->amount;
        book(sim, charge);
        transfers_make(sim, charge);
        intent->status = INTENT_SUCCEEDED;
        intent->amount_received = intent->amount;
    }
    events_emit(sim, EVENT_CHARGE_SUCCEEDED, &charge->object, NULL);
    events_emit(sim,
                is_manual ? EVENT_PAYMENT_INTENT_AMOUNT_CAPTURABLE_UPDATED
                          : EVENT_PAYMENT_INTENT_SUCCEEDED,
                &intent->object,
                NULL);
}

/* Everything that was authorised is booked, as Stripe does: what is not captured of it
 * goes back in a booking of its own. A direct charge bears the platform's fee as well. */
static void book(struct sim *sim, struct charge *charge)
{
    int64_t fee = charge->application_fee_amount;
    bool is_direct = charge->object.account && fee != OBJECT_NONE;
    struct balance_transaction *booked =
        balance_book(sim,
                     &(struct booking){
                         .kind = BOOK_CHARGE,
                         .account = charge->object.account,
                         .source = charge->object.id,
                         .currency = charge->currency,
                         .description = charge->description,
                         .amount = charge->amount,
                         .application_fee = is_direct ? fee : 0,
                         .stripe_fee = balance_stripe_fee(charge->amount_captured),
                     });
    charge->balance_transaction = booked->object.id;
}
