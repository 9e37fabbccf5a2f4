/* SPDX-License-Identifier: MIT
 * Terminal readers. */
#include "tests/stripesim/readers.h"

#include "tests/stripesim/call.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/locations.h"
#include "tests/stripesim/metadata.h"
#include "tests/stripesim/payments.h"
#include "tests/stripesim/sim.h"

enum { MOST_WORDS = 3 };

/* A code that a reader shows, and what kind of reader that is. */
struct model {
    const char *code;
    const char *device_type;
    const char *serial_prefix;
};

static const struct model *model_of(struct call *call, struct span code);
static bool is_three_words(struct span code);
static bool is_wanted(const struct call *call, const struct object *object);
static void write_action(struct json_writer *json, const char *name, const void *object);

/* The first ones can be used again and again; of real readers, each code is good for one
 * registration. */
static const struct model models[] = {
    {"simulated-wpe", "simulated_wisepos_e", "simulated-wpe-"},
    {"simulated-s700", "stripe_s700", "simulated-s700-"},
};
static const struct model shelf = {NULL, "bbpos_wisepos_e", "WSC513"};

static const char *const action_names[] = {
    [READER_IDLE] = NULL,
    [READER_IN_PROGRESS] = "in_progress",
    [READER_SUCCEEDED] = "succeeded",
    [READER_FAILED] = "failed",
};

#define ROW(member, as) FIELD(struct reader, member, as)
static const struct field fields[] = {
    FIELD_HEAD("terminal.reader"),
    FIELD_BY("action", write_action),
    FIELD_NULL("device_sw_version"),
    ROW(device_type, FIELD_STRING),
    FIELD_ALWAYS("ip_address", "\"192.168.2.2\""),
    ROW(label, FIELD_STRING),
    FIELD_LIVEMODE,
    ROW(location, FIELD_LINK),
    ROW(metadata, FIELD_JSON),
    ROW(serial_number, FIELD_STRING),
    ROW(status, FIELD_STRING),
};
const struct shape reader_shape = {
    .name = "terminal.reader",
    .spoken = "reader",
    .prefix = "tmr_",
    .path_param = "reader",
    .size = sizeof(struct reader),
    .fields = fields,
    .field_count = FIELD_COUNT(fields),
};

struct reader *readers_new(struct sim *sim, const char *account, const char *id)
{
    struct reader *reader = store_new(&sim->store, KIND_READER, account, id);
    reader->device_type = "mobile_phone_reader";
    reader->label = "Tap to Pay";
    reader->metadata = "{}";
    reader->serial_number = "123-456-789";
    reader->status = "online";
    return reader;
}

void readers_finish(struct sim *sim,
                    struct reader *reader,
                    const struct payment_intent *intent)
{
    bool good =
        intent->status == INTENT_SUCCEEDED || intent->status == INTENT_REQUIRES_CAPTURE;
    reader->action = good ? READER_SUCCEEDED : READER_FAILED;
    reader->payment_intent = intent->object.id;
    reader->failure_code = good ? NULL : "card_declined";
    reader->failure_message = good ? NULL : "Your card was declined.";
    events_emit(sim,
                good ? EVENT_READER_ACTION_SUCCEEDED : EVENT_READER_ACTION_FAILED,
                &reader->object,
                NULL);
}

void readers_create(struct call *call)
{
    struct store *store = &call->sim->store;
    struct span code = form_value(&call->form, "registration_code");
    const struct model *model = model_of(call, code);
    const char *metadata;
    if (!model || !metadata_merge(call, "{}", &metadata)) {
        return;
    }
    const struct location *location =
        call_find_param(call, KIND_LOCATION, "location", 400);
    if (!location) {
        return;
    }
    struct reader *reader = readers_new(call->sim, call->account, NULL);
    const char *label = call_string(call, "label");
    reader->device_type = model->device_type;
    reader->serial_number = store_id(store, model->serial_prefix);
    reader->registration_code = model->code ? NULL : store_copy(store, code);
    reader->label = label ? label : reader->serial_number;
    reader->location = location->object.id;
    reader->metadata = metadata;
    call_answer(call, &reader->object);
}

void readers_list(struct call *call)
{
    list_answer(call, KIND_READER, is_wanted);
}

void readers_retrieve(struct call *call)
{
    call_retrieve(call, KIND_READER);
}

void readers_update(struct call *call)
{
    struct reader *reader = call_find(call, KIND_READER, call->path_id);
    const char *metadata;
    if (!reader || !metadata_merge(call, reader->metadata, &metadata)) {
        return;
    }
    reader->metadata = metadata;
    if (form_find(&call->form, "label")) {
        const char *label = call_string(call, "label");
        reader->label = label ? label : reader->serial_number;
    }
    call_answer(call, &reader->object);
}

void readers_delete(struct call *call)
{
    call_delete(call, KIND_READER);
}

/* NULL after refusing a code that no reader shows, or that was used. */
static const struct model *model_of(struct call *call, struct span code)
{
    for (size_t i = 0; i < FIELD_COUNT(models); i++) {
        if (span_is(code, models[i].code)) {
            return &models[i];
        }
    }
    const struct store_list *list = &call->sim->store.lists[KIND_READER];
    bool is_known = is_three_words(code);
    for (size_t i = 0; is_known && i < list->count; i++) {
        const struct reader *reader =
            (const struct reader *)(const void *)list->objects[i];
        is_known = !span_equal(code, span_of(reader->registration_code));
    }
    if (!is_known) {
        call_refuse(
            call,
            &(struct refusal){.code = "resource_missing", .param = "registration_code"},
            "No such registration code: '%.*s'. Registration codes can be used "
            "once, and expire.",
            SPAN_ARGS(code));
        return NULL;
    }
    return &shelf;
}

/* "puppies-plug-could": what a real reader shows. */
static bool is_three_words(struct span code)
{
    size_t words = 0;
    struct span rest = code;
    while (rest.len > 0) {
        struct span word = span_cut(rest, '-', &rest);
        for (size_t i = 0; i < word.len; i++) {
            if (word.at[i] < 'a' || word.at[i] > 'z') {
                return false;
            }
        }
        words += word.len > 0 ? 1 : MOST_WORDS;
    }
    return words == MOST_WORDS && code.at[code.len - 1] != '-';
}

static bool is_wanted(const struct call *call, const struct object *object)
{
    const struct reader *reader = (const struct reader *)(const void *)object;
    const struct {
        const char *name;
        const char *value;
    } facts[] = {
        {"device_type", reader->device_type},
        {"location", reader->location},
        {"serial_number", reader->serial_number},
        {"status", reader->status},
    };
    for (size_t i = 0; i < FIELD_COUNT(facts); i++) {
        const struct form_entry *entry = form_find(&call->form, facts[i].name);
        if (entry && !span_equal(entry->value, span_of(facts[i].value))) {
            return false;
        }
    }
    return true;
}

static void write_action(struct json_writer *json, const char *name, const void *object)
{
    const struct reader *reader = object;
    if (reader->action == READER_IDLE) {
        json_put_null(json, name);
        return;
    }
    json_open(json, name, '{');
    json_put_optional(json, "failure_code", span_of(reader->failure_code));
    json_put_optional(json, "failure_message", span_of(reader->failure_message));
    json_open(json, "process_payment_intent", '{');
    json_put_string(json, "payment_intent", span_of(reader->payment_intent));
    json_put_raw(json, "process_config", SPAN("{\"skip_tipping\":true}"));
    json_close(json, '}');
    json_put_string(json, "status", span_of(action_names[reader->action]));
    json_put_string(json, "type", SPAN("process_payment_intent"));
    json_close(json, '}');
}
