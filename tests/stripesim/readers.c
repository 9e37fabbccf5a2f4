/* SPDX-License-Identifier: MIT
 * Terminal readers. */
#include "tests/stripesim/readers.h"

#include "tests/stripesim/call.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/payments.h"
#include "tests/stripesim/sim.h"

static bool is_wanted(const struct call *call, const struct object *object);
static void write_action(struct json_writer *json, const char *name, const void *object);

#define SERIAL_NUMBER "123-456-789"
#define STATUS "online"

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
    FIELD_ALWAYS("metadata", "{}"),
    FIELD_ALWAYS("serial_number", "\"" SERIAL_NUMBER "\""),
    FIELD_ALWAYS("status", "\"" STATUS "\""),
};
const struct shape reader_shape = {
    .name = "terminal.reader",
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

void readers_list(struct call *call)
{
    list_answer(call, KIND_READER, is_wanted);
}

void readers_retrieve(struct call *call)
{
    struct object *reader = call_find(call, KIND_READER, call->path_id);
    if (reader) {
        call_answer(call, reader);
    }
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
        {"serial_number", SERIAL_NUMBER},
        {"status", STATUS},
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
