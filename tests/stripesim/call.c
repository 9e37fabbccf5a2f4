/* SPDX-License-Identifier: MIT
 * One API call: finding what it names, and answering. */
#include "tests/stripesim/call.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "tests/stripesim/params.h"
#include "tests/stripesim/sim.h"

enum { MESSAGE_CEILING_BYTES = 16 * 1024 };

static void answer_deleted(struct call *call, const struct object *object);
static void put_doc_url(struct json_writer *json, struct arena *arena, const char *code);

struct call *call_new(struct sim *sim)
{
    struct call *call = calloc(1, sizeof(*call));
    if (!call) {
        abort();
    }
    call->sim = sim;
    arena_init(&call->arena, CALL_ARENA_BYTES);
    text_init(&call->body, CALL_BODY_BYTES);
    return call;
}

void call_free(struct call *call)
{
    if (!call) {
        return;
    }
    if (call->timer) {
        event_free(call->timer);
    }
    text_done(&call->body);
    arena_done(&call->arena);
    free(call);
}

/* Members in the order of the alphabet, as Stripe sends them. */
void call_refuse(struct call *call,
                 const struct refusal *refusal,
                 const char *format,
                 ...)
{
    struct text message;
    text_init(&message, MESSAGE_CEILING_BYTES);
    va_list args;
    va_start(args, format);
    text_addv(&message, format, args);
    va_end(args);
    call->status = refusal->status ? refusal->status : 400;
    text_clear(&call->body);
    struct json_writer json = json_writer(&call->body);
    json_open(&json, NULL, '{');
    json_open(&json, "error", '{');
    if (refusal->charge) {
        json_put_string(&json, "charge", span_of(refusal->charge));
    }
    if (refusal->code) {
        json_put_string(&json, "code", span_of(refusal->code));
    }
    if (refusal->decline_code) {
        json_put_string(&json, "decline_code", span_of(refusal->decline_code));
    }
    if (refusal->code) {
        put_doc_url(&json, &call->arena, refusal->code);
    }
    json_put_string(&json, "message", text_span(&message));
    if (refusal->param) {
        json_put_string(&json, "param", span_of(refusal->param));
    }
    if (refusal->payment_intent) {
        object_write(refusal->payment_intent, &json, "payment_intent", NULL);
    }
    if (call->request_id) {
        const char *url = arena_format(&call->arena,
                                       "https://dashboard.stripe.com/%slogs/%s?t=%lld",
                                       call->sim->store.livemode ? "" : "test/",
                                       call->request_id,
                                       (long long)store_now_s(&call->sim->store));
        json_put_string(&json, "request_log_url", span_of(url));
    }
    const char *type = refusal->type ? refusal->type : "invalid_request_error";
    json_put_string(&json, "type", span_of(type));
    json_close(&json, '}');
    json_close(&json, '}');
    text_done(&message);
}

void call_answer(struct call *call, const struct object *object)
{
    text_clear(&call->body);
    struct json_writer json = json_writer(&call->body);
    call->status = 200;
    object_write(object, &json, NULL, &call->expansion);
}

void *call_find(struct call *call, enum kind kind, struct span id)
{
    void *object = store_find(&call->sim->store, kind, call->account, id);
    if (!object) {
        const struct shape *shape = object_shape(kind);
        call_refuse(call,
                    &(struct refusal){.status = 404,
                                      .code = "resource_missing",
                                      .param = shape->path_param},
                    "No such %s: '%.*s'",
                    shape->spoken ? shape->spoken : shape->name,
                    SPAN_ARGS(id));
    }
    return object;
}

void *call_find_param(struct call *call, enum kind kind, const char *param, int status)
{
    const struct shape *shape = object_shape(kind);
    struct span id = form_value(&call->form, param);
    void *object = store_find(&call->sim->store, kind, call->account, id);
    if (!object) {
        call_refuse(call,
                    &(struct refusal){.status = status,
                                      .code = "resource_missing",
                                      .param = param},
                    "No such %s: '%.*s'",
                    shape->spoken ? shape->spoken : shape->name,
                    SPAN_ARGS(id));
    }
    return object;
}

void call_retrieve(struct call *call, enum kind kind)
{
    struct object *object =
        store_find_ever(&call->sim->store, kind, call->account, call->path_id);
    if (object && object->is_deleted) {
        answer_deleted(call, object);
    } else if (call_find(call, kind, call->path_id)) {
        call_answer(call, object);
    }
}

void call_delete(struct call *call, enum kind kind)
{
    struct object *object = call_find(call, kind, call->path_id);
    if (object) {
        object->is_deleted = true;
        answer_deleted(call, object);
    }
}

const char *call_string(struct call *call, const char *name)
{
    return store_copy(&call->sim->store, form_value(&call->form, name));
}

int64_t call_integer(struct call *call, const char *name, int64_t otherwise)
{
    int64_t number = otherwise;
    struct span value = form_value(&call->form, name);
    return span_to_i64(value, &number) ? number : otherwise;
}

bool call_is_true(const struct call *call, const char *name)
{
    bool truth = false;
    return params_truth(form_value(&call->form, name), &truth) && truth;
}

static void answer_deleted(struct call *call, const struct object *object)
{
    text_clear(&call->body);
    struct json_writer json = json_writer(&call->body);
    call->status = 200;
    json_open(&json, NULL, '{');
    json_put_string(&json, "id", span_of(object->id));
    json_put_string(&json, "object", span_of(object_shape(object->kind)->name));
    json_put_bool(&json, "deleted", true);
    json_close(&json, '}');
}

static void put_doc_url(struct json_writer *json, struct arena *arena, const char *code)
{
    char *url = arena_format(arena, "https://stripe.com/docs/error-codes/%s", code);
    for (char *at = url; *at; at++) {
        if (*at == '_') {
            *at = '-';
        }
    }
    json_put_string(json, "doc_url", span_of(url));
}
