/* SPDX-License-Identifier: MIT
 * What transfers, application fees, and what is taken back of both look like as JSON. */
#include "tests/stripesim/transfers.h"

static void write_reversals(struct json_writer *json,
                            const char *name,
                            const void *object);
static void write_fee_refunds(struct json_writer *json,
                              const char *name,
                              const void *object);
static void open_list(struct json_writer *json, const char *name);
static void close_list(struct json_writer *json,
                       const char *path,
                       const char *id,
                       const char *below);
static void write_source(struct json_writer *json, const char *name, const void *object);

#define ROW(member, as) FIELD(struct transfer, member, as)
static const struct field transfer_fields[] = {
    FIELD_HEAD("transfer"),
    ROW(amount, FIELD_INTEGER),
    ROW(amount_reversed, FIELD_INTEGER),
    ROW(balance_transaction, FIELD_LINK),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    FIELD_NULL("description"),
    ROW(destination, FIELD_LINK),
    ROW(destination_payment, FIELD_LINK),
    FIELD_LIVEMODE,
    FIELD_ALWAYS("metadata", "{}"),
    FIELD_BY("reversals", write_reversals),
    ROW(reversed, FIELD_BOOL),
    ROW(source_transaction, FIELD_LINK),
    FIELD_ALWAYS("source_type", "\"card\""),
    ROW(transfer_group, FIELD_STRING),
};
#undef ROW
const struct shape transfer_shape = {
    .name = "transfer",
    .prefix = "tr_3",
    .path_param = "id",
    .size = sizeof(struct transfer),
    .fields = transfer_fields,
    .field_count = FIELD_COUNT(transfer_fields),
};

#define ROW(member, as) FIELD(struct transfer_reversal, member, as)
static const struct field reversal_fields[] = {
    FIELD_HEAD("transfer_reversal"),
    ROW(amount, FIELD_INTEGER),
    ROW(balance_transaction, FIELD_LINK),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    ROW(destination_payment_refund, FIELD_LINK),
    FIELD_ALWAYS("metadata", "{}"),
    ROW(source_refund, FIELD_LINK),
    ROW(transfer, FIELD_LINK),
};
#undef ROW
const struct shape transfer_reversal_shape = {
    .name = "transfer_reversal",
    .prefix = "trr_1",
    .path_param = "reversal",
    .size = sizeof(struct transfer_reversal),
    .fields = reversal_fields,
    .field_count = FIELD_COUNT(reversal_fields),
};

#define ROW(member, as) FIELD(struct application_fee, member, as)
static const struct field fee_fields[] = {
    FIELD_HEAD("application_fee"),
    {.name = "account",
     .kind = FIELD_LINK,
     .offset = offsetof(struct application_fee, payer)},
    ROW(amount, FIELD_INTEGER),
    ROW(amount_refunded, FIELD_INTEGER),
    FIELD_ALWAYS("application", "\"ca_TocsinOfTheSimulator\""),
    ROW(balance_transaction, FIELD_LINK),
    ROW(charge, FIELD_LINK),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    FIELD_BY("fee_source", write_source),
    FIELD_LIVEMODE,
    {.name = "originating_transaction",
     .kind = FIELD_LINK,
     .offset = offsetof(struct application_fee, originating)},
    ROW(refunded, FIELD_BOOL),
    FIELD_BY("refunds", write_fee_refunds),
};
#undef ROW
const struct shape application_fee_shape = {
    .name = "application_fee",
    .prefix = "fee_1",
    .path_param = "id",
    .size = sizeof(struct application_fee),
    .fields = fee_fields,
    .field_count = FIELD_COUNT(fee_fields),
};

#define ROW(member, as) FIELD(struct fee_refund, member, as)
static const struct field fee_refund_fields[] = {
    FIELD_HEAD("fee_refund"),
    ROW(amount, FIELD_INTEGER),
    ROW(balance_transaction, FIELD_LINK),
    FIELD_CREATED,
    ROW(currency, FIELD_STRING),
    ROW(fee, FIELD_LINK),
    FIELD_ALWAYS("metadata", "{}"),
};
#undef ROW
const struct shape fee_refund_shape = {
    .name = "fee_refund",
    .prefix = "fr_1",
    .path_param = "refund",
    .size = sizeof(struct fee_refund),
    .fields = fee_refund_fields,
    .field_count = FIELD_COUNT(fee_refund_fields),
};

static void write_reversals(struct json_writer *json,
                            const char *name,
                            const void *object)
{
    const struct transfer *transfer = object;
    open_list(json, name);
    for (const struct transfer_reversal *at = transfer->newest; at; at = at->older) {
        object_write(&at->object, json, NULL, NULL);
    }
    close_list(json, "/v1/transfers", transfer->object.id, "reversals");
}

static void write_fee_refunds(struct json_writer *json,
                              const char *name,
                              const void *object)
{
    const struct application_fee *fee = object;
    open_list(json, name);
    for (const struct fee_refund *at = fee->newest; at; at = at->older) {
        object_write(&at->object, json, NULL, NULL);
    }
    close_list(json, "/v1/application_fees", fee->object.id, "refunds");
}

static void open_list(struct json_writer *json, const char *name)
{
    json_open(json, name, '{');
    json_put_string(json, "object", SPAN("list"));
    json_open(json, "data", '[');
}

static void close_list(struct json_writer *json,
                       const char *path,
                       const char *id,
                       const char *below)
{
    struct text url;
    text_init(&url, 256);
    text_addf(&url, "%s/%s/%s", path, id, below);
    json_close(json, ']');
    json_put_bool(json, "has_more", false);
    json_put_string(json, "url", text_span(&url));
    json_close(json, '}');
    text_done(&url);
}

static void write_source(struct json_writer *json, const char *name, const void *object)
{
    const struct application_fee *fee = object;
    json_open(json, name, '{');
    json_put_string(json, "charge", span_of(fee->charge));
    json_put_string(json, "type", SPAN("charge"));
    json_close(json, '}');
}
