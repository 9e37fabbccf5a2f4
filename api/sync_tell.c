/* SPDX-License-Identifier: MIT
 * What a phone is told of each of its sales. */
#include <assert.h>

#include "api/batch_write.h"
#include "api/door.h"
#include "api/request.h"
#include "api/sync_state.h"
#include "common/base/json.h"
#include "common/base/settings.h"

static void judge_one(struct sync *sync, size_t at);
static void find_known(struct sync *sync, size_t at);
static void put_result(struct json_writer *json,
                       const struct sync *sync,
                       size_t at,
                       struct arena *arena);

void sync_judge(struct sync *sync)
{
    for (size_t i = 0; i < sync->batch.count; i++) {
        const struct sync_sale *sold = &sync->sales[i];
        if (sync->batch.items[i].verdict != BATCH_REJECTED && !sold->by_books) {
            judge_one(sync, i);
        }
    }
}

static void judge_one(struct sync *sync, size_t at)
{
    struct batch_item *item = &sync->batch.items[at];
    switch (sync->flush.jobs[sync->sales[at].job].verdict) {
    case ENQUEUE_NEW:
        item->verdict = BATCH_QUEUED;
        break;
    case ENQUEUE_KNOWN:
        item->verdict = BATCH_DUPLICATE;
        break;
    case ENQUEUE_CONFLICT:
        item->verdict = BATCH_CONFLICT;
        find_known(sync, at);
        break;
    }
}

/* The queue tells only that it is another content. When that came in this batch, it is
 * known which. */
static void find_known(struct sync *sync, size_t at)
{
    struct batch_item *item = &sync->batch.items[at];
    for (size_t i = 0; i < at; i++) {
        const struct batch_item *other = &sync->batch.items[i];
        bool first = other->verdict == BATCH_QUEUED || other->verdict == BATCH_DUPLICATE;
        if (first && span_equal(other->local_id, item->local_id)) {
            item->known_minor = other->amount_minor;
            item->known_method = span_of(sale_method_name(other->method));
            item->conflict = other->method != item->method ? SPAN("other_method")
                                                           : SPAN("other_amount");
            return;
        }
    }
}

struct span sync_write(const struct sync *sync, struct arena *arena)
{
    const struct batch *batch = &sync->batch;
    struct text text;
    text_init(&text, BATCH_BODY_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    batch_put_head(&json, batch, sync->door->settings->sync.skew_s);
    json_open(&json, "results", '[');
    for (size_t i = 0; i < batch->count; i++) {
        put_result(&json, sync, i, arena);
    }
    json_close(&json, ']');
    json_close(&json, '}');
    assert(!text.full);
    struct span body = arena_span(arena, text_span(&text));
    text_done(&text);
    return body;
}

static void put_result(struct json_writer *json,
                       const struct sync *sync,
                       size_t at,
                       struct arena *arena)
{
    const struct batch_item *item = &sync->batch.items[at];
    struct span payment = sync->sales[at].payment;
    json_open(json, NULL, '{');
    json_put_optional(json, "local_id", item->local_id);
    json_put_string(json, "status", span_of(batch_verdict_name(item->verdict)));
    switch (item->verdict) {
    case BATCH_QUEUED:
        break;
    case BATCH_DUPLICATE:
        if (item->was_shown && payment.len > 0) {
            json_put_raw(json, "payment", payment);
        } else {
            json_put_null(json, "payment");
        }
        break;
    case BATCH_CONFLICT:
        batch_put_conflict(json, item->conflict, item->known_minor, item->known_method);
        break;
    case BATCH_REJECTED:
        batch_put_errors(json,
                         item,
                         sync->door->settings->sync.oldest_days,
                         sync->request->english,
                         arena);
        break;
    }
    json_close(json, '}');
}
