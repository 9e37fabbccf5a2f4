/* SPDX-License-Identifier: MIT
 * tocsin-enqueue: puts jobs of any kind, also of the tests, into the queue.
 *
 *   tocsin-enqueue CONFIG [--unsealed] < JOBS
 *
 * A job is a line of six fields between tabs: id, kind, lane (empty: the kind's), tenant,
 * delay in ms, payload. Prints how many were new, known and in conflict. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "tests/worker/test_kinds.h"

enum { BATCH_ARENA_BYTES = 256 << 20, PARTITIONS_MOST = 16 };

struct batch {
    struct job_new jobs[ENQUEUE_MOST_JOBS];
    size_t count;
};

struct producer {
    struct settings settings;
    struct seal_ring *ring;
    struct redis *redis;
    struct test_tables tables;
    struct arena arena;
    struct batch batches[PARTITIONS_MOST];
    bool unsealed;
    long verdicts[3];
};

static void add_line(struct producer *producer, struct span line);
static const struct kind *find_kind(const struct producer *producer, struct span name);
static void flush(struct producer *producer, int partition);
static void check(enum outcome outcome, const struct fault *fault);

int main(int argc, char **argv)
{
    static struct producer producer;
    struct fault fault;
    if (argc < 2) {
        fputs("usage: tocsin-enqueue CONFIG [--unsealed] < JOBS\n", stderr);
        return 2;
    }
    producer.unsealed = argc > 2 && strcmp(argv[2], "--unsealed") == 0;
    const struct settings_options options = {.config = argv[1]};
    check(settings_load(&producer.settings, SETTINGS_WORKER, &options, &fault), &fault);
    check(seal_open(producer.settings.seal.keys_file, &producer.ring, &fault), &fault);
    check(redis_open(&producer.settings, &producer.redis, &fault), &fault);
    test_kinds_fill(&producer.tables);
    arena_init(&producer.arena, BATCH_ARENA_BYTES);
    char *line = NULL;
    size_t room = 0;
    ssize_t len = 0;
    while ((len = getline(&line, &room, stdin)) > 0) {
        add_line(&producer, (struct span){line, (size_t)len - (line[len - 1] == '\n')});
    }
    for (int i = 0; i < (int)producer.settings.redis.partitions; i++) {
        flush(&producer, i);
    }
    printf("new=%ld known=%ld conflict=%ld\n",
           producer.verdicts[ENQUEUE_NEW],
           producer.verdicts[ENQUEUE_KNOWN],
           producer.verdicts[ENQUEUE_CONFLICT]);
    free(line);
    arena_done(&producer.arena);
    redis_close(producer.redis);
    seal_close(producer.ring);
    settings_done(&producer.settings);
    return 0;
}

static void add_line(struct producer *producer, struct span line)
{
    struct arena *arena = &producer->arena;
    struct span rest = line;
    struct job_new job = {.id = arena_span(arena, span_cut(rest, '\t', &rest))};
    job.kind = find_kind(producer, span_cut(rest, '\t', &rest));
    struct span lane = span_cut(rest, '\t', &rest);
    job.lane = job.kind->lane;
    if (lane.len > 0 && !lane_find(lane, &job.lane)) {
        fprintf(stderr, "no lane %.*s\n", SPAN_ARGS(lane));
        exit(2);
    }
    job.tenant = arena_span(arena, span_cut(rest, '\t', &rest));
    (void)span_to_i64(span_cut(rest, '\t', &rest), &job.delay_ms);
    struct span binding =
        span_of(arena_format(arena, "%.*s|%s", SPAN_ARGS(job.id), job.kind->name));
    job.payload = producer->unsealed ? arena_span(arena, rest)
                                     : seal_seal(producer->ring, binding, rest, arena);
    struct digest mac;
    seal_fingerprint(producer->ring,
                     span_of(arena_format(arena, "job|%s", job.kind->name)),
                     rest,
                     &mac);
    char hex[DIGEST_HEX_BYTES];
    digest_hex(&mac, hex);
    job.mac = arena_span(arena, span_of(hex));
    int partition =
        queue_partition_of(job.id, (int)producer->settings.redis.partitions).number;
    struct batch *batch = &producer->batches[partition];
    batch->jobs[batch->count++] = job;
    if (batch->count == ENQUEUE_MOST_JOBS) {
        flush(producer, partition);
    }
}

static const struct kind *find_kind(const struct producer *producer, struct span name)
{
    for (size_t i = 0; i < producer->tables.kind_count; i++) {
        if (span_is(name, producer->tables.kinds[i].name)) {
            return &producer->tables.kinds[i];
        }
    }
    fprintf(stderr, "no kind %.*s\n", SPAN_ARGS(name));
    exit(2);
}

static void flush(struct producer *producer, int number)
{
    struct batch *batch = &producer->batches[number];
    if (batch->count == 0) {
        return;
    }
    struct partition partition = {.number = number,
                                  .count = (int)producer->settings.redis.partitions};
    struct command command =
        queue_enqueue(&producer->arena, partition, batch->jobs, batch->count);
    struct reply reply;
    struct fault fault;
    enum enqueue_verdict verdicts[ENQUEUE_MOST_JOBS];
    check(redis_call(producer->redis, &command, &producer->arena, &reply, &fault),
          &fault);
    check(queue_read_enqueue(&reply, batch->count, verdicts, &fault), &fault);
    for (size_t i = 0; i < batch->count; i++) {
        producer->verdicts[verdicts[i]]++;
    }
    batch->count = 0;
    if (producer->settings.redis.partitions == 1) {
        arena_reset(&producer->arena);
    }
}

static void check(enum outcome outcome, const struct fault *fault)
{
    if (outcome != OUTCOME_DONE) {
        fprintf(stderr, "%s: %s\n", fault->module, fault->text);
        exit(1);
    }
}
