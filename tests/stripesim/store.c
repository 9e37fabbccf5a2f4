/* SPDX-License-Identifier: MIT
 * Every object that exists. */
#include "tests/stripesim/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"

#define MOST_BYTES ((size_t)16 * 1024 * 1024 * 1024)

enum { TEXT_CEILING_BYTES = 64 * 1024 };

static void enter(struct store *store, struct object *object);
static struct ward *ward_of(struct store *store, const char *account);
static void append(struct store_list *list, struct object *object);

void store_init(struct store *store, const struct clock *clock, bool livemode)
{
    uint64_t seed;
    *store = (struct store){.clock = clock, .livemode = livemode};
    arena_init(&store->arena, MOST_BYTES);
    map_init(&store->by_id);
    map_init(&store->wards);
    digest_random(&seed, sizeof(seed));
    random_seed(&store->ids, seed);
}

void store_done(struct store *store)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        free(store->lists[kind].objects);
        store->lists[kind] = (struct store_list){0};
    }
    for (size_t i = 0; i < store->wards.room; i++) {
        struct ward *ward = store->wards.slots[i].thing;
        for (int kind = 0; ward && kind < KIND_COUNT; kind++) {
            free(ward->lists[kind].objects);
        }
    }
    map_done(&store->wards);
    map_done(&store->by_id);
    arena_done(&store->arena);
}

void *store_new(struct store *store, enum kind kind, const char *account, const char *id)
{
    const struct shape *shape = object_shape(kind);
    struct object *object = arena_take(&store->arena, shape->size);
    *object = store_head(store, kind, account);
    object->id = id ? id : store_id(store, shape->prefix);
    enter(store, object);
    return object;
}

struct object store_head(struct store *store, enum kind kind, const char *account)
{
    return (struct object){
        .kind = kind,
        .account = account,
        .created = store_now_s(store),
        .idempotency_key = store->cause.idempotency_key,
        .livemode = store->livemode,
    };
}

void *store_find(const struct store *store,
                 enum kind kind,
                 const char *account,
                 struct span id)
{
    struct object *object = store_find_ever(store, kind, account, id);
    return object && !object->is_deleted ? object : NULL;
}

void *store_find_ever(const struct store *store,
                      enum kind kind,
                      const char *account,
                      struct span id)
{
    struct object *object = store_find_any(store, id);
    bool fits = object && object->kind == kind &&
                span_equal(span_of(object->account), span_of(account));
    return fits ? object : NULL;
}

struct object *store_find_any(const struct store *store, struct span id)
{
    return map_find(&store->by_id, id);
}

const struct store_list *store_list_of(const struct store *store,
                                       enum kind kind,
                                       const char *account)
{
    static const struct store_list nothing = {0};
    const struct ward *ward =
        map_find(&store->wards, account ? span_of(account) : SPAN(""));
    return ward ? &ward->lists[kind] : &nothing;
}

size_t store_list_before(const struct store_list *list, size_t position)
{
    size_t low = 0;
    size_t high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->objects[middle]->position < position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Lists are in the order of creation and are searched by time, so time may not go back.
 */
int64_t store_now_s(struct store *store)
{
    int64_t now_s = clock_wall_ms(store->clock) / 1000;
    if (now_s > store->newest_s) {
        store->newest_s = now_s;
    }
    return store->newest_s;
}

const char *store_copy(struct store *store, struct span text)
{
    return text.len > 0 ? arena_copy(&store->arena, text) : NULL;
}

const char *store_format(struct store *store, const char *format, ...)
{
    struct text text;
    text_init(&text, TEXT_CEILING_BYTES);
    va_list args;
    va_start(args, format);
    text_addv(&text, format, args);
    va_end(args);
    const char *copy = store_copy(store, text_span(&text));
    text_done(&text);
    return copy;
}

/* Stripe's ids have a digit, the time in base 62 and the account's own part before what
 * is random; so have these: "pi_3" "Tv2Q4x" "LkdIwHu7ix" "0t8Zq3bW". Accounts are
 * shorter. */
const char *store_id(struct store *store, const char *prefix)
{
    static const char letters[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char stamp[7] = "";
    int64_t now_s = store_now_s(store);
    for (int i = 5; i >= 0; i--) {
        stamp[i] = letters[now_s % 62];
        now_s /= 62;
    }
    bool is_account = strcmp(prefix, "acct_1") == 0;
    char chance[10] = "";
    random_letters(&store->ids, chance, 9);
    char id[64];
    snprintf(id,
             sizeof(id),
             "%s%s%s%s",
             prefix,
             stamp,
             is_account ? "" : "LkdIwHu7",
             chance);
    if (map_find(&store->by_id, span_of(id))) {
        return store_id(store, prefix);
    }
    return store_copy(store, span_of(id));
}

static void enter(struct store *store, struct object *object)
{
    struct store_list *list = &store->lists[object->kind];
    object->position = list->count;
    append(list, object);
    append(&ward_of(store, object->account)->lists[object->kind], object);
    map_put(&store->by_id, span_of(object->id), object);
}

static struct ward *ward_of(struct store *store, const char *account)
{
    struct span name = account ? span_of(account) : SPAN("");
    struct ward *ward = map_find(&store->wards, name);
    if (!ward) {
        ward = arena_take(&store->arena, sizeof(*ward));
        *ward = (struct ward){0};
        map_put(&store->wards, name, ward);
    }
    return ward;
}

static void append(struct store_list *list, struct object *object)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 64;
        list->objects = realloc(list->objects, list->room * sizeof(struct object *));
        if (!list->objects) {
            abort();
        }
    }
    list->objects[list->count++] = object;
}
