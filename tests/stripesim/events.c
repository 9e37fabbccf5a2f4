/* SPDX-License-Identifier: MIT
 * Events: made from snapshots, retrieved and listed. */
#include "tests/stripesim/events.h"

#include <assert.h>
#include <string.h>

#include "tests/stripesim/call.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/sim.h"

enum { MOST_TYPES = 20, PREVIOUS_CEILING_BYTES = 256 * 1024 };

static void write_type(struct json_writer *json, const char *name, const void *object);
static void write_data(struct json_writer *json, const char *name, const void *object);
static void write_request(struct json_writer *json, const char *name, const void *object);
static void expire(struct sim *sim);
static bool is_wanted(const struct call *call, const struct object *object);
static bool type_fits(const char *type, struct span wanted);

static const char *const type_names[EVENT_TYPE_COUNT] = {
    [EVENT_PAYMENT_INTENT_CREATED] = "payment_intent.created",
    [EVENT_PAYMENT_INTENT_PROCESSING] = "payment_intent.processing",
    [EVENT_PAYMENT_INTENT_REQUIRES_ACTION] = "payment_intent.requires_action",
    [EVENT_PAYMENT_INTENT_AMOUNT_CAPTURABLE_UPDATED] =
        "payment_intent.amount_capturable_updated",
    [EVENT_PAYMENT_INTENT_SUCCEEDED] = "payment_intent.succeeded",
    [EVENT_PAYMENT_INTENT_PAYMENT_FAILED] = "payment_intent.payment_failed",
    [EVENT_PAYMENT_INTENT_CANCELED] = "payment_intent.canceled",
    [EVENT_CHARGE_SUCCEEDED] = "charge.succeeded",
    [EVENT_CHARGE_FAILED] = "charge.failed",
    [EVENT_CHARGE_CAPTURED] = "charge.captured",
    [EVENT_CHARGE_REFUNDED] = "charge.refunded",
    [EVENT_CHARGE_REFUND_UPDATED] = "charge.refund.updated",
    [EVENT_REFUND_CREATED] = "refund.created",
    [EVENT_REFUND_UPDATED] = "refund.updated",
    [EVENT_APPLICATION_FEE_REFUNDED] = "application_fee.refunded",
    [EVENT_DISPUTE_CREATED] = "charge.dispute.created",
    [EVENT_DISPUTE_FUNDS_WITHDRAWN] = "charge.dispute.funds_withdrawn",
    [EVENT_DISPUTE_UPDATED] = "charge.dispute.updated",
    [EVENT_DISPUTE_FUNDS_REINSTATED] = "charge.dispute.funds_reinstated",
    [EVENT_DISPUTE_CLOSED] = "charge.dispute.closed",
    [EVENT_ACCOUNT_UPDATED] = "account.updated",
    [EVENT_ACCOUNT_AUTHORIZED] = "account.application.authorized",
    [EVENT_ACCOUNT_DEAUTHORIZED] = "account.application.deauthorized",
    [EVENT_CAPABILITY_UPDATED] = "capability.updated",
    [EVENT_READER_ACTION_SUCCEEDED] = "terminal.reader.action_succeeded",
    [EVENT_READER_ACTION_FAILED] = "terminal.reader.action_failed",
    [EVENT_PAYOUT_CREATED] = "payout.created",
    [EVENT_PAYOUT_UPDATED] = "payout.updated",
    [EVENT_PAYOUT_PAID] = "payout.paid",
    [EVENT_PAYOUT_FAILED] = "payout.failed",
    [EVENT_PAYOUT_CANCELED] = "payout.canceled",
};

static const struct field fields[] = {
    FIELD_HEAD("event"),
    {.name = "account",
     .kind = FIELD_STRING,
     .offset = offsetof(struct stripe_event, subject),
     .omit_null = true},
    FIELD(struct stripe_event, api_version, FIELD_STRING),
    FIELD_CREATED,
    FIELD_BY("data", write_data),
    FIELD_LIVEMODE,
    FIELD(struct stripe_event, pending_webhooks, FIELD_INTEGER),
    FIELD_BY("request", write_request),
    FIELD_BY("type", write_type),
};
const struct shape event_shape = {
    .name = "event",
    .prefix = "evt_3",
    .path_param = "id",
    .size = sizeof(struct stripe_event),
    .fields = fields,
    .field_count = FIELD_COUNT(fields),
};

void events_emit(struct sim *sim,
                 enum event_type type,
                 const struct object *after,
                 const struct object *before)
{
    /* An account belongs to the platform, but what happens to it happens on it. */
    const char *subject = after->kind == KIND_ACCOUNT ? after->id : after->account;
    struct stripe_event *event = store_new(&sim->store, KIND_EVENT, subject, NULL);
    size_t size = object_shape(after->kind)->size;
    void *snapshot = arena_take(&sim->store.arena, size);
    memcpy(snapshot, after, size);
    event->type = type;
    event->subject = subject;
    event->snapshot = snapshot;
    event->request_id = sim->store.cause.request_id;
    event->idempotency_key = sim->store.cause.idempotency_key;
    event->api_version = sim->api_version;
    if (before) {
        struct text previous;
        text_init(&previous, PREVIOUS_CEILING_BYTES);
        object_differences(before, after, &previous);
        event->previous = store_copy(&sim->store, text_span(&previous));
        text_done(&previous);
    }
    webhooks_offer(sim->webhooks, event);
}

const char *events_type_name(enum event_type type)
{
    assert(type < EVENT_TYPE_COUNT);
    return type_names[type];
}

void events_retrieve(struct call *call)
{
    expire(call->sim);
    struct object *event = call_find(call, KIND_EVENT, call->path_id);
    if (event) {
        call_answer(call, event);
    }
}

void events_list(struct call *call)
{
    size_t at = 0;
    size_t types = 0;
    struct span key;
    while (form_element(&call->form, "types", &at, &key)) {
        types++;
    }
    if (types > 0 && form_find(&call->form, "type")) {
        call_refuse(call,
                    &(struct refusal){.code = "parameters_exclusive"},
                    "You may only specify one of these parameters: type, types.");
        return;
    }
    if (types > MOST_TYPES) {
        call_refuse(call,
                    &(struct refusal){.param = "types"},
                    "You may specify at most %d event types.",
                    MOST_TYPES);
        return;
    }
    expire(call->sim);
    list_answer(call, KIND_EVENT, is_wanted);
}

/* Stripe shows the events of the last thirty days. */
static void expire(struct sim *sim)
{
    const struct store_list *events = &sim->store.lists[KIND_EVENT];
    int64_t oldest = store_now_s(&sim->store) - sim->event_life_s;
    while (sim->events_gone < events->count &&
           events->objects[sim->events_gone]->created < oldest) {
        events->objects[sim->events_gone++]->is_deleted = true;
    }
}

static bool is_wanted(const struct call *call, const struct object *object)
{
    const struct stripe_event *event = (const struct stripe_event *)(const void *)object;
    const char *type = events_type_name(event->type);
    const struct form_entry *one = form_find(&call->form, "type");
    const struct form_entry *success = form_find(&call->form, "delivery_success");
    if (success &&
        call_is_true(call, "delivery_success") != (event->pending_webhooks == 0)) {
        return false;
    }
    if (one) {
        return type_fits(type, one->value);
    }
    size_t at = 0;
    bool any = false;
    struct span key;
    const struct form_entry *entry;
    while ((entry = form_element(&call->form, "types", &at, &key))) {
        if (type_fits(type, entry->value)) {
            return true;
        }
        any = true;
    }
    return !any;
}

/* "charge.*" stands for a group. */
static bool type_fits(const char *type, struct span wanted)
{
    if (wanted.len > 0 && wanted.at[wanted.len - 1] == '*') {
        return strncmp(type, wanted.at, wanted.len - 1) == 0;
    }
    return span_is(wanted, type);
}

static void write_type(struct json_writer *json, const char *name, const void *object)
{
    const struct stripe_event *event = object;
    json_put_string(json, name, span_of(events_type_name(event->type)));
}

static void write_data(struct json_writer *json, const char *name, const void *object)
{
    const struct stripe_event *event = object;
    json_open(json, name, '{');
    object_write(event->snapshot, json, "object", NULL);
    if (event->previous) {
        json_put_raw(json, "previous_attributes", span_of(event->previous));
    }
    json_close(json, '}');
}

static void write_request(struct json_writer *json, const char *name, const void *object)
{
    const struct stripe_event *event = object;
    json_open(json, name, '{');
    json_put_optional(json, "id", span_of(event->request_id));
    json_put_optional(json, "idempotency_key", span_of(event->idempotency_key));
    json_close(json, '}');
}
