/* SPDX-License-Identifier: MIT
 * Pages of objects, newest first. */
#include "tests/stripesim/list.h"

#include <stdio.h>

#include "tests/stripesim/call.h"
#include "tests/stripesim/sim.h"

enum { LEAST_LIMIT = 1, MOST_LIMIT = 100, DEFAULT_LIMIT = 10 };

/* Positions in the order of creation, first included, last not. */
struct range {
    size_t first;
    size_t last;
};

static bool narrow_by_created(struct call *call,
                              const struct store_list *list,
                              struct range *range);
static size_t first_not_before(const struct store_list *list, int64_t created);
static bool narrow_by_cursor(struct call *call,
                             enum kind kind,
                             const char *name,
                             const struct object **out_object);
static bool is_listed(const struct call *call,
                      const struct object *object,
                      list_filter_fn filter);
static void write_page(struct call *call,
                       const struct object *const *page,
                       size_t count,
                       bool has_more);

void list_answer(struct call *call, enum kind kind, list_filter_fn filter)
{
    list_answer_of(call,
                   kind,
                   store_list_of(&call->sim->store, kind, call->account),
                   filter);
}

void list_answer_of(struct call *call,
                    enum kind kind,
                    const struct store_list *list,
                    list_filter_fn filter)
{
    struct range range = {0, list->count};
    const struct object *after = NULL;
    const struct object *before = NULL;
    size_t limit = (size_t)call_integer(call, "limit", DEFAULT_LIMIT);
    if (!narrow_by_created(call, list, &range) ||
        !narrow_by_cursor(call, kind, "starting_after", &after) ||
        !narrow_by_cursor(call, kind, "ending_before", &before)) {
        return;
    }
    size_t last = after ? store_list_before(list, after->position) : range.last;
    size_t first = before ? store_list_before(list, before->position + 1) : range.first;
    range.last = last < range.last ? last : range.last;
    range.first = first > range.first ? first : range.first;
    /* One more than the page tells whether there is more. A page that ends before a
     * cursor is filled from the cursor up, and then turned round. */
    const struct object *page[MOST_LIMIT + 1];
    size_t count = 0;
    size_t span = range.last > range.first ? range.last - range.first : 0;
    for (size_t i = 0; i < span && count <= limit; i++) {
        size_t at = before ? range.first + i : range.last - 1 - i;
        if (is_listed(call, list->objects[at], filter)) {
            page[count++] = list->objects[at];
        }
    }
    bool has_more = count > limit;
    count = has_more ? limit : count;
    for (size_t i = 0; before && i < count / 2; i++) {
        const struct object *swapped = page[i];
        page[i] = page[count - 1 - i];
        page[count - 1 - i] = swapped;
    }
    write_page(call, page, count, has_more);
}

void list_add(struct call *call, struct store_list *list, struct object *object)
{
    if (list->count == list->room) {
        size_t room = list->room * 2 + 8;
        struct object **grown = ARENA_ARRAY(&call->arena, struct object *, room);
        for (size_t i = 0; i < list->count; i++) {
            grown[i] = list->objects[i];
        }
        list->objects = grown;
        list->room = room;
    }
    list->objects[list->count++] = object;
}

void list_turn(struct store_list *list)
{
    for (size_t i = 0; i < list->count / 2; i++) {
        struct object *swapped = list->objects[i];
        list->objects[i] = list->objects[list->count - 1 - i];
        list->objects[list->count - 1 - i] = swapped;
    }
}

bool list_is_within(const struct call *call, const char *name, int64_t value)
{
    static const struct {
        const char *suffix;
        int64_t least; /* of value - bound */
        int64_t most;
    } bounds[] = {
        {"", 0, 0},
        {"[gt]", 1, INT64_MAX},
        {"[gte]", 0, INT64_MAX},
        {"[lt]", INT64_MIN, -1},
        {"[lte]", INT64_MIN, 0},
    };
    for (size_t i = 0; i < FIELD_COUNT(bounds); i++) {
        char key[64];
        int64_t bound;
        snprintf(key, sizeof(key), "%s%s", name, bounds[i].suffix);
        if (span_to_i64(form_value(&call->form, key), &bound) &&
            (value - bound < bounds[i].least || value - bound > bounds[i].most)) {
            return false;
        }
    }
    return true;
}

static bool narrow_by_created(struct call *call,
                              const struct store_list *list,
                              struct range *range)
{
    static const struct {
        const char *name;
        int64_t shift; /* "gt 5" is "not before 6" */
        bool bounds_first;
        bool bounds_last;
    } bounds[] = {
        {"created", 0, true, false},
        {"created", 1, false, true},
        {"created[gt]", 1, true, false},
        {"created[gte]", 0, true, false},
        {"created[lt]", 0, false, true},
        {"created[lte]", 1, false, true},
    };
    for (size_t i = 0; i < FIELD_COUNT(bounds); i++) {
        const struct form_entry *entry = form_find(&call->form, bounds[i].name);
        int64_t created;
        if (!entry) {
            continue;
        }
        if (!span_to_i64(entry->value, &created)) {
            call_refuse(call,
                        &(struct refusal){.code = "parameter_invalid_integer",
                                          .param = bounds[i].name},
                        "Invalid integer: %.*s",
                        SPAN_ARGS(entry->value));
            return false;
        }
        size_t edge = first_not_before(list, created + bounds[i].shift);
        if (bounds[i].bounds_first && edge > range->first) {
            range->first = edge;
        }
        if (bounds[i].bounds_last && edge < range->last) {
            range->last = edge;
        }
    }
    return true;
}

static size_t first_not_before(const struct store_list *list, int64_t created)
{
    size_t low = 0;
    size_t high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->objects[middle]->created < created) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool narrow_by_cursor(struct call *call,
                             enum kind kind,
                             const char *name,
                             const struct object **out_object)
{
    const struct form_entry *entry = form_find(&call->form, name);
    if (!entry) {
        return true;
    }
    *out_object = store_find(&call->sim->store, kind, call->account, entry->value);
    if (!*out_object) {
        call_refuse(call,
                    &(struct refusal){.code = "resource_missing", .param = name},
                    "No such %s: '%.*s'",
                    object_shape(kind)->name,
                    SPAN_ARGS(entry->value));
    }
    return *out_object != NULL;
}

static bool is_listed(const struct call *call,
                      const struct object *object,
                      list_filter_fn filter)
{
    return !object->is_deleted && (!filter || filter(call, object));
}

static void write_page(struct call *call,
                       const struct object *const *page,
                       size_t count,
                       bool has_more)
{
    /* A list's expansions are named from its top: data.latest_charge. */
    struct expansion inside = call->expansion;
    struct span *paths = ARENA_ARRAY(&call->arena, struct span, inside.count + 1);
    for (size_t i = 0; i < inside.count; i++) {
        paths[i] = inside.paths[i];
        if (span_starts(paths[i], "data.")) {
            paths[i].at += sizeof("data.") - 1;
            paths[i].len -= sizeof("data.") - 1;
        }
    }
    inside.paths = paths;
    text_clear(&call->body);
    struct json_writer json = json_writer(&call->body);
    call->status = 200;
    json_open(&json, NULL, '{');
    json_put_string(&json, "object", SPAN("list"));
    json_open(&json, "data", '[');
    for (size_t i = 0; i < count; i++) {
        object_write(page[i], &json, NULL, &inside);
    }
    json_close(&json, ']');
    json_put_bool(&json, "has_more", has_more);
    json_put_string(&json, "url", call->path);
    json_close(&json, '}');
}
