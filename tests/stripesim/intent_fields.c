/* SPDX-License-Identifier: MIT
 * What a payment intent looks like as JSON. */
#include "tests/stripesim/payments.h"

static void write_transfer_data(struct json_writer *json,
                                const char *name,
                                const void *object);

static const char *const status_names[INTENT_STATUS_COUNT] = {
    [INTENT_REQUIRES_PAYMENT_METHOD] = "requires_payment_method",
    [INTENT_REQUIRES_CONFIRMATION] = "requires_confirmation",
    [INTENT_REQUIRES_ACTION] = "requires_action",
    [INTENT_PROCESSING] = "processing",
    [INTENT_REQUIRES_CAPTURE] = "requires_capture",
    [INTENT_CANCELED] = "canceled",
    [INTENT_SUCCEEDED] = "succeeded",
};

#define ROW(member, as) FIELD(struct payment_intent, member, as)
static const struct field fields[] = {
    FIELD_HEAD("payment_intent"),
    ROW(amount, FIELD_INTEGER),
    ROW(amount_capturable, FIELD_INTEGER),
    FIELD_ALWAYS("amount_details", "{\"tip\":{}}"),
    ROW(amount_received, FIELD_INTEGER),
    FIELD_NULL("application"),
    ROW(application_fee_amount, FIELD_OPTIONAL),
    ROW(automatic_payment_methods, FIELD_JSON),
    ROW(canceled_at, FIELD_OPTIONAL),
    ROW(cancellation_reason, FIELD_STRING),
    ROW(capture_method, FIELD_STRING),
    ROW(client_secret, FIELD_STRING),
    ROW(confirmation_method, FIELD_STRING),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    ROW(customer, FIELD_STRING),
    ROW(description, FIELD_STRING),
    FIELD_NULL("invoice"),
    ROW(last_payment_error, FIELD_JSON),
    ROW(latest_charge, FIELD_LINK),
    FIELD_LIVEMODE,
    ROW(metadata, FIELD_JSON),
    ROW(next_action, FIELD_JSON),
    ROW(on_behalf_of, FIELD_LINK),
    ROW(payment_method, FIELD_STRING),
    FIELD_NULL("payment_method_configuration_details"),
    ROW(payment_method_options, FIELD_JSON),
    ROW(payment_method_types, FIELD_JSON),
    FIELD_NULL("processing"),
    ROW(receipt_email, FIELD_STRING),
    FIELD_NULL("review"),
    ROW(setup_future_usage, FIELD_STRING),
    FIELD_NULL("shipping"),
    FIELD_NULL("source"),
    ROW(statement_descriptor, FIELD_STRING),
    ROW(statement_descriptor_suffix, FIELD_STRING),
    FIELD_NAMED(struct payment_intent, status, status_names),
    FIELD_BY("transfer_data", write_transfer_data),
    ROW(transfer_group, FIELD_STRING),
};
const struct shape payment_intent_shape = {
    .name = "payment_intent",
    .prefix = "pi_3",
    .path_param = "intent",
    .size = sizeof(struct payment_intent),
    .fields = fields,
    .field_count = FIELD_COUNT(fields),
};

const char *payments_status_name(enum intent_status status)
{
    return status_names[status];
}

static void write_transfer_data(struct json_writer *json,
                                const char *name,
                                const void *object)
{
    const struct payment_intent *intent = object;
    if (!intent->destination) {
        json_put_null(json, name);
        return;
    }
    json_open(json, name, '{');
    if (intent->transfer_amount != OBJECT_NONE) {
        json_put_integer(json, "amount", intent->transfer_amount);
    }
    json_put_string(json, "destination", span_of(intent->destination));
    json_close(json, '}');
}
