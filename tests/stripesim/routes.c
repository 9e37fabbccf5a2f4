/* SPDX-License-Identifier: MIT
 * The API's routes. What Stripe takes and the simulator does not model is taken, and not
 * looked at. */
#include "tests/stripesim/routes.h"

#include <string.h>

#include "tests/stripesim/accounts.h"
#include "tests/stripesim/charges.h"
#include "tests/stripesim/disputes.h"
#include "tests/stripesim/events.h"
#include "tests/stripesim/payment_intents.h"
#include "tests/stripesim/payouts.h"
#include "tests/stripesim/readers.h"
#include "tests/stripesim/refunds.h"

#define NAMED(name, as) .pattern = (name), .kind = (as)
#define STRING(name)                                                                     \
    {                                                                                    \
        NAMED(name, PARAM_STRING)                                                        \
    }
#define TEXT(name)                                                                       \
    {                                                                                    \
        NAMED(name, PARAM_STRING), .may_be_empty = true                                  \
    }
#define NUMBER(name, from, to)                                                           \
    {                                                                                    \
        NAMED(name, PARAM_INTEGER), .least = (from), .most = (to)                        \
    }
#define FLAG(name)                                                                       \
    {                                                                                    \
        NAMED(name, PARAM_BOOL)                                                          \
    }
#define CHOICE(name, words)                                                              \
    {                                                                                    \
        NAMED(name, PARAM_CHOICE), .choices = (words)                                    \
    }
#define TAKEN(name)                                                                      \
    {                                                                                    \
        NAMED(name, PARAM_ANY)                                                           \
    }
#define METADATA TAKEN("metadata"), TAKEN("metadata[*]")
#define EXPAND TAKEN("expand[*]")
#define CURSOR                                                                           \
    NUMBER("limit", 1, 100), STRING("starting_after"), STRING("ending_before"), EXPAND
#define PAGE                                                                             \
    CURSOR, TAKEN("created"), TAKEN("created[gt]"), TAKEN("created[gte]"),               \
        TAKEN("created[lt]"), TAKEN("created[lte]")
#define END                                                                              \
    {                                                                                    \
        .pattern = NULL                                                                  \
    }
#define MOST_MINOR INT64_MAX
#define CAPTURE_METHODS "automatic automatic_async manual"
#define REFUND_REASONS "duplicate fraudulent requested_by_customer"

static const struct param none[] = {EXPAND, END};
static const struct param page[] = {PAGE, END};
static const struct param retrieve_intent[] = {STRING("client_secret"), EXPAND, END};
static const struct param list_intents[] = {PAGE, STRING("customer"), END};
static const struct param list_refunds[] = {PAGE,
                                            STRING("charge"),
                                            STRING("payment_intent"),
                                            END};
static const struct param list_payouts[] = {
    PAGE,
    TAKEN("arrival_date"),
    TAKEN("arrival_date[*]"),
    STRING("destination"),
    CHOICE("status", "canceled failed in_transit paid pending"),
    END};
static const struct param list_readers[] = {CURSOR,
                                            STRING("device_type"),
                                            STRING("location"),
                                            STRING("serial_number"),
                                            CHOICE("status", "offline online"),
                                            END};
static const struct param list_events[] = {PAGE,
                                           STRING("type"),
                                           STRING("types[*]"),
                                           FLAG("delivery_success"),
                                           END};

#define INTENT_COMMON                                                                    \
    STRING("customer"), TEXT("description"), TEXT("receipt_email"),                      \
        CHOICE("setup_future_usage", "off_session on_session"),                          \
        STRING("statement_descriptor"), STRING("statement_descriptor_suffix"),           \
        STRING("transfer_group"), CHOICE("capture_method", CAPTURE_METHODS),             \
        STRING("payment_method"), TAKEN("payment_method_data[**]"),                      \
        TAKEN("payment_method_options[**]"), TAKEN("payment_method_configuration"),      \
        TAKEN("shipping[**]"), METADATA, EXPAND
#define CONFIRM_COMMON                                                                   \
    TAKEN("confirmation_token"), TAKEN("error_on_requires_action"), TAKEN("mandate"),    \
        TAKEN("mandate_data[**]"), TAKEN("off_session"), TAKEN("return_url"),            \
        TAKEN("use_stripe_sdk"), TAKEN("radar_options[**]")
static const struct param create_intent[] = {
    {NAMED("amount", PARAM_INTEGER), .required = true, .least = 1, .most = MOST_MINOR},
    {NAMED("currency", PARAM_STRING), .required = true},
    NUMBER("application_fee_amount", 0, MOST_MINOR),
    TAKEN("automatic_payment_methods[*]"),
    FLAG("confirm"),
    CHOICE("confirmation_method", "automatic manual"),
    STRING("on_behalf_of"),
    STRING("payment_method_types[*]"),
    NUMBER("transfer_data[amount]", 1, MOST_MINOR),
    STRING("transfer_data[destination]"),
    INTENT_COMMON,
    CONFIRM_COMMON,
    END};
static const struct param update_intent[] = {
    NUMBER("amount", 1, MOST_MINOR),
    STRING("currency"),
    NUMBER("application_fee_amount", 0, MOST_MINOR),
    STRING("payment_method_types[*]"),
    NUMBER("transfer_data[amount]", 1, MOST_MINOR),
    INTENT_COMMON,
    END};
static const struct param confirm_intent[] = {TAKEN("client_secret"),
                                              TAKEN("payment_method_types[*]"),
                                              INTENT_COMMON,
                                              CONFIRM_COMMON,
                                              END};
static const struct param capture_intent[] = {
    NUMBER("amount_to_capture", 1, MOST_MINOR),
    NUMBER("application_fee_amount", 0, MOST_MINOR),
    FLAG("final_capture"),
    STRING("statement_descriptor"),
    STRING("statement_descriptor_suffix"),
    NUMBER("transfer_data[amount]", 1, MOST_MINOR),
    METADATA,
    EXPAND,
    END};
static const struct param cancel_intent[] = {
    CHOICE("cancellation_reason", "duplicate fraudulent requested_by_customer abandoned"),
    EXPAND,
    END};

static const struct param create_refund[] = {NUMBER("amount", 1, MOST_MINOR),
                                             STRING("charge"),
                                             STRING("payment_intent"),
                                             STRING("currency"),
                                             STRING("customer"),
                                             STRING("instructions_email"),
                                             STRING("origin"),
                                             CHOICE("reason", REFUND_REASONS),
                                             FLAG("refund_application_fee"),
                                             FLAG("reverse_transfer"),
                                             METADATA,
                                             EXPAND,
                                             END};
static const struct param update_refund[] = {METADATA, EXPAND, END};

#define ACCOUNT_COMMON                                                                   \
    STRING("account_token"), TAKEN("business_profile[**]"),                              \
        CHOICE("business_type", "company government_entity individual non_profit"),      \
        TAKEN("capabilities[**]"), TAKEN("company[**]"), STRING("default_currency"),     \
        TAKEN("documents[**]"), STRING("email"), STRING("external_account"),             \
        TAKEN("individual[**]"), TAKEN("settings[**]"), TAKEN("tos_acceptance[**]"),     \
        METADATA, EXPAND
static const struct param create_account[] = {CHOICE("type", "custom express standard"),
                                              STRING("country"),
                                              TAKEN("controller[**]"),
                                              TAKEN("bank_account[**]"),
                                              ACCOUNT_COMMON,
                                              END};
static const struct param update_account[] = {ACCOUNT_COMMON, END};

#define INTENT "/v1/payment_intents"
static const struct route routes[] = {
    {"POST", INTENT, KIND_PAYMENT_INTENT, create_intent, payment_intents_create},
    {"GET", INTENT, KIND_PAYMENT_INTENT, list_intents, payment_intents_list},
    {"GET",
     INTENT "/{id}",
     KIND_PAYMENT_INTENT,
     retrieve_intent,
     payment_intents_retrieve},
    {"POST", INTENT "/{id}", KIND_PAYMENT_INTENT, update_intent, payment_intents_update},
    {"POST",
     INTENT "/{id}/confirm",
     KIND_PAYMENT_INTENT,
     confirm_intent,
     payment_intents_confirm},
    {"POST",
     INTENT "/{id}/capture",
     KIND_PAYMENT_INTENT,
     capture_intent,
     payment_intents_capture},
    {"POST",
     INTENT "/{id}/cancel",
     KIND_PAYMENT_INTENT,
     cancel_intent,
     payment_intents_cancel},
    {"GET", "/v1/charges/{id}", KIND_CHARGE, none, charges_retrieve},
    {"POST", "/v1/refunds", KIND_REFUND, create_refund, refunds_create},
    {"GET", "/v1/refunds", KIND_REFUND, list_refunds, refunds_list},
    {"GET", "/v1/refunds/{id}", KIND_REFUND, none, refunds_retrieve},
    {"POST", "/v1/refunds/{id}", KIND_REFUND, update_refund, refunds_update},
    {"GET", "/v1/disputes/{id}", KIND_DISPUTE, none, disputes_retrieve},
    {"GET", "/v1/payouts", KIND_PAYOUT, list_payouts, payouts_list},
    {"GET", "/v1/payouts/{id}", KIND_PAYOUT, none, payouts_retrieve},
    {"GET", "/v1/terminal/readers", KIND_READER, list_readers, readers_list},
    {"GET", "/v1/terminal/readers/{id}", KIND_READER, none, readers_retrieve},
    {"POST", "/v1/accounts", KIND_ACCOUNT, create_account, accounts_create},
    {"GET", "/v1/accounts", KIND_ACCOUNT, page, accounts_list},
    {"GET", "/v1/accounts/{id}", KIND_ACCOUNT, none, accounts_retrieve},
    {"POST", "/v1/accounts/{id}", KIND_ACCOUNT, update_account, accounts_update},
    {"GET", "/v1/events", KIND_EVENT, list_events, events_list},
    {"GET", "/v1/events/{id}", KIND_EVENT, none, events_retrieve},
};

const struct route *routes_find(const char *method, struct span path, struct span *out_id)
{
    for (size_t i = 0; i < FIELD_COUNT(routes); i++) {
        if (strcmp(routes[i].method, method) == 0 &&
            routes_fits(routes[i].path, path, out_id)) {
            return &routes[i];
        }
    }
    return NULL;
}

bool routes_fits(const char *pattern, struct span path, struct span *out_id)
{
    struct span wanted = span_of(pattern);
    while (wanted.len > 0 && path.len > 0) {
        struct span piece = span_cut(path, '/', &path);
        struct span word = span_cut(wanted, '/', &wanted);
        if (span_is(word, "{id}") && piece.len > 0) {
            *out_id = piece;
        } else if (!span_equal(word, piece)) {
            return false;
        }
    }
    return wanted.len == 0 && path.len == 0;
}
