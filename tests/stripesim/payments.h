/* SPDX-License-Identifier: MIT
 *
 * payments - payment intents and their charges, and the moves between their states.
 *
 * Owns:    nothing; both live in the store
 * Callers: the routes (payment_intents.c), the control endpoint and the play
 * Blocks:  never
 * Units:   amounts in the currency's minor unit
 *
 * Every move emits its events in Stripe's order. A move is only asked for in a state that
 * allows it: payments_may says whether it does.
 */
#ifndef TESTS_STRIPESIM_PAYMENTS_H
#define TESTS_STRIPESIM_PAYMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"
#include "tests/stripesim/object.h"

struct call;
struct refund;
struct sim;
struct store_list;

enum intent_status {
    INTENT_REQUIRES_PAYMENT_METHOD,
    INTENT_REQUIRES_CONFIRMATION,
    INTENT_REQUIRES_ACTION,
    INTENT_PROCESSING,
    INTENT_REQUIRES_CAPTURE,
    INTENT_CANCELED,
    INTENT_SUCCEEDED,
    INTENT_STATUS_COUNT
};

enum charge_status { CHARGE_SUCCEEDED, CHARGE_PENDING, CHARGE_FAILED };

struct payment_intent {
    struct object object;
    int64_t amount;
    int64_t amount_capturable;
    int64_t amount_received;
    int64_t application_fee_amount; /* or OBJECT_NONE */
    int64_t canceled_at; /* or OBJECT_NONE */
    int64_t transfer_amount; /* or OBJECT_NONE */
    const char *automatic_payment_methods; /* JSON */
    const char *cancellation_reason;
    const char *capture_method;
    const char *client_secret;
    const char *confirmation_method;
    const char *currency;
    const char *customer;
    const char *description;
    const char *destination; /* of transfer_data */
    const char *last_payment_error; /* JSON */
    const char *latest_charge;
    const char *metadata; /* JSON */
    const char *next_action; /* JSON */
    const char *on_behalf_of;
    const char *payment_method;
    const char *payment_method_options; /* JSON */
    const char *payment_method_types; /* JSON */
    const char *receipt_email;
    const char *setup_future_usage;
    const char *statement_descriptor;
    const char *statement_descriptor_suffix;
    const char *transfer_group;
    enum intent_status status;
    bool card_present;
};

struct charge {
    struct object object;
    int64_t amount;
    int64_t amount_captured; /* or OBJECT_NONE, when the authorisation was given up */
    int64_t amount_refunded;
    int64_t application_fee_amount; /* or OBJECT_NONE */
    int64_t transfer_amount; /* or OBJECT_NONE */
    const char *application_fee;
    const char *balance_transaction;
    const char *currency;
    const char *customer;
    const char *description;
    const char *destination;
    struct charge *older; /* of the same payment intent; not shown */
    const char *dispute; /* the id of the last one; not shown */
    struct refund *newest_refund; /* not shown */
    const char *failure_code;
    const char *failure_message;
    const char *decline_code; /* not shown by itself */
    const char *metadata; /* JSON */
    const char *on_behalf_of;
    const char *payment_intent;
    const char *payment_method;
    const char *receipt_email;
    const char *statement_descriptor;
    const char *statement_descriptor_suffix;
    const char *transfer;
    const char *transfer_group;
    uint64_t chance; /* what of the card and its receipt is chosen by chance */
    enum charge_status status;
    bool captured;
    bool disputed;
    bool paid;
    bool refunded;
    bool card_present;
};

/* What comes of presenting a card, or of any other attempt. */
struct attempt {
    const char *name; /* "succeeded", "card_declined" */
    const char *payment_method; /* Stripe's test one that does this; NULL: none */
    enum intent_status leads_to; /* REQUIRES_PAYMENT_METHOD: it is declined */
    const char *code;
    const char *decline_code;
    const char *message;
};

/* NULL: no such outcome, no such test payment method. */
const struct attempt *payments_attempt_named(struct span name);
const struct attempt *payments_attempt_of(struct span payment_method);

enum payments_move { MOVE_ATTEMPT, MOVE_CAPTURE, MOVE_CANCEL, MOVE_CHANGE };

/* Whether an intent in that state can be attempted, captured, canceled, changed. */
bool payments_may(enum payments_move move, enum intent_status status);
/* "a, b, or c": the states that allow it, for Stripe's error texts. */
void payments_states(enum payments_move move, const char *last_word, struct text *out);
const char *payments_status_name(enum intent_status status);

/* An intent with Stripe's defaults; fill in what is wanted, then payments_created. */
struct payment_intent *payments_new(struct sim *sim, const char *account);
void payments_created(struct sim *sim, const struct payment_intent *intent);
void payments_attempt(struct sim *sim,
                      struct payment_intent *intent,
                      const struct attempt *attempt);
void payments_capture(struct sim *sim, struct payment_intent *intent, int64_t amount);
void payments_cancel(struct sim *sim, struct payment_intent *intent, const char *reason);
/* The charges of one, for a list. */
void payments_add_charges(struct call *call,
                          const struct payment_intent *intent,
                          struct store_list *list);
/* The latest charge, or NULL. */
struct charge *payments_charge(const struct sim *sim,
                               const struct payment_intent *intent);

#endif
