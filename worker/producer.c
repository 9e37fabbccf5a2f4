/* SPDX-License-Identifier: MIT
 * Seals jobs and hands them to Redis, partition by partition. */
#include "worker/producer.h"

#include <assert.h>

#include "common/base/digest.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/redis.h"

/* Jobs of one partition that go together, and where their verdicts belong. */
struct batch {
    struct job_new jobs[ENQUEUE_MOST_JOBS];
    size_t places[ENQUEUE_MOST_JOBS];
    size_t count;
};

static enum outcome enqueue_partition(struct handling *handling,
                                      struct partition partition,
                                      const struct follow_up *jobs,
                                      size_t count,
                                      enum enqueue_verdict *out_verdicts,
                                      struct fault *fault);
static enum outcome send_batch(struct handling *handling,
                               struct partition partition,
                               struct batch *batch,
                               enum enqueue_verdict *out_verdicts,
                               struct fault *fault);

struct job_new producer_seal(const struct seal_ring *ring,
                             const struct follow_up *follow_up,
                             struct arena *arena)
{
    assert(job_id_is_valid(follow_up->id));
    assert(follow_up->payload.len <= JOB_PAYLOAD_BYTES);
    const char *kind = follow_up->kind->name;
    struct span binding =
        span_of(arena_format(arena, "%.*s|%s", SPAN_ARGS(follow_up->id), kind));
    struct digest mac;
    seal_fingerprint(ring,
                     span_of(arena_format(arena, "job|%s", kind)),
                     follow_up->payload,
                     &mac);
    char hex[DIGEST_HEX_BYTES];
    digest_hex(&mac, hex);
    /* What a group's handler gave lives as long as the first attempt of the group, and
     * each is settled on its own. */
    struct span *refs = ARENA_ARRAY(arena, struct span, follow_up->ref_count);
    for (size_t i = 0; i < follow_up->ref_count; i++) {
        refs[i] = follow_up->refs[i];
    }
    return (struct job_new){
        .id = follow_up->id,
        .kind = follow_up->kind,
        .lane = follow_up->lane,
        .tenant = follow_up->tenant.len > 0 ? follow_up->tenant : SPAN("-"),
        .payload = seal_seal(ring, binding, follow_up->payload, arena),
        .mac = arena_span(arena, span_of(hex)),
        .delay_ms = follow_up->delay_ms,
        .refs = refs,
        .ref_count = follow_up->ref_count};
}

enum outcome producer_enqueue(struct handling *handling,
                              const struct follow_up *jobs,
                              size_t count,
                              enum enqueue_verdict *out_verdicts,
                              struct fault *fault)
{
    int partitions = (int)handling->settings->redis.partitions;
    enum outcome outcome = OUTCOME_DONE;
    for (int i = 0; outcome == OUTCOME_DONE && i < partitions; i++) {
        struct partition partition = {.number = i, .count = partitions};
        outcome =
            enqueue_partition(handling, partition, jobs, count, out_verdicts, fault);
    }
    return outcome;
}

static enum outcome enqueue_partition(struct handling *handling,
                                      struct partition partition,
                                      const struct follow_up *jobs,
                                      size_t count,
                                      enum enqueue_verdict *out_verdicts,
                                      struct fault *fault)
{
    struct batch *batch = ARENA_NEW(handling->arena, struct batch);
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < count; i++) {
        struct span id = jobs[i].id;
        if (queue_partition_of(id, partition.count).number != partition.number) {
            continue;
        }
        struct job_new job = producer_seal(handling->ring, &jobs[i], handling->arena);
        job.mac = SPAN("");
        batch->jobs[batch->count] = job;
        batch->places[batch->count++] = i;
        if (batch->count == ENQUEUE_MOST_JOBS) {
            outcome = send_batch(handling, partition, batch, out_verdicts, fault);
        }
    }
    if (outcome == OUTCOME_DONE && batch->count > 0) {
        outcome = send_batch(handling, partition, batch, out_verdicts, fault);
    }
    return outcome;
}

/* An answer that was lost is no reason to look: the names may be enqueued again. */
static enum outcome send_batch(struct handling *handling,
                               struct partition partition,
                               struct batch *batch,
                               enum enqueue_verdict *out_verdicts,
                               struct fault *fault)
{
    enum enqueue_verdict verdicts[ENQUEUE_MOST_JOBS];
    struct command command =
        queue_enqueue(handling->arena, partition, batch->jobs, batch->count);
    struct reply reply;
    enum outcome outcome =
        redis_call(handling->redis, &command, handling->arena, &reply, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = queue_read_enqueue(&reply, batch->count, verdicts, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome == OUTCOME_UNSURE ? OUTCOME_LATER : outcome;
    }
    for (size_t i = 0; out_verdicts && i < batch->count; i++) {
        out_verdicts[batch->places[i]] = verdicts[i];
    }
    batch->count = 0;
    return OUTCOME_DONE;
}
