/* SPDX-License-Identifier: MIT
 * Registered webhook endpoints. */
#include "tests/stripesim/webhook_endpoints.h"

#include <string.h>

#include "tests/stripesim/call.h"
#include "tests/stripesim/event_names.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/metadata.h"
#include "tests/stripesim/sim.h"
#include "tests/stripesim/versions.h"

enum { MOST_ENDPOINTS = 16, SECRET_LETTERS = 32, TYPES_CEILING_BYTES = 64 * 1024 };

static bool read_types(struct call *call, const char **out_types);
static bool check_version(struct call *call);
static bool check_url(struct call *call, struct span url);
static bool check_count(struct call *call);
static void write_types(struct json_writer *json, const char *name, const void *object);
static void write_secret(struct json_writer *json, const char *name, const void *object);
static void write_status(struct json_writer *json, const char *name, const void *object);

#define ROW(member, as) FIELD(struct webhook_endpoint, member, as)
static const struct field fields[] = {
    FIELD_HEAD("webhook_endpoint"),
    ROW(api_version, FIELD_STRING),
    ROW(application, FIELD_STRING),
    FIELD_CREATED,
    ROW(description, FIELD_STRING),
    FIELD_BY("enabled_events", write_types),
    FIELD_LIVEMODE,
    ROW(metadata, FIELD_JSON),
    FIELD_BY("secret", write_secret),
    FIELD_BY("status", write_status),
    ROW(url, FIELD_STRING),
};
const struct shape webhook_endpoint_shape = {
    .name = "webhook_endpoint",
    .spoken = "webhook endpoint",
    .prefix = "we_1",
    .path_param = "webhook_endpoint",
    .size = sizeof(struct webhook_endpoint),
    .fields = fields,
    .field_count = FIELD_COUNT(fields),
};

bool webhook_endpoints_wants(const struct webhook_endpoint *endpoint,
                             const struct stripe_event *event)
{
    if (endpoint->object.is_deleted || endpoint->is_disabled ||
        endpoint->is_connect != (event->subject != NULL)) {
        return false;
    }
    struct span rest = span_of(endpoint->enabled_events);
    while (rest.len > 0) {
        struct span type = span_cut(rest, ' ', &rest);
        if (span_is(type, "*") || span_is(type, events_type_name(event->type))) {
            return true;
        }
    }
    return false;
}

void webhook_endpoints_create(struct call *call)
{
    struct store *store = &call->sim->store;
    const char *types;
    const char *metadata;
    struct span url = form_value(&call->form, "url");
    if (!read_types(call, &types) || !check_version(call) || !check_url(call, url) ||
        !check_count(call) || !metadata_merge(call, "{}", &metadata)) {
        return;
    }
    char chance[SECRET_LETTERS + 1] = "";
    random_letters(&store->ids, chance, SECRET_LETTERS);
    struct webhook_endpoint *endpoint =
        store_new(store, KIND_WEBHOOK_ENDPOINT, call->account, NULL);
    endpoint->api_version = call_string(call, "api_version");
    endpoint->description = call_string(call, "description");
    endpoint->enabled_events = types;
    endpoint->is_connect = call_is_true(call, "connect");
    endpoint->application = endpoint->is_connect ? "ca_TocsinOfTheSimulator" : NULL;
    endpoint->metadata = metadata;
    endpoint->secret = store_format(store, "whsec_%s", chance);
    endpoint->url = store_copy(store, url);
    webhooks_register(call->sim->webhooks, endpoint);
    endpoint->shows_secret = true;
    call_answer(call, &endpoint->object);
    endpoint->shows_secret = false;
}

void webhook_endpoints_retrieve(struct call *call)
{
    struct object *endpoint = call_find(call, KIND_WEBHOOK_ENDPOINT, call->path_id);
    if (endpoint) {
        call_answer(call, endpoint);
    }
}

void webhook_endpoints_update(struct call *call)
{
    struct webhook_endpoint *endpoint =
        call_find(call, KIND_WEBHOOK_ENDPOINT, call->path_id);
    if (!endpoint) {
        return;
    }
    const char *types = endpoint->enabled_events;
    const char *metadata;
    const char *url = call_string(call, "url");
    if (!read_types(call, &types) || (url && !check_url(call, span_of(url))) ||
        !metadata_merge(call, endpoint->metadata, &metadata)) {
        return;
    }
    endpoint->enabled_events = types;
    endpoint->metadata = metadata;
    if (form_find(&call->form, "description")) {
        endpoint->description = call_string(call, "description");
    }
    if (form_find(&call->form, "disabled")) {
        endpoint->is_disabled = call_is_true(call, "disabled");
    }
    if (url && strcmp(url, endpoint->url) != 0) {
        endpoint->url = url;
        webhooks_register(call->sim->webhooks, endpoint);
    }
    call_answer(call, &endpoint->object);
}

void webhook_endpoints_list(struct call *call)
{
    list_answer(call, KIND_WEBHOOK_ENDPOINT, NULL);
}

void webhook_endpoints_delete(struct call *call)
{
    call_delete(call, KIND_WEBHOOK_ENDPOINT);
}

/* Leaves *out_types alone when none are given. */
static bool read_types(struct call *call, const char **out_types)
{
    struct text types;
    text_init(&types, TYPES_CEILING_BYTES);
    size_t at = 0;
    struct span key;
    const struct form_entry *entry;
    bool good = true;
    while (good && (entry = form_element(&call->form, "enabled_events", &at, &key))) {
        good = span_is(entry->value, "*") || event_names_is_known(entry->value);
        if (!good) {
            call_refuse(call,
                        &(struct refusal){.param = arena_copy(&call->arena, entry->name)},
                        "Invalid %.*s: %.*s is no type of event.",
                        SPAN_ARGS(entry->name),
                        SPAN_ARGS(entry->value));
        }
        text_addf(&types, "%s%.*s", types.len ? " " : "", SPAN_ARGS(entry->value));
    }
    if (good && types.len > 0) {
        *out_types = store_copy(&call->sim->store, text_span(&types));
    }
    text_done(&types);
    return good;
}

static bool check_version(struct call *call)
{
    struct span version = form_value(&call->form, "api_version");
    if (version.len == 0 || versions_is_known(version)) {
        return true;
    }
    call_refuse(call,
                &(struct refusal){.param = "api_version"},
                "Invalid api_version: %.*s is no version of the API.",
                SPAN_ARGS(version));
    return false;
}

static bool check_url(struct call *call, struct span url)
{
    if (call->sim->store.livemode && !span_starts(url, "https://")) {
        call_refuse(call,
                    &(struct refusal){.code = "url_invalid", .param = "url"},
                    "Invalid URL: live mode endpoints must be HTTPS.");
        return false;
    }
    return true;
}

static bool check_count(struct call *call)
{
    const struct store_list *list = &call->sim->store.lists[KIND_WEBHOOK_ENDPOINT];
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        count += list->objects[i]->is_deleted ? 0 : 1;
    }
    if (count >= MOST_ENDPOINTS) {
        call_refuse(call,
                    &(struct refusal){0},
                    "You have reached the maximum of %d %s webhook endpoints.",
                    MOST_ENDPOINTS,
                    call->sim->store.livemode ? "live" : "test");
    }
    return count < MOST_ENDPOINTS;
}

static void write_types(struct json_writer *json, const char *name, const void *object)
{
    const struct webhook_endpoint *endpoint = object;
    struct span rest = span_of(endpoint->enabled_events);
    json_open(json, name, '[');
    while (rest.len > 0) {
        json_put_string(json, NULL, span_cut(rest, ' ', &rest));
    }
    json_close(json, ']');
}

static void write_secret(struct json_writer *json, const char *name, const void *object)
{
    const struct webhook_endpoint *endpoint = object;
    if (endpoint->shows_secret) {
        json_put_string(json, name, span_of(endpoint->secret));
    }
}

static void write_status(struct json_writer *json, const char *name, const void *object)
{
    const struct webhook_endpoint *endpoint = object;
    json_put_string(json,
                    name,
                    endpoint->is_disabled ? SPAN("disabled") : SPAN("enabled"));
}
