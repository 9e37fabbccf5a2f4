/* SPDX-License-Identifier: MIT
 * The way into the queue: partitions, enqueue, and the wake list. */
#include "common/link/queue.h"

#include <assert.h>

#include "common/link/queue_wire.h"

/* FNV-1a, then the finaliser of splitmix64, since names that differ at their end alone
 * would stay together. The same on every machine for ever. */
struct partition queue_partition_of(struct span job_id, int count)
{
    assert(count >= 1);
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < job_id.len; i++) {
        hash = (hash ^ (unsigned char)job_id.at[i]) * 0x100000001b3U;
    }
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9U;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebU;
    hash ^= hash >> 31;
    return (struct partition){.number = (int)(hash % (uint64_t)count), .count = count};
}

struct command queue_enqueue(struct arena *arena,
                             struct partition partition,
                             const struct job_new *jobs,
                             size_t count)
{
    assert(count >= 1 && count <= ENQUEUE_MOST_JOBS);
    size_t arguments = 1;
    for (size_t i = 0; i < count; i++) {
        arguments += wire_job_size(&jobs[i]);
    }
    struct wire wire = wire_call(arena, "enqueue", partition, arguments);
    wire_put_i64(&wire, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        wire_put_job(&wire, &jobs[i]);
    }
    return wire_end(&wire);
}

enum outcome queue_read_enqueue(const struct reply *reply,
                                size_t count,
                                enum enqueue_verdict *out_verdicts,
                                struct fault *fault)
{
    assert(count <= ENQUEUE_MOST_JOBS);
    enum enqueue_verdict verdicts[ENQUEUE_MOST_JOBS];
    struct reader reader = reader_of(reply);
    for (size_t i = 0; i < count; i++) {
        verdicts[i] =
            (enum enqueue_verdict)reader_between(&reader, ENQUEUE_NEW, ENQUEUE_CONFLICT);
    }
    enum outcome outcome = reader_end(&reader, "enqueue", fault);
    for (size_t i = 0; i < count && outcome == OUTCOME_DONE; i++) {
        out_verdicts[i] = verdicts[i];
    }
    return outcome;
}

/* Redis takes a timeout of 0 for "for ever", so the least is a millisecond. */
struct command queue_wait(struct arena *arena,
                          struct partition partition,
                          int64_t timeout_ms)
{
    enum { ARGUMENTS = 3 };
    long long wait_ms = timeout_ms > 0 ? timeout_ms : 1;
    struct wire wire = {.arena = arena, .room = ARGUMENTS};
    wire.command.args = ARENA_ARRAY(arena, const char *, ARGUMENTS);
    wire.command.lens = ARENA_ARRAY(arena, size_t, ARGUMENTS);
    wire_put_string(&wire, "BLPOP");
    wire_put(&wire, wire_key(arena, partition, ":wake"));
    wire_put_string(&wire,
                    arena_format(arena, "%lld.%03lld", wait_ms / 1000, wait_ms % 1000));
    return wire_end(&wire);
}
