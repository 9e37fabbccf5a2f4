/* SPDX-License-Identifier: MIT
 * What a charge looks like as JSON, its card and the card's receipt with it. */
#include <stdio.h>

#include "tests/stripesim/call.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/charges.h"
#include "tests/stripesim/payments.h"
#include "tests/stripesim/sim.h"

/* A card as a terminal or a form sees it. */
struct card {
    const char *brand;
    const char *network;
    const char *last4;
    const char *country;
    const char *funding;
    const char *account_type;
    const char *preferred_name;
    const char *dedicated_file_name; /* the card application's id (AID) */
    const char *verification;
};

static bool is_wanted(const struct call *call, const struct object *object);
static const struct card *card_of(const struct charge *charge);
static void write_outcome(struct json_writer *json, const char *name, const void *object);
static void write_details(struct json_writer *json, const char *name, const void *object);
static void write_card_present(struct json_writer *json, const struct charge *charge);
static void write_receipt(struct json_writer *json, const struct charge *charge);
static void write_card(struct json_writer *json, const struct charge *charge);
static void write_transfer_data(struct json_writer *json,
                                const char *name,
                                const void *object);
static void write_receipt_url(struct json_writer *json,
                              const char *name,
                              const void *object);

static const struct card cards[] = {
    {"visa",
     "visa",
     "9969",
     "FR",
     "debit",
     "checking",
     "CB",
     "A0000000421010",
     "approval"},
    {"visa",
     "visa",
     "4242",
     "FR",
     "debit",
     "checking",
     "Visa Debit",
     "A0000000031010",
     "approval"},
    {"mastercard",
     "mastercard",
     "4444",
     "FR",
     "debit",
     "checking",
     "Mastercard",
     "A0000000041010",
     "approval"},
    {"visa",
     "visa",
     "0119",
     "FR",
     "credit",
     "credit",
     "Visa Credit",
     "A0000000031010",
     "signature"},
    {"amex",
     "amex",
     "0005",
     "FR",
     "credit",
     "credit",
     "AMERICAN EXPRESS",
     "A000000025010801",
     "approval"},
};

static const char *const status_names[] = {
    [CHARGE_SUCCEEDED] = "succeeded",
    [CHARGE_PENDING] = "pending",
    [CHARGE_FAILED] = "failed",
};

#define ROW(member, as) FIELD(struct charge, member, as)
static const struct field fields[] = {
    FIELD_HEAD("charge"),
    ROW(amount, FIELD_INTEGER),
    ROW(amount_captured, FIELD_OPTIONAL),
    ROW(amount_refunded, FIELD_INTEGER),
    FIELD_NULL("application"),
    ROW(application_fee, FIELD_LINK),
    ROW(application_fee_amount, FIELD_OPTIONAL),
    ROW(balance_transaction, FIELD_LINK),
    FIELD_ALWAYS("billing_details",
                 "{\"address\":{\"city\":null,\"country\":null,\"line1\":null,"
                 "\"line2\":null,\"postal_code\":null,\"state\":null},"
                 "\"email\":null,\"name\":null,\"phone\":null}"),
    FIELD_ALWAYS("calculated_statement_descriptor", "\"TOCSIN\""),
    ROW(captured, FIELD_BOOL),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    ROW(customer, FIELD_STRING),
    ROW(description, FIELD_STRING),
    ROW(disputed, FIELD_BOOL),
    FIELD_NULL("failure_balance_transaction"),
    ROW(failure_code, FIELD_STRING),
    ROW(failure_message, FIELD_STRING),
    FIELD_ALWAYS("fraud_details", "{}"),
    FIELD_NULL("invoice"),
    FIELD_LIVEMODE,
    ROW(metadata, FIELD_JSON),
    ROW(on_behalf_of, FIELD_LINK),
    FIELD_BY("outcome", write_outcome),
    ROW(paid, FIELD_BOOL),
    ROW(payment_intent, FIELD_LINK),
    ROW(payment_method, FIELD_STRING),
    FIELD_BY("payment_method_details", write_details),
    FIELD_ALWAYS("radar_options", "{}"),
    ROW(receipt_email, FIELD_STRING),
    FIELD_NULL("receipt_number"),
    FIELD_BY("receipt_url", write_receipt_url),
    ROW(refunded, FIELD_BOOL),
    FIELD_NULL("review"),
    FIELD_NULL("shipping"),
    FIELD_NULL("source"),
    FIELD_NULL("source_transfer"),
    ROW(statement_descriptor, FIELD_STRING),
    ROW(statement_descriptor_suffix, FIELD_STRING),
    FIELD_NAMED(struct charge, status, status_names),
    {.name = "transfer",
     .kind = FIELD_LINK,
     .offset = offsetof(struct charge, transfer),
     .omit_null = true},
    FIELD_BY("transfer_data", write_transfer_data),
    ROW(transfer_group, FIELD_STRING),
};
const struct shape charge_shape = {
    .name = "charge",
    .prefix = "ch_3",
    .path_param = "id",
    .size = sizeof(struct charge),
    .fields = fields,
    .field_count = FIELD_COUNT(fields),
};

void charges_list(struct call *call)
{
    const struct payment_intent *intent =
        store_find(&call->sim->store,
                   KIND_PAYMENT_INTENT,
                   call->account,
                   form_value(&call->form, "payment_intent"));
    struct store_list list = {0};
    if (!intent) {
        list_answer(call, KIND_CHARGE, is_wanted);
        return;
    }
    payments_add_charges(call, intent, &list);
    list_answer_of(call, KIND_CHARGE, &list, is_wanted);
}

void charges_retrieve(struct call *call)
{
    struct object *charge = call_find(call, KIND_CHARGE, call->path_id);
    if (charge) {
        call_answer(call, charge);
    }
}

const char *charges_brand(const struct charge *charge)
{
    return card_of(charge)->brand;
}

static bool is_wanted(const struct call *call, const struct object *object)
{
    const struct charge *charge = (const struct charge *)(const void *)object;
    const struct {
        const char *name;
        const char *value;
    } facts[] = {
        {"customer", charge->customer},
        {"payment_intent", charge->payment_intent},
        {"transfer_group", charge->transfer_group},
    };
    for (size_t i = 0; i < FIELD_COUNT(facts); i++) {
        const struct form_entry *entry = form_find(&call->form, facts[i].name);
        if (entry && !span_equal(entry->value, span_of(facts[i].value))) {
            return false;
        }
    }
    return true;
}

static const struct card *card_of(const struct charge *charge)
{
    return &cards[charge->chance % FIELD_COUNT(cards)];
}

static void write_outcome(struct json_writer *json, const char *name, const void *object)
{
    const struct charge *charge = object;
    bool declined = charge->status == CHARGE_FAILED;
    const char *reason =
        charge->decline_code ? charge->decline_code : charge->failure_code;
    json_open(json, name, '{');
    json_put_string(json,
                    "network_status",
                    declined ? SPAN("declined_by_network") : SPAN("approved_by_network"));
    json_put_optional(json, "reason", span_of(declined ? reason : NULL));
    if (!charge->card_present) {
        json_put_string(json, "risk_level", SPAN("normal"));
    } else {
        json_put_string(json, "risk_level", SPAN("not_assessed"));
    }
    json_put_string(json,
                    "seller_message",
                    declined ? SPAN("The bank did not return any further details with "
                                    "this decline.")
                             : SPAN("Payment complete."));
    json_put_string(json,
                    "type",
                    declined ? SPAN("issuer_declined") : SPAN("authorized"));
    json_close(json, '}');
}

static void write_details(struct json_writer *json, const char *name, const void *object)
{
    const struct charge *charge = object;
    json_open(json, name, '{');
    if (charge->card_present) {
        write_card_present(json, charge);
    } else {
        write_card(json, charge);
    }
    json_put_string(json,
                    "type",
                    charge->card_present ? SPAN("card_present") : SPAN("card"));
    json_close(json, '}');
}

static void write_card_present(struct json_writer *json, const struct charge *charge)
{
    const struct card *card = card_of(charge);
    json_open(json, "card_present", '{');
    json_put_integer(json, "amount_authorized", charge->amount);
    json_put_string(json, "brand", span_of(card->brand));
    json_put_null(json, "brand_product");
    json_put_null(json, "cardholder_name");
    json_put_string(json, "country", span_of(card->country));
    json_put_string(json, "description", span_of(card->preferred_name));
    json_put_null(json, "emv_auth_data");
    json_put_integer(json, "exp_month", 1 + (int64_t)(charge->chance >> 8) % 12);
    json_put_integer(json, "exp_year", 2028 + (int64_t)((charge->chance >> 16) % 4));
    json_put_string(json, "fingerprint", SPAN("AOB934RVNwzk6xtn"));
    json_put_string(json, "funding", span_of(card->funding));
    json_put_null(json, "generated_card");
    json_put_bool(json, "incremental_authorization_supported", false);
    json_put_string(json, "issuer", SPAN("BANQUE DE TEST"));
    json_put_string(json, "last4", span_of(card->last4));
    json_put_string(json, "network", span_of(card->network));
    json_put_null(json, "network_transaction_id");
    json_put_raw(json, "offline", SPAN("{\"stored_at\":null,\"type\":null}"));
    json_put_bool(json, "overcapture_supported", false);
    json_put_raw(json, "preferred_locales", SPAN("[\"fr\"]"));
    json_put_string(json, "read_method", SPAN("contactless_emv"));
    write_receipt(json, charge);
    json_close(json, '}');
}

/* The authorisation code and the cryptogram differ from payment to payment; 00 is the
 * issuer's "approved", Z3 and 05 are refusals. */
static void write_receipt(struct json_writer *json, const struct charge *charge)
{
    const struct card *card = card_of(charge);
    bool declined = charge->status == CHARGE_FAILED;
    char code[8];
    char cryptogram[17];
    snprintf(code,
             sizeof(code),
             "%06u",
             (unsigned int)((charge->chance >> 24) % 1000000));
    snprintf(cryptogram,
             sizeof(cryptogram),
             "%016llX",
             (unsigned long long)charge->chance * 0x9e3779b97f4a7c15u);
    json_open(json, "receipt", '{');
    json_put_string(json, "account_type", span_of(card->account_type));
    json_put_string(json, "application_cryptogram", span_of(cryptogram));
    json_put_string(json, "application_preferred_name", span_of(card->preferred_name));
    json_put_optional(json, "authorization_code", span_of(declined ? NULL : code));
    json_put_string(json,
                    "authorization_response_code",
                    declined ? SPAN("05") : SPAN("00"));
    json_put_string(json, "cardholder_verification_method", span_of(card->verification));
    json_put_string(json, "dedicated_file_name", span_of(card->dedicated_file_name));
    json_put_string(json, "terminal_verification_results", SPAN("0000008000"));
    json_put_string(json, "transaction_status_information", SPAN("0000"));
    json_close(json, '}');
}

static void write_card(struct json_writer *json, const struct charge *charge)
{
    const struct card *card = card_of(charge);
    json_open(json, "card", '{');
    json_put_integer(json, "amount_authorized", charge->amount);
    json_put_null(json, "authorization_code");
    json_put_string(json, "brand", span_of(card->brand));
    json_put_raw(json,
                 "checks",
                 SPAN("{\"address_line1_check\":null,\"address_postal_code_check\":null,"
                      "\"cvc_check\":\"pass\"}"));
    json_put_string(json, "country", span_of(card->country));
    json_put_integer(json, "exp_month", 1 + (int64_t)(charge->chance >> 8) % 12);
    json_put_integer(json, "exp_year", 2028 + (int64_t)((charge->chance >> 16) % 4));
    json_put_raw(json, "extended_authorization", SPAN("{\"status\":\"disabled\"}"));
    json_put_string(json, "fingerprint", SPAN("AOB934RVNwzk6xtn"));
    json_put_string(json, "funding", span_of(card->funding));
    json_put_raw(json, "incremental_authorization", SPAN("{\"status\":\"unavailable\"}"));
    json_put_null(json, "installments");
    json_put_string(json, "last4", span_of(card->last4));
    json_put_null(json, "mandate");
    json_put_raw(json, "multicapture", SPAN("{\"status\":\"unavailable\"}"));
    json_put_string(json, "network", span_of(card->network));
    json_put_raw(json, "network_token", SPAN("{\"used\":false}"));
    json_open(json, "overcapture", '{');
    json_put_integer(json, "maximum_amount_capturable", charge->amount);
    json_put_string(json, "status", SPAN("unavailable"));
    json_close(json, '}');
    json_put_null(json, "three_d_secure");
    json_put_null(json, "wallet");
    json_close(json, '}');
}

static void write_transfer_data(struct json_writer *json,
                                const char *name,
                                const void *object)
{
    const struct charge *charge = object;
    if (!charge->destination) {
        json_put_null(json, name);
        return;
    }
    json_open(json, name, '{');
    if (charge->transfer_amount == OBJECT_NONE) {
        json_put_null(json, "amount");
    } else {
        json_put_integer(json, "amount", charge->transfer_amount);
    }
    json_put_string(json, "destination", span_of(charge->destination));
    json_close(json, '}');
}

static void write_receipt_url(struct json_writer *json,
                              const char *name,
                              const void *object)
{
    const struct charge *charge = object;
    char url[128];
    int len = snprintf(url,
                       sizeof(url),
                       "https://pay.stripe.com/receipts/payment/%016llx",
                       (unsigned long long)charge->chance);
    json_put_optional(json,
                      name,
                      charge->paid ? (struct span){url, (size_t)len}
                                   : (struct span){NULL, 0});
}
