/* SPDX-License-Identifier: MIT
 * Batches of new jobs. */
#include "api/ingest.h"

#include <assert.h>
#include <stdlib.h>

#include <event2/event.h>

#include "api/counters.h"
#include "api/redis_async.h"
#include "common/base/settings.h"

enum { COMMAND_ARENA_BYTES = 4 << 20 };

/* What waits for one partition, in the order of arrival; then the same in flight, without
 * the jobs themselves. */
struct batch {
    struct ingest *ingest;
    struct batch *next_spare;
    size_t count;
    size_t bytes;
    struct job_new jobs[INGEST_MOST_JOBS];
    struct {
        ingest_answer_fn answer;
        void *context;
    } waiters[INGEST_MOST_JOBS];
};

struct ingest {
    struct redis_async *redis;
    struct counters *counters;
    int64_t limit_ms;
    int partitions;
    struct batch **open; /* one for each partition; NULL: nothing waits */
    struct batch *spare; /* for the next ones */
    struct event *turn_end;
    struct arena arena; /* of the command that is being made */
};

static struct batch *take_batch(struct ingest *ingest);
static void on_turn_end(evutil_socket_t fd, short what, void *context);
static void flush(struct ingest *ingest, int partition);
static void on_reply(void *context,
                     enum outcome outcome,
                     const struct reply *reply,
                     const struct fault *fault);
static void answer_all(struct batch *batch,
                       enum outcome outcome,
                       const enum enqueue_verdict *verdicts,
                       const struct fault *fault);

struct ingest *ingest_open(struct event_base *base,
                           const struct settings *settings,
                           struct redis_async *redis,
                           struct counters *counters)
{
    struct ingest *ingest = calloc(1, sizeof(*ingest));
    if (!ingest) {
        abort();
    }
    ingest->redis = redis;
    ingest->counters = counters;
    ingest->limit_ms = settings->api.redis_ms;
    ingest->partitions = (int)settings->redis.partitions;
    ingest->open = calloc((size_t)ingest->partitions, sizeof(struct batch *));
    ingest->turn_end = event_new(base, -1, 0, on_turn_end, ingest);
    if (!ingest->open || !ingest->turn_end) {
        abort();
    }
    arena_init(&ingest->arena, COMMAND_ARENA_BYTES);
    return ingest;
}

void ingest_close(struct ingest *ingest)
{
    if (!ingest) {
        return;
    }
    struct fault fault;
    (void)fault_set(&fault, OUTCOME_LATER, "ingest", 0, "we are leaving");
    for (int i = 0; i < ingest->partitions; i++) {
        if (ingest->open[i]) {
            answer_all(ingest->open[i], OUTCOME_LATER, NULL, &fault);
        }
    }
    while (ingest->spare) {
        struct batch *next = ingest->spare->next_spare;
        free(ingest->spare);
        ingest->spare = next;
    }
    event_free(ingest->turn_end);
    arena_done(&ingest->arena);
    free(ingest->open);
    free(ingest);
}

void ingest_add(struct ingest *ingest,
                const struct job_new *job,
                ingest_answer_fn answer,
                void *context)
{
    int partition = queue_partition_of(job->id, ingest->partitions).number;
    struct batch *batch = ingest->open[partition];
    if (batch && batch->bytes + job->payload.len > INGEST_MOST_BYTES) {
        flush(ingest, partition);
        batch = ingest->open[partition];
    }
    if (!batch) {
        batch = take_batch(ingest);
        ingest->open[partition] = batch;
    }
    batch->jobs[batch->count] = *job;
    batch->waiters[batch->count].answer = answer;
    batch->waiters[batch->count].context = context;
    batch->count++;
    batch->bytes += job->payload.len;
    if (batch->count == INGEST_MOST_JOBS) {
        flush(ingest, partition);
    } else {
        /* What is active already runs before it: it comes last in this turn. */
        event_active(ingest->turn_end, 0, 0);
    }
}

static struct batch *take_batch(struct ingest *ingest)
{
    struct batch *batch = ingest->spare;
    if (batch) {
        ingest->spare = batch->next_spare;
    } else {
        batch = malloc(sizeof(*batch));
        if (!batch) {
            abort();
        }
    }
    batch->ingest = ingest;
    batch->count = 0;
    batch->bytes = 0;
    return batch;
}

static void on_turn_end(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct ingest *ingest = context;
    for (int i = 0; i < ingest->partitions; i++) {
        if (ingest->open[i]) {
            flush(ingest, i);
        }
    }
}

static void flush(struct ingest *ingest, int partition)
{
    struct batch *batch = ingest->open[partition];
    struct partition which = {.number = partition, .count = ingest->partitions};
    struct command command =
        queue_enqueue(&ingest->arena, which, batch->jobs, batch->count);
    struct fault fault;
    ingest->open[partition] = NULL;
    enum outcome outcome = redis_async_send(ingest->redis,
                                            &command,
                                            ingest->limit_ms,
                                            on_reply,
                                            batch,
                                            &fault);
    arena_reset(&ingest->arena);
    if (outcome == OUTCOME_DONE) {
        counter_add(&ingest->counters->batches, 1);
        counter_add(&ingest->counters->batched, (int64_t)batch->count);
    } else {
        answer_all(batch, outcome, NULL, &fault);
    }
}

static void on_reply(void *context,
                     enum outcome outcome,
                     const struct reply *reply,
                     const struct fault *fault)
{
    struct batch *batch = context;
    enum enqueue_verdict verdicts[INGEST_MOST_JOBS];
    struct fault bad;
    if (outcome == OUTCOME_DONE) {
        outcome = queue_read_enqueue(reply, batch->count, verdicts, &bad);
        fault = &bad;
    }
    answer_all(batch, outcome, verdicts, fault);
}

/* A callback may add jobs: they go into another batch. */
static void answer_all(struct batch *batch,
                       enum outcome outcome,
                       const enum enqueue_verdict *verdicts,
                       const struct fault *fault)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->waiters[i].answer(batch->waiters[i].context,
                                 outcome,
                                 outcome == OUTCOME_DONE ? verdicts[i] : ENQUEUE_NEW,
                                 fault);
    }
    batch->next_spare = batch->ingest->spare;
    batch->ingest->spare = batch;
}
