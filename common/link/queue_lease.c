/* SPDX-License-Identifier: MIT
 * What a worker holds: take, release and beat. */
#include "common/link/queue.h"

#include <assert.h>

#include "common/link/queue_wire.h"

static bool read_job(struct reader *reader,
                     const struct kind *known,
                     size_t known_count,
                     struct job *out_job);
static const struct kind *find_kind(const struct kind *known,
                                    size_t known_count,
                                    struct span name);
static void put_held(struct wire *wire, const struct job *jobs, size_t count);

struct command queue_take(struct arena *arena,
                          struct partition partition,
                          const struct take *take)
{
    enum { FIXED = 5, EACH_KIND = 4 };
    assert(take->live_slots >= 0 && take->general_slots >= 0 && take->lease_ms > 0);
    struct wire wire =
        wire_call(arena, "take", partition, FIXED + EACH_KIND * take->kind_count);
    wire_put(&wire, take->worker);
    wire_put_i64(&wire, take->live_slots);
    wire_put_i64(&wire, take->general_slots);
    wire_put_i64(&wire, take->quarantine);
    wire_put_i64(&wire, take->lease_ms);
    for (size_t i = 0; i < take->kind_count; i++) {
        const struct kind *kind = take->kinds[i].kind;
        wire_put_string(&wire, kind->name);
        wire_put_i64(&wire, take->kinds[i].most);
        wire_put_i64(&wire, kind->group_max);
        wire_put_neighbours(&wire, kind->needs);
    }
    return wire_end(&wire);
}

enum outcome queue_read_take(const struct reply *reply,
                             const struct kind *known,
                             size_t known_count,
                             struct arena *arena,
                             struct taken *out_taken,
                             struct fault *fault)
{
    enum { ITEMS = 13 };
    struct reader reader = reader_of(reply);
    struct taken taken = {0};
    taken.waiting_versions = (size_t)reader_between(&reader, 0, INT32_MAX);
    taken.quarantine_waits = reader_bool(&reader);
    taken.next_due_ms = reader_between(&reader, -1, INT64_MAX);
    taken.count = reader_rows(&reader, ITEMS);
    taken.jobs = ARENA_ARRAY(arena, struct job, taken.count);
    for (size_t i = 0; i < taken.count; i++) {
        reader.bad = !read_job(&reader, known, known_count, &taken.jobs[i]) || reader.bad;
    }
    enum outcome outcome = reader_end(&reader, "take", fault);
    if (outcome == OUTCOME_DONE) {
        *out_taken = taken;
    }
    return outcome;
}

struct command queue_release(struct arena *arena,
                             struct partition partition,
                             const struct job *jobs,
                             size_t count)
{
    struct wire wire = wire_call(arena, "release", partition, 2 * count);
    put_held(&wire, jobs, count);
    return wire_end(&wire);
}

struct command queue_beat(struct arena *arena,
                          struct partition partition,
                          const struct beat *beat)
{
    enum { FIXED = 4 };
    assert(beat->lease_ms > 0);
    struct wire wire = wire_call(arena, "beat", partition, FIXED + 2 * beat->held_count);
    wire_put(&wire, beat->worker);
    wire_put(&wire, beat->about);
    wire_put_i64(&wire, beat->lease_ms);
    wire_put_string(&wire, beat->leaving ? "1" : "0");
    put_held(&wire, beat->held, beat->held_count);
    return wire_end(&wire);
}

enum outcome queue_read_beat(const struct reply *reply,
                             struct arena *arena,
                             int64_t **out_lost_tokens,
                             size_t *out_lost_count,
                             struct fault *fault)
{
    struct reader reader = reader_of(reply);
    int64_t *tokens = ARENA_ARRAY(arena, int64_t, reader.count);
    for (size_t i = 0; i < reader.count; i++) {
        tokens[i] = reader_between(&reader, 1, INT64_MAX);
    }
    enum outcome outcome = reader_end(&reader, "beat", fault);
    if (outcome == OUTCOME_DONE) {
        *out_lost_tokens = tokens;
        *out_lost_count = reader.count;
    }
    return outcome;
}

/* False when a lane is unknown or the kind is not one that was asked for. */
static bool read_job(struct reader *reader,
                     const struct kind *known,
                     size_t known_count,
                     struct job *out_job)
{
    struct job job = {0};
    job.id = reader_text(reader);
    job.kind = find_kind(known, known_count, reader_text(reader));
    bool is_lane = lane_find(reader_text(reader), &job.lane);
    job.tenant = reader_text(reader);
    job.payload = reader_text(reader);
    job.token = reader_between(reader, 1, INT64_MAX);
    job.attempt = (int)reader_between(reader, 0, INT32_MAX);
    job.crashes = (int)reader_between(reader, 0, INT32_MAX);
    job.deferrals = (int)reader_between(reader, 0, INT32_MAX);
    job.enqueued_ms = reader_integer(reader);
    job.lease_end_ms = reader_integer(reader);
    job.reply = reader_text(reader);
    job.group = (int)reader_between(reader, 1, INT32_MAX);
    *out_job = job;
    return job.id.len > 0 && job.kind != NULL && is_lane;
}

static const struct kind *find_kind(const struct kind *known,
                                    size_t known_count,
                                    struct span name)
{
    for (size_t i = 0; i < known_count; i++) {
        if (span_is(name, known[i].name)) {
            return &known[i];
        }
    }
    return NULL;
}

static void put_held(struct wire *wire, const struct job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wire_put(wire, jobs[i].id);
        wire_put_i64(wire, jobs[i].token);
    }
}
