/* SPDX-License-Identifier: MIT
 * The routes of payments, refunds, transfers, disputes, payouts and balances. */
#include "tests/stripesim/balance.h"
#include "tests/stripesim/charges.h"
#include "tests/stripesim/disputes.h"
#include "tests/stripesim/payment_intents.h"
#include "tests/stripesim/payouts.h"
#include "tests/stripesim/refunds.h"
#include "tests/stripesim/routes.h"
#include "tests/stripesim/rows.h"
#include "tests/stripesim/transfers.h"

#define MOST_MINOR INT64_MAX
#define CAPTURE_METHODS "automatic automatic_async manual"
#define REFUND_REASONS "duplicate fraudulent requested_by_customer"

enum { DESCRIPTOR_CHARACTERS = 22, DESCRIPTION_CHARACTERS = 1000 };

static const struct param none[] = {EXPAND, END};
static const struct param retrieve_intent[] = {STRING("client_secret"), EXPAND, END};
static const struct param list_intents[] = {PAGE, STRING("customer"), END};
static const struct param list_charges[] = {PAGE,
                                            STRING("customer"),
                                            STRING("payment_intent"),
                                            STRING("transfer_group"),
                                            END};
static const struct param list_refunds[] = {PAGE,
                                            STRING("charge"),
                                            STRING("payment_intent"),
                                            END};
static const struct param page[] = {CURSOR, END};
static const struct param list_disputes[] = {PAGE,
                                             STRING("charge"),
                                             STRING("payment_intent"),
                                             END};
static const struct param list_transfers[] = {PAGE,
                                              STRING("destination"),
                                              STRING("transfer_group"),
                                              END};
static const struct param list_fees[] = {PAGE, STRING("charge"), END};
static const struct param list_payouts[] = {
    PAGE,
    NUMBER("arrival_date", 0, MOST_MINOR),
    NUMBER("arrival_date[gt]", 0, MOST_MINOR),
    NUMBER("arrival_date[gte]", 0, MOST_MINOR),
    NUMBER("arrival_date[lt]", 0, MOST_MINOR),
    NUMBER("arrival_date[lte]", 0, MOST_MINOR),
    STRING("destination"),
    CHOICE("status", "canceled failed in_transit paid pending"),
    END};

#define TRANSACTION_TYPES                                                                \
    "adjustment advance advance_funding anticipation_repayment application_fee "         \
    "application_fee_refund charge climate_order_purchase climate_order_refund "         \
    "connect_collection_transfer contribution issuing_authorization_hold "               \
    "issuing_authorization_release issuing_dispute issuing_transaction "                 \
    "obligation_outbound obligation_reversal_inbound payment payment_failure_refund "    \
    "payment_network_reserve_hold payment_network_reserve_release payment_refund "       \
    "payment_reversal payment_unreconciled payout payout_cancel payout_failure refund "  \
    "refund_failure reserve_transaction reserved_funds stripe_fee stripe_fx_fee "        \
    "tax_fee topup topup_reversal transfer transfer_cancel transfer_failure "            \
    "transfer_refund"
static const struct param list_transactions[] = {PAGE,
                                                 STRING("currency"),
                                                 STRING("payout"),
                                                 STRING("source"),
                                                 CHOICE("type", TRANSACTION_TYPES),
                                                 END};

#define INTENT_COMMON                                                                    \
    STRING("customer"), TEXT("description"), EMAIL("receipt_email"),                     \
        CHOICE("setup_future_usage", "off_session on_session"),                          \
        STRING_UP_TO("statement_descriptor", DESCRIPTOR_CHARACTERS),                     \
        STRING_UP_TO("statement_descriptor_suffix", DESCRIPTOR_CHARACTERS),              \
        STRING("transfer_group"), CHOICE("capture_method", CAPTURE_METHODS),             \
        STRING("payment_method"), HASH("payment_method_data"),                           \
        TAKEN("payment_method_data[**]"), HASH("payment_method_options"),                \
        TAKEN("payment_method_options[**]"), TAKEN("payment_method_configuration"),      \
        HASH("shipping"), ADDRESS("shipping[address]"), STRING("shipping[carrier]"),     \
        STRING("shipping[name]"), STRING("shipping[phone]"),                             \
        STRING("shipping[tracking_number]"), METADATA, EXPAND
#define CONFIRM_COMMON                                                                   \
    TAKEN("confirmation_token"), FLAG("error_on_requires_action"), STRING("mandate"),    \
        TAKEN("mandate_data[**]"), TAKEN("off_session"), STRING("return_url"),           \
        FLAG("use_stripe_sdk"), HASH("radar_options"), STRING("radar_options[session]")
static const struct param create_intent[] = {
    NEEDED_NUMBER("amount", 1, MOST_MINOR),
    NEEDED_STRING("currency"),
    NUMBER("application_fee_amount", 0, MOST_MINOR),
    HASH("automatic_payment_methods"),
    {ROW_AS("automatic_payment_methods[enabled]", PARAM_BOOL), .required = true},
    CHOICE("automatic_payment_methods[allow_redirects]", "always never"),
    FLAG("confirm"),
    CHOICE("confirmation_method", "automatic manual"),
    STRING("on_behalf_of"),
    LIST("payment_method_types"),
    STRING("payment_method_types[*]"),
    HASH("transfer_data"),
    NUMBER("transfer_data[amount]", 1, MOST_MINOR),
    NEEDED_STRING("transfer_data[destination]"),
    INTENT_COMMON,
    CONFIRM_COMMON,
    END};
static const struct param update_intent[] = {
    NUMBER("amount", 1, MOST_MINOR),
    STRING("currency"),
    NUMBER("application_fee_amount", 0, MOST_MINOR),
    LIST("payment_method_types"),
    STRING("payment_method_types[*]"),
    HASH("transfer_data"),
    NUMBER("transfer_data[amount]", 1, MOST_MINOR),
    INTENT_COMMON,
    END};
static const struct param confirm_intent[] = {STRING("client_secret"),
                                              LIST("payment_method_types"),
                                              TAKEN("payment_method_types[*]"),
                                              INTENT_COMMON,
                                              CONFIRM_COMMON,
                                              END};
static const struct param capture_intent[] = {
    NUMBER("amount_to_capture", 1, MOST_MINOR),
    NUMBER("application_fee_amount", 0, MOST_MINOR),
    FLAG("final_capture"),
    STRING_UP_TO("statement_descriptor", DESCRIPTOR_CHARACTERS),
    STRING_UP_TO("statement_descriptor_suffix", DESCRIPTOR_CHARACTERS),
    HASH("transfer_data"),
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
                                             EMAIL("instructions_email"),
                                             CHOICE("origin", "customer_balance"),
                                             CHOICE("reason", REFUND_REASONS),
                                             FLAG("refund_application_fee"),
                                             FLAG("reverse_transfer"),
                                             METADATA,
                                             EXPAND,
                                             END};
static const struct param create_payout[] = {
    NEEDED_NUMBER("amount", 1, MOST_MINOR),
    NEEDED_STRING("currency"),
    STRING("description"),
    STRING("destination"),
    CHOICE("method", "instant standard"),
    CHOICE("source_type", "bank_account card fpx"),
    STRING_UP_TO("statement_descriptor", DESCRIPTOR_CHARACTERS),
    METADATA,
    EXPAND,
    END};
static const struct param update_refund[] = {METADATA, EXPAND, END};

#define INTENT "/v1/payment_intents"
#define TRANSACTIONS "/v1/balance_transactions"
#define TRANSFER "/v1/transfers"
#define PAYOUT "/v1/payouts"
#define FEE "/v1/application_fees"
const struct route routes_money[] = {
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
    {"GET", "/v1/charges", KIND_CHARGE, list_charges, charges_list},
    {"GET", "/v1/charges/{id}", KIND_CHARGE, none, charges_retrieve},
    {"POST", "/v1/refunds", KIND_REFUND, create_refund, refunds_create},
    {"GET", "/v1/refunds", KIND_REFUND, list_refunds, refunds_list},
    {"GET", "/v1/refunds/{id}", KIND_REFUND, none, refunds_retrieve},
    {"POST", "/v1/refunds/{id}", KIND_REFUND, update_refund, refunds_update},
    {"GET", TRANSFER, KIND_TRANSFER, list_transfers, transfers_list},
    {"GET", TRANSFER "/{id}", KIND_TRANSFER, none, transfers_retrieve},
    {"GET", FEE, KIND_APPLICATION_FEE, list_fees, transfers_list_fees},
    {"GET", FEE "/{id}", KIND_APPLICATION_FEE, none, transfers_retrieve_fee},
    {"GET",
     TRANSFER "/{id}/reversals",
     KIND_TRANSFER_REVERSAL,
     page,
     transfers_list_reversals},
    {"GET",
     TRANSFER "/{id}/reversals/{id}",
     KIND_TRANSFER_REVERSAL,
     none,
     transfers_retrieve_reversal},
    {"GET", FEE "/{id}/refunds", KIND_FEE_REFUND, page, transfers_list_fee_refunds},
    {"GET",
     FEE "/{id}/refunds/{id}",
     KIND_FEE_REFUND,
     none,
     transfers_retrieve_fee_refund},
    {"GET", "/v1/disputes", KIND_DISPUTE, list_disputes, disputes_list},
    {"GET", "/v1/disputes/{id}", KIND_DISPUTE, none, disputes_retrieve},
    {"POST", PAYOUT, KIND_PAYOUT, create_payout, payouts_create},
    {"GET", PAYOUT, KIND_PAYOUT, list_payouts, payouts_list},
    {"GET", PAYOUT "/{id}", KIND_PAYOUT, none, payouts_retrieve},
    {"POST", PAYOUT "/{id}/cancel", KIND_PAYOUT, none, payouts_cancel},
    {"GET", "/v1/balance", KIND_BALANCE_TRANSACTION, none, balance_retrieve},
    {"GET",
     TRANSACTIONS,
     KIND_BALANCE_TRANSACTION,
     list_transactions,
     balance_list_transactions},
    {"GET",
     TRANSACTIONS "/{id}",
     KIND_BALANCE_TRANSACTION,
     none,
     balance_retrieve_transaction},
    {.method = NULL},
};
