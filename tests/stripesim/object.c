/* SPDX-License-Identifier: MIT
 * Objects as JSON, and what differs between two states of one. */
#include "tests/stripesim/object.h"

#include <assert.h>
#include <string.h>

#include "tests/stripesim/store.h"

enum { MOST_PATHS = 16, DIFFERENCE_CEILING_BYTES = 256 * 1024 };

static bool has_link(const struct shape *shape, struct span name);
static void write_field(const struct field *field,
                        const struct object *object,
                        struct json_writer *json,
                        const struct expansion *expansion);
static void write_link(const struct field *field,
                       const char *id,
                       struct json_writer *json,
                       const struct expansion *expansion);
static void field_text(const struct field *field,
                       const struct object *object,
                       struct text *out);

static const struct shape *const shapes[KIND_COUNT] = {
    [KIND_PAYMENT_INTENT] = &payment_intent_shape,
    [KIND_CHARGE] = &charge_shape,
    [KIND_REFUND] = &refund_shape,
    [KIND_DISPUTE] = &dispute_shape,
    [KIND_ACCOUNT] = &account_shape,
    [KIND_CAPABILITY] = &capability_shape,
    [KIND_APPLICATION] = &application_shape,
    [KIND_LOCATION] = &location_shape,
    [KIND_READER] = &reader_shape,
    [KIND_CONNECTION_TOKEN] = &connection_token_shape,
    [KIND_ACCOUNT_LINK] = &account_link_shape,
    [KIND_WEBHOOK_ENDPOINT] = &webhook_endpoint_shape,
    [KIND_TRANSFER] = &transfer_shape,
    [KIND_TRANSFER_REVERSAL] = &transfer_reversal_shape,
    [KIND_APPLICATION_FEE] = &application_fee_shape,
    [KIND_FEE_REFUND] = &fee_refund_shape,
    [KIND_PAYOUT] = &payout_shape,
    [KIND_BALANCE_TRANSACTION] = &balance_transaction_shape,
    [KIND_EVENT] = &event_shape,
};

const struct shape *object_shape(enum kind kind)
{
    assert(kind < KIND_COUNT);
    return shapes[kind];
}

void object_write(const struct object *object,
                  struct json_writer *json,
                  const char *key,
                  const struct expansion *expansion)
{
    const struct shape *shape = object_shape(object->kind);
    json_open(json, key, '{');
    for (size_t i = 0; i < shape->field_count; i++) {
        write_field(&shape->fields[i], object, json, expansion);
    }
    json_close(json, '}');
}

void object_differences(const struct object *before,
                        const struct object *after,
                        struct text *out)
{
    assert(before->kind == after->kind);
    const struct shape *shape = object_shape(before->kind);
    struct json_writer json = json_writer(out);
    struct text old;
    struct text new;
    text_init(&old, DIFFERENCE_CEILING_BYTES);
    text_init(&new, DIFFERENCE_CEILING_BYTES);
    json_open(&json, NULL, '{');
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &shape->fields[i];
        if (field->kind == FIELD_FIXED) {
            continue;
        }
        field_text(field, before, &old);
        field_text(field, after, &new);
        if (!span_equal(text_span(&old), text_span(&new))) {
            /* What was left out before is told as null. */
            json_put_raw(&json,
                         field->name,
                         old.len > 0 ? text_span(&old) : SPAN("null"));
        }
    }
    json_close(&json, '}');
    text_done(&old);
    text_done(&new);
}

bool object_can_expand(enum kind kind, struct span path)
{
    struct span rest;
    struct span first = span_cut(path, '.', &rest);
    if (!has_link(object_shape(kind), first)) {
        return false;
    }
    /* What a link leads to is seen when it is followed. */
    while (rest.len > 0) {
        bool is_any = false;
        first = span_cut(rest, '.', &rest);
        for (int i = 0; i < KIND_COUNT; i++) {
            is_any = is_any || has_link(shapes[i], first);
        }
        if (!is_any) {
            return false;
        }
    }
    return true;
}

static bool has_link(const struct shape *shape, struct span name)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        if (shape->fields[i].kind == FIELD_LINK && span_is(name, shape->fields[i].name)) {
            return true;
        }
    }
    return false;
}

static void write_field(const struct field *field,
                        const struct object *object,
                        struct json_writer *json,
                        const struct expansion *expansion)
{
    const char *at = (const char *)object + field->offset;
    const char *text = NULL;
    switch (field->kind) {
    case FIELD_INTEGER:
        json_put_integer(json, field->name, *(const int64_t *)(const void *)at);
        return;
    case FIELD_OPTIONAL:
        if (*(const int64_t *)(const void *)at != OBJECT_NONE) {
            json_put_integer(json, field->name, *(const int64_t *)(const void *)at);
            return;
        }
        break;
    case FIELD_BOOL:
        json_put_bool(json, field->name, *(const bool *)(const void *)at);
        return;
    case FIELD_FIXED:
        json_put_raw(json, field->name, span_of(field->fixed));
        return;
    case FIELD_WRITTEN:
        field->write(json, field->name, object);
        return;
    case FIELD_CHOICE:
        text = field->names[*(const unsigned int *)(const void *)at];
        break;
    case FIELD_STRING:
    case FIELD_JSON:
    case FIELD_LINK:
        text = *(const char *const *)(const void *)at;
        break;
    }
    if (!text) {
        if (!field->omit_null) {
            json_put_null(json, field->name);
        }
    } else if (field->kind == FIELD_JSON) {
        json_put_raw(json, field->name, span_of(text));
    } else if (field->kind == FIELD_LINK) {
        write_link(field, text, json, expansion);
    } else {
        json_put_string(json, field->name, span_of(text));
    }
}

static void write_link(const struct field *field,
                       const char *id,
                       struct json_writer *json,
                       const struct expansion *expansion)
{
    struct span below[MOST_PATHS];
    struct expansion further = {.paths = below};
    bool wanted = false;
    for (size_t i = 0; expansion && i < expansion->count; i++) {
        struct span rest;
        struct span first = span_cut(expansion->paths[i], '.', &rest);
        if (span_is(first, field->name)) {
            wanted = true;
            if (rest.len > 0 && further.count < MOST_PATHS) {
                below[further.count++] = rest;
            }
        }
    }
    const struct object *target =
        wanted ? store_find_any(expansion->store, span_of(id)) : NULL;
    if (target) {
        further.store = expansion->store;
        object_write(target, json, field->name, &further);
    } else {
        json_put_string(json, field->name, span_of(id));
    }
}

/* The field's value alone, or nothing when it is left out. */
static void field_text(const struct field *field,
                       const struct object *object,
                       struct text *out)
{
    text_clear(out);
    struct json_writer json = json_writer(out);
    write_field(field, object, &json, NULL);
    size_t key = strlen(field->name) + sizeof("\"\":") - 1;
    if (out->len > key) {
        memmove(out->at, out->at + key, out->len - key + 1);
        out->len -= key;
    }
}
