/* SPDX-License-Identifier: MIT
 * Reads balance transactions as Stripe shows them at API version 2024-06-20. */
#include "worker/books_transaction.h"

#include "common/base/json.h"
#include "worker/events.h"

typedef void (*source_fn)(const struct cJSON *source, struct books_transaction *row);

static void read_source(const struct cJSON *object, struct books_transaction *row);
static void read_charge(const struct cJSON *source, struct books_transaction *row);
static void read_of_charge(const struct cJSON *source, struct books_transaction *row);
static void read_transfer(const struct cJSON *source, struct books_transaction *row);
static void read_reversal(const struct cJSON *source, struct books_transaction *row);
static void read_fee(const struct cJSON *source, struct books_transaction *row);
static void read_fee_refund(const struct cJSON *source, struct books_transaction *row);
static int64_t number_at(const struct cJSON *object, const char *path);
static void put_number(struct json_writer *json, const char *key, int64_t value, bool is);

/* Whose sale each object of Stripe's leads to. Others say their amount and status. */
static const struct {
    const char *object;
    source_fn read;
} sources[] = {
    {"charge", read_charge},
    {"refund", read_of_charge},
    {"dispute", read_of_charge},
    {"transfer", read_transfer},
    {"transfer_reversal", read_reversal},
    {"application_fee", read_fee},
    {"fee_refund", read_fee_refund},
};

enum outcome books_transaction_read(const struct cJSON *object,
                                    struct books_transaction *out_transaction,
                                    struct fault *fault)
{
    struct books_transaction row = {
        .id = event_id_at(object, "id"),
        .type = json_string(object, "type"),
        .category = json_string(object, "reporting_category"),
        .currency = json_string(object, "currency"),
    };
    if (row.id.len == 0 || row.type.len == 0 || row.currency.len != 3 ||
        !json_integer(object, "amount", &row.amount) ||
        !json_integer(object, "fee", &row.fee) ||
        !json_integer(object, "net", &row.net) ||
        !json_integer(object, "created", &row.created_s)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "books",
                         0,
                         "a balance transaction lacks what each has");
    }
    read_source(object, &row);
    *out_transaction = row;
    return OUTCOME_DONE;
}

static void read_source(const struct cJSON *object, struct books_transaction *row)
{
    const struct cJSON *source = json_at(object, "source");
    row->source = event_id_at(object, "source");
    if (!json_is_object(source)) {
        return;
    }
    row->object = json_string(source, "object");
    row->status = json_string(source, "status");
    row->source_currency = json_string(source, "currency");
    row->has_amount = json_integer(source, "amount", &row->source_amount);
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (span_is(row->object, sources[i].object)) {
            sources[i].read(source, row);
        }
    }
}

/* Stripe counts what was released as refunded; nothing was given back of what was taken.
 */
static void read_charge(const struct cJSON *source, struct books_transaction *row)
{
    int64_t released = 0;
    row->taken = number_at(source, "amount_captured");
    released = row->source_amount - row->taken;
    row->back = number_at(source, "amount_refunded") - released;
    row->back = row->back > 0 ? row->back : 0;
    row->charge = row->source;
    row->payment_intent = event_id_at(source, "payment_intent");
    row->of = event_id_at(source, "source_transfer");
    row->destination = event_id_at(source, "transfer_data.destination");
    if (row->destination.len == 0) {
        row->destination = event_id_at(source, "destination");
    }
}

static void read_of_charge(const struct cJSON *source, struct books_transaction *row)
{
    row->charge = event_id_at(source, "charge");
    row->payment_intent = event_id_at(source, "payment_intent");
}

static void read_transfer(const struct cJSON *source, struct books_transaction *row)
{
    row->charge = event_id_at(source, "source_transaction");
    row->destination = event_id_at(source, "destination");
    row->back = number_at(source, "amount_reversed");
}

static void read_reversal(const struct cJSON *source, struct books_transaction *row)
{
    row->of = event_id_at(source, "source_refund");
    if (row->of.len == 0) {
        row->of = event_id_at(source, "transfer");
    }
}

static void read_fee(const struct cJSON *source, struct books_transaction *row)
{
    row->charge = event_charge_of_fee(source);
    row->destination = event_id_at(source, "account");
    row->back = number_at(source, "amount_refunded");
}

static void read_fee_refund(const struct cJSON *source, struct books_transaction *row)
{
    row->of = event_id_at(source, "fee");
}

static int64_t number_at(const struct cJSON *object, const char *path)
{
    int64_t number = 0;
    return json_integer(object, path, &number) ? number : 0;
}

void books_transaction_write(const struct books_transaction *transaction,
                             struct json_writer *json)
{
    const struct books_transaction *row = transaction;
    json_open(json, NULL, '{');
    json_put_string(json, "id", row->id);
    json_put_string(json, "account", row->account);
    json_put_string(json, "type", row->type);
    json_put_optional(json, "category", row->category);
    json_put_string(json, "currency", row->currency);
    json_put_integer(json, "amount", row->amount);
    json_put_integer(json, "fee", row->fee);
    json_put_integer(json, "net", row->net);
    json_put_integer(json, "created", row->created_s);
    json_put_optional(json, "source_id", row->source);
    json_put_optional(json, "source_object", row->object);
    json_put_optional(json, "source_status", row->status);
    json_put_optional(json, "source_currency", row->source_currency);
    put_number(json, "source_amount", row->source_amount, row->has_amount);
    put_number(json, "source_taken", row->taken, row->has_amount);
    put_number(json, "source_back", row->back, row->has_amount);
    json_put_optional(json, "source_of_id", row->of);
    json_put_optional(json, "charge", row->charge);
    json_put_optional(json, "payment_intent", row->payment_intent);
    json_put_optional(json, "destination", row->destination);
    json_close(json, '}');
}

static void put_number(struct json_writer *json, const char *key, int64_t value, bool is)
{
    if (is) {
        json_put_integer(json, key, value);
    } else {
        json_put_null(json, key);
    }
}
