/* SPDX-License-Identifier: MIT
 * Batches of offline sales as they are kept. */
#include "common/model/batch.h"

#include <assert.h>

#include "common/base/json.h"
#include "common/model/job.h"

static const char *const verdict_names[BATCH_VERDICTS] = {
    [BATCH_QUEUED] = "queued",
    [BATCH_DUPLICATE] = "duplicate",
    [BATCH_CONFLICT] = "conflict",
    [BATCH_REJECTED] = "rejected",
};

static void put_items(struct json_writer *json,
                      const char *key,
                      const struct batch *batch);
static void put_sale(struct json_writer *json, const struct batch_item *item);
static void put_errors(struct json_writer *json, const struct batch_item *item);
static bool read_items(const struct cJSON *first,
                       struct arena *arena,
                       struct batch_item **out_items,
                       size_t *out_count);
static bool read_item(const struct cJSON *object,
                      struct arena *arena,
                      struct batch_item *out_item);
static bool read_errors(const struct cJSON *object,
                        struct arena *arena,
                        struct batch_item *item);
static enum outcome unreadable(struct fault *fault);

const char *batch_verdict_name(enum batch_verdict verdict)
{
    assert((int)verdict >= 0 && (int)verdict < BATCH_VERDICTS);
    return verdict_names[verdict];
}

struct span batch_encode(const struct batch *batch, struct arena *arena)
{
    struct text text;
    text_init(&text, JOB_PAYLOAD_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_string(&json, "id", batch->id);
    json_put_integer(&json, "pompier_id", batch->pompier_id);
    json_put_integer(&json, "amicale_id", batch->amicale_id);
    json_put_optional(&json, "device_id", batch->device_id);
    json_put_optional(&json, "request_mac", batch->request_mac);
    json_put_integer(&json, "received_ms", batch->received_ms);
    if (batch->has_skew) {
        json_put_integer(&json, "skew_ms", batch->skew_ms);
    }
    put_items(&json, "items", batch);
    json_close(&json, '}');
    assert(!text.full);
    struct span encoded = arena_span(arena, text_span(&text));
    text_wipe(&text);
    return encoded;
}

enum outcome batch_decode(struct span payload,
                          struct arena *arena,
                          struct batch *out_batch,
                          struct fault *fault)
{
    struct cJSON *document = NULL;
    enum outcome outcome = json_parse(payload, &document, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct batch batch = {
        .id = arena_span(arena, json_string(document, "id")),
        .device_id = arena_span(arena, json_string(document, "device_id")),
        .request_mac = arena_span(arena, json_string(document, "request_mac")),
    };
    batch.has_skew = json_integer(document, "skew_ms", &batch.skew_ms);
    bool good =
        json_integer(document, "pompier_id", &batch.pompier_id) &&
        json_integer(document, "amicale_id", &batch.amicale_id) &&
        json_integer(document, "received_ms", &batch.received_ms) &&
        batch_id_is_valid(batch.id) &&
        read_items(json_first(document, "items"), arena, &batch.items, &batch.count);
    json_free(document);
    if (!good) {
        return unreadable(fault);
    }
    *out_batch = batch;
    return OUTCOME_DONE;
}

struct span batch_encode_items(const struct batch *batch, struct arena *arena)
{
    struct text text;
    text_init(&text, JOB_PAYLOAD_BYTES);
    struct json_writer json = json_writer(&text);
    put_items(&json, NULL, batch);
    assert(!text.full);
    struct span encoded = arena_span(arena, text_span(&text));
    text_wipe(&text);
    return encoded;
}

enum outcome batch_decode_items(struct span text,
                                struct arena *arena,
                                struct batch_item **out_items,
                                size_t *out_count,
                                struct fault *fault)
{
    struct cJSON *document = NULL;
    enum outcome outcome = json_parse(text, &document, fault);
    if (outcome == OUTCOME_DONE &&
        !read_items(json_first(document, ""), arena, out_items, out_count)) {
        outcome = unreadable(fault);
    }
    json_free(document);
    return outcome;
}

struct span batch_job_id(int64_t pompier_id, struct span batch_id, struct arena *arena)
{
    return span_of(arena_format(arena,
                                "sync.batch:%lld:%.*s",
                                (long long)pompier_id,
                                SPAN_ARGS(batch_id)));
}

bool batch_id_is_valid(struct span id)
{
    bool good = id.len == BATCH_ID_BYTES && span_starts(id, "bat_");
    for (size_t i = 4; good && i < id.len; i++) {
        char byte = id.at[i];
        good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
               (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
    }
    return good;
}

struct batch_counts batch_count(const struct batch *batch)
{
    struct batch_counts counts = {.amount_minor = 0};
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        counts.of[item->verdict]++;
        if (item->verdict != BATCH_REJECTED && !item->repeats) {
            counts.amount_minor += item->amount_minor;
        }
    }
    return counts;
}

static void put_items(struct json_writer *json,
                      const char *key,
                      const struct batch *batch)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        json_open(json, NULL, '{');
        json_put_optional(json, "local_id", item->local_id);
        json_put_string(json, "status", span_of(batch_verdict_name(item->verdict)));
        if (item->verdict == BATCH_REJECTED) {
            put_errors(json, item);
        } else {
            put_sale(json, item);
        }
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_sale(struct json_writer *json, const struct batch_item *item)
{
    json_put_integer(json, "amount", item->amount_minor);
    json_put_string(json, "method", span_of(sale_method_name(item->method)));
    if (item->intent.len > 0) {
        json_put_string(json, "intent", item->intent);
    }
    if (item->repeats) {
        json_put_bool(json, "repeats", true);
    }
    if (item->was_shown) {
        json_put_bool(json, "was_shown", true);
    }
    if (item->verdict == BATCH_CONFLICT) {
        json_open(json, "conflict", '{');
        json_put_optional(json, "kind", item->conflict);
        json_put_integer(json, "amount", item->known_minor);
        json_put_optional(json, "method", item->known_method);
        json_close(json, '}');
    }
}

static void put_errors(struct json_writer *json, const struct batch_item *item)
{
    json_open(json, "errors", '[');
    for (size_t i = 0; i < item->error_count; i++) {
        json_open(json, NULL, '{');
        json_put_string(json, "field", item->errors[i].field);
        json_put_string(json, "code", span_of(field_code_name(item->errors[i].code)));
        json_close(json, '}');
    }
    json_close(json, ']');
    if (item->off_ms != 0) {
        json_put_integer(json, "off_ms", item->off_ms);
    }
}

static bool read_items(const struct cJSON *first,
                       struct arena *arena,
                       struct batch_item **out_items,
                       size_t *out_count)
{
    size_t count = 0;
    for (const struct cJSON *at = first; at; at = json_next(at)) {
        count++;
    }
    if (count == 0 || count > BATCH_MOST_ITEMS) {
        return false;
    }
    struct batch_item *items = ARENA_ARRAY(arena, struct batch_item, count);
    size_t i = 0;
    for (const struct cJSON *at = first; at; at = json_next(at)) {
        if (!read_item(at, arena, &items[i++])) {
            return false;
        }
    }
    *out_items = items;
    *out_count = count;
    return true;
}

static bool read_item(const struct cJSON *object,
                      struct arena *arena,
                      struct batch_item *out_item)
{
    struct span status = json_string(object, "status");
    struct batch_item item = {
        .local_id = arena_span(arena, json_string(object, "local_id")),
    };
    bool good = false;
    for (int i = 0; i < BATCH_VERDICTS && !good; i++) {
        item.verdict = (enum batch_verdict)i;
        good = span_is(status, verdict_names[i]);
    }
    if (good && item.verdict == BATCH_REJECTED) {
        good = read_errors(object, arena, &item);
    } else if (good) {
        item.intent = arena_span(arena, json_string(object, "intent"));
        item.repeats = json_is_true(object, "repeats");
        item.was_shown = json_is_true(object, "was_shown");
        item.conflict = arena_span(arena, json_string(object, "conflict.kind"));
        item.known_method = arena_span(arena, json_string(object, "conflict.method"));
        (void)json_integer(object, "conflict.amount", &item.known_minor);
        good = item.local_id.len > 0 &&
               json_integer(object, "amount", &item.amount_minor) &&
               sale_method_find(json_string(object, "method"), &item.method);
    }
    *out_item = item;
    return good;
}

static bool read_errors(const struct cJSON *object,
                        struct arena *arena,
                        struct batch_item *item)
{
    const struct cJSON *at = json_first(object, "errors");
    (void)json_integer(object, "off_ms", &item->off_ms);
    for (; at && item->error_count < BATCH_ITEM_ERRORS; at = json_next(at)) {
        struct batch_error *error = &item->errors[item->error_count++];
        error->field = arena_span(arena, json_string(at, "field"));
        if (!field_code_find(json_string(at, "code"), &error->code)) {
            return false;
        }
    }
    return item->error_count > 0;
}

static enum outcome unreadable(struct fault *fault)
{
    return fault_set(fault,
                     OUTCOME_NEVER,
                     "batch",
                     BATCH_UNREADABLE,
                     "the batch is not what the front door writes");
}
