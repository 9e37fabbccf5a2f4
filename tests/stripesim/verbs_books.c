/* SPDX-License-Identifier: MIT
 * What exists, so that a test can compare the books. */
#include "tests/stripesim/accounts.h"
#include "tests/stripesim/disputes.h"
#include "tests/stripesim/locations.h"
#include "tests/stripesim/payments.h"
#include "tests/stripesim/play.h"
#include "tests/stripesim/readers.h"
#include "tests/stripesim/refunds.h"
#include "tests/stripesim/sim.h"
#include "tests/stripesim/verbs.h"

static void write_totals(struct order *order);
static void write_payments(struct order *order);
static void write_payment(struct json_writer *json,
                          struct sim *sim,
                          const struct payment_intent *intent);
static void write_refunds(struct order *order);
static void write_disputes(struct order *order);
static void write_accounts(struct order *order);
static void write_locations(struct order *order);
static void write_tokens(struct order *order);
static void write_readers(struct order *order);
static void write_head(struct json_writer *json, const struct object *object);
static bool wants(const struct order *order, const char *part);

void verbs_summary(struct order *order)
{
    struct sim *sim = order->sim;
    json_put_integer(order->answer, "seed", (int64_t)sim->seed);
    json_put_integer(order->answer, "calls", sim->calls);
    write_totals(order);
    webhooks_write_counts(sim->webhooks, order->answer);
    play_write(sim->play, order->answer);
    if (wants(order, "payments")) {
        write_payments(order);
    }
    if (wants(order, "refunds")) {
        write_refunds(order);
    }
    if (wants(order, "disputes")) {
        write_disputes(order);
    }
    if (wants(order, "accounts")) {
        write_accounts(order);
    }
    if (wants(order, "locations")) {
        write_locations(order);
        write_tokens(order);
    }
    if (wants(order, "readers")) {
        write_readers(order);
    }
}

void verbs_events(struct order *order)
{
    const struct store_list *list = &order->sim->store.lists[KIND_EVENT];
    struct json_writer *json = order->answer;
    json_open(json, "events", '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct stripe_event *event =
            (const struct stripe_event *)(const void *)list->objects[i];
        json_open(json, NULL, '{');
        json_put_string(json, "id", span_of(event->object.id));
        json_put_string(json, "type", span_of(events_type_name(event->type)));
        json_put_string(json, "object_id", span_of(event->snapshot->id));
        json_put_optional(json, "account", span_of(event->subject));
        json_put_integer(json, "deliveries", event->deliveries);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_totals(struct order *order)
{
    const struct store *store = &order->sim->store;
    struct json_writer *json = order->answer;
    int64_t by_status[INTENT_STATUS_COUNT] = {0};
    int64_t received = 0;
    int64_t refunded = 0;
    const struct store_list *intents = &store->lists[KIND_PAYMENT_INTENT];
    for (size_t i = 0; i < intents->count; i++) {
        const struct payment_intent *intent =
            (const struct payment_intent *)(const void *)intents->objects[i];
        by_status[intent->status]++;
        received += intent->amount_received;
    }
    const struct store_list *refunds = &store->lists[KIND_REFUND];
    for (size_t i = 0; i < refunds->count; i++) {
        const struct refund *refund =
            (const struct refund *)(const void *)refunds->objects[i];
        refunded += refund->status == REFUND_FAILED ? 0 : refund->amount;
    }
    json_open(json, "totals", '{');
    json_put_integer(json, "amount_received", received);
    json_put_integer(json, "amount_refunded", refunded);
    json_close(json, '}');
    json_open(json, "statuses", '{');
    for (unsigned int status = 0; status < INTENT_STATUS_COUNT; status++) {
        json_put_integer(json,
                         payments_status_name((enum intent_status)status),
                         by_status[status]);
    }
    json_close(json, '}');
    json_open(json, "counts", '{');
    for (unsigned int kind = 0; kind < KIND_COUNT; kind++) {
        json_put_integer(json,
                         object_shape((enum kind)kind)->name,
                         (int64_t)store->lists[kind].count);
    }
    json_close(json, '}');
}

static void write_payments(struct order *order)
{
    const struct store_list *list = &order->sim->store.lists[KIND_PAYMENT_INTENT];
    json_open(order->answer, "payments", '[');
    for (size_t i = 0; i < list->count; i++) {
        write_payment(order->answer,
                      order->sim,
                      (const struct payment_intent *)(const void *)list->objects[i]);
    }
    json_close(order->answer, ']');
}

static void write_payment(struct json_writer *json,
                          struct sim *sim,
                          const struct payment_intent *intent)
{
    const struct charge *charge = payments_charge(sim, intent);
    write_head(json, &intent->object);
    json_put_string(json, "status", span_of(payments_status_name(intent->status)));
    json_put_integer(json, "amount", intent->amount);
    json_put_integer(json, "amount_received", intent->amount_received);
    json_put_integer(json, "amount_refunded", charge ? charge->amount_refunded : 0);
    json_put_bool(json, "disputed", charge && charge->disputed);
    json_put_string(json, "currency", span_of(intent->currency));
    json_put_optional(json, "charge", span_of(intent->latest_charge));
    json_put_optional(json, "receipt_email", span_of(intent->receipt_email));
    json_put_optional(json, "destination", span_of(intent->destination));
    json_put_raw(json, "metadata", span_of(intent->metadata));
    json_close(json, '}');
}

static void write_refunds(struct order *order)
{
    const struct store_list *list = &order->sim->store.lists[KIND_REFUND];
    json_open(order->answer, "refunds", '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct refund *refund =
            (const struct refund *)(const void *)list->objects[i];
        write_head(order->answer, &refund->object);
        json_put_string(order->answer,
                        "status",
                        span_of(refunds_status_name(refund->status)));
        json_put_integer(order->answer, "amount", refund->amount);
        json_put_string(order->answer, "charge", span_of(refund->charge));
        json_put_optional(order->answer,
                          "payment_intent",
                          span_of(refund->payment_intent));
        json_close(order->answer, '}');
    }
    json_close(order->answer, ']');
}

static void write_disputes(struct order *order)
{
    const struct store_list *list = &order->sim->store.lists[KIND_DISPUTE];
    json_open(order->answer, "disputes", '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct dispute *dispute =
            (const struct dispute *)(const void *)list->objects[i];
        json_open(order->answer, NULL, '{');
        json_put_string(order->answer, "id", span_of(dispute->object.id));
        json_put_string(order->answer,
                        "status",
                        span_of(disputes_status_name(dispute->status)));
        json_put_integer(order->answer, "amount", dispute->amount);
        json_put_string(order->answer, "charge", span_of(dispute->charge));
        json_put_optional(order->answer,
                          "payment_intent",
                          span_of(dispute->payment_intent));
        json_close(order->answer, '}');
    }
    json_close(order->answer, ']');
}

static void write_accounts(struct order *order)
{
    const struct store_list *list = &order->sim->store.lists[KIND_ACCOUNT];
    json_open(order->answer, "accounts", '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct account *account =
            (const struct account *)(const void *)list->objects[i];
        write_head(order->answer, &account->object);
        json_put_bool(order->answer, "charges_enabled", account->charges_enabled);
        json_put_bool(order->answer, "details_submitted", account->details_submitted);
        json_put_bool(order->answer, "deauthorized", account->deauthorized);
        json_put_raw(order->answer, "metadata", span_of(account->metadata));
        json_close(order->answer, '}');
    }
    json_close(order->answer, ']');
}

static void write_locations(struct order *order)
{
    const struct store_list *list = &order->sim->store.lists[KIND_LOCATION];
    json_open(order->answer, "locations", '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct location *location =
            (const struct location *)(const void *)list->objects[i];
        write_head(order->answer, &location->object);
        json_put_bool(order->answer, "deleted", location->object.is_deleted);
        json_put_string(order->answer, "display_name", span_of(location->display_name));
        json_put_raw(order->answer, "metadata", span_of(location->metadata));
        json_close(order->answer, '}');
    }
    json_close(order->answer, ']');
}

static void write_tokens(struct order *order)
{
    const struct store_list *list = &order->sim->store.lists[KIND_CONNECTION_TOKEN];
    json_open(order->answer, "connection_tokens", '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct connection_token *token =
            (const struct connection_token *)(const void *)list->objects[i];
        write_head(order->answer, &token->object);
        json_put_optional(order->answer, "location", span_of(token->location));
        json_close(order->answer, '}');
    }
    json_close(order->answer, ']');
}

static void write_readers(struct order *order)
{
    const struct store_list *list = &order->sim->store.lists[KIND_READER];
    json_open(order->answer, "readers", '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct reader *reader =
            (const struct reader *)(const void *)list->objects[i];
        write_head(order->answer, &reader->object);
        json_put_bool(order->answer, "deleted", reader->object.is_deleted);
        json_put_string(order->answer, "label", span_of(reader->label));
        json_put_optional(order->answer, "location", span_of(reader->location));
        json_put_raw(order->answer, "metadata", span_of(reader->metadata));
        json_close(order->answer, '}');
    }
    json_close(order->answer, ']');
}

/* Opens the object; the caller closes it. The key tells which call made it, so that a
 * test can count that none was made twice. */
static void write_head(struct json_writer *json, const struct object *object)
{
    json_open(json, NULL, '{');
    json_put_string(json, "id", span_of(object->id));
    json_put_optional(json, "idempotency_key", span_of(object->idempotency_key));
}

/* Long lists can be left out: ?payments=0 */
static bool wants(const struct order *order, const char *part)
{
    return !span_is(form_value(order->query, part), "0");
}
