/* SPDX-License-Identifier: MIT
 * The jobs of a flush: their names, their sealed payloads, and by what they are found. */
#include <assert.h>

#include "api/door.h"
#include "api/request.h"
#include "api/sync_state.h"
#include "common/base/seal.h"
#include "common/model/job.h"

enum { REFS = 3 };

static void add_job(struct sync *sync, size_t at, enum sync_way way, struct arena *arena);
static struct span name_of(const struct sync_sale *sold,
                           enum sync_way way,
                           struct arena *arena);
static struct span seal(const struct sync *sync,
                        struct span id,
                        const struct kind *kind,
                        struct span payload,
                        struct arena *arena);
static struct span decimal(int64_t number, struct arena *arena);
static enum sync_way second_way(const struct sync *sync, size_t at);

void sync_make_jobs(struct sync *sync, struct arena *arena)
{
    sync->flush.jobs = ARENA_ARRAY(arena, struct sync_job, sync->batch.count);
    sync->flush.count = 0;
    for (size_t i = 0; i < sync->batch.count; i++) {
        if (sync->batch.items[i].verdict != BATCH_REJECTED &&
            sync->sales[i].way != SYNC_NO_JOB) {
            add_job(sync, i, sync->sales[i].way, arena);
        }
    }
}

void sync_make_more(struct sync *sync, struct arena *arena)
{
    enum sync_way *ways = ARENA_ARRAY(arena, enum sync_way, sync->batch.count);
    for (size_t i = 0; i < sync->batch.count; i++) {
        ways[i] = second_way(sync, i);
    }
    sync->flush.jobs = ARENA_ARRAY(arena, struct sync_job, sync->batch.count + 1);
    sync->flush.count = 0;
    for (size_t i = 0; i < sync->batch.count; i++) {
        if (ways[i] != SYNC_NO_JOB) {
            add_job(sync, i, ways[i], arena);
        }
    }
}

/* The first job's payload stays as it was: what is new goes under a name of its own. */
static enum sync_way second_way(const struct sync *sync, size_t at)
{
    const struct sync_sale *sold = &sync->sales[at];
    if (sync->batch.items[at].verdict == BATCH_REJECTED || sold->way != SYNC_BY_NAME) {
        return SYNC_NO_JOB;
    }
    switch (sync->flush.jobs[sold->job].verdict) {
    case ENQUEUE_NEW:
        return SYNC_NO_JOB;
    case ENQUEUE_KNOWN:
        return sold->sale.intent.len > 0 ? SYNC_BY_INTENT : SYNC_NO_JOB;
    case ENQUEUE_CONFLICT: /* the books agree with it: what was first came too late */
        return !sold->by_books             ? SYNC_BY_CONTENT
               : sold->sale.intent.len > 0 ? SYNC_BY_INTENT
                                           : SYNC_NO_JOB;
    }
    return SYNC_NO_JOB;
}

/* What is sealed is kept, and not what it was made of. */
static void add_job(struct sync *sync, size_t at, enum sync_way way, struct arena *arena)
{
    struct sync_sale *sold = &sync->sales[at];
    struct sale sale = sold->sale;
    struct span *refs = ARENA_ARRAY(arena, struct span, REFS);
    size_t ref_count = 0;
    struct arena scratch;
    arena_init(&scratch, JOB_PAYLOAD_BYTES);
    sale.is_conflict = way == SYNC_BY_CONTENT;
    refs[ref_count++] = sync->batch.id;
    refs[ref_count++] = sale.local_id;
    if (sale.intent.len > 0) {
        refs[ref_count++] = sale.intent;
    }
    const struct kind *kind =
        kind_find(sale.method == SALE_CARD ? SPAN("sync.card") : SPAN("sync.sale"));
    assert(kind);
    struct span id = name_of(sold, way, arena);
    sold->job = sync->flush.count++;
    sync->flush.jobs[sold->job].job = (struct job_new){
        .id = id,
        .kind = kind,
        .lane = kind->lane,
        .tenant = decimal(sale.amicale_id, arena),
        .member = decimal(sale.pompier_id, arena),
        .payload = seal(sync, id, kind, sale_encode(&sale, &scratch), arena),
        .mac = sold->mac,
        .refs = refs,
        .ref_count = ref_count,
    };
    arena_done(&scratch);
}

static struct span name_of(const struct sync_sale *sold,
                           enum sync_way way,
                           struct arena *arena)
{
    switch (way) {
    case SYNC_BY_INTENT:
        return sale_intent_job_id(&sold->sale, arena);
    case SYNC_BY_CONTENT:
        return sale_content_job_id(&sold->sale, sold->mac, arena);
    case SYNC_NO_JOB:
    case SYNC_BY_NAME:
        break;
    }
    return sale_job_id(&sold->sale, arena);
}

/* Its fingerprint is the request's when that had a key: the same key with another request
 * is seen. What came without a key has a name that nobody else has. */
void sync_make_batch(struct sync *sync, struct sync_job *out_job, struct arena *arena)
{
    const struct batch *batch = &sync->batch;
    const struct kind *kind = kind_find(SPAN("sync.batch"));
    assert(kind);
    struct span id = batch_job_id(batch->pompier_id, batch->id, arena);
    struct span *refs = ARENA_ARRAY(arena, struct span, 1);
    refs[0] = batch->id;
    out_job->job = (struct job_new){
        .id = id,
        .kind = kind,
        .lane = kind->lane,
        .tenant = decimal(batch->amicale_id, arena),
        .member = decimal(batch->pompier_id, arena),
        .payload = seal(sync, id, kind, batch_encode(batch, arena), arena),
        .mac = batch->request_mac,
        .refs = refs,
        .ref_count = 1,
    };
}

static struct span seal(const struct sync *sync,
                        struct span id,
                        const struct kind *kind,
                        struct span payload,
                        struct arena *arena)
{
    struct span binding =
        span_of(arena_format(arena, "%.*s|%s", SPAN_ARGS(id), kind->name));
    return seal_seal(sync->door->ring, binding, payload, arena);
}

static struct span decimal(int64_t number, struct arena *arena)
{
    return span_of(arena_format(arena, "%lld", (long long)number));
}
