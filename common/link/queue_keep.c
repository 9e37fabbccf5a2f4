/* SPDX-License-Identifier: MIT
 * What keeps the queue honest: sweep, trim, the archive of the dead, and the governor. */
#include "common/link/queue.h"

#include <assert.h>

#include "common/link/queue_wire.h"

static const struct partition governor = {.number = 0, .count = 1};

struct command queue_sweep(struct arena *arena,
                           struct partition partition,
                           const struct sweep *sweep)
{
    assert(sweep->dead_after_ms > 0 && sweep->most > 0);
    struct wire wire = wire_call(arena, "sweep", partition, 2);
    wire_put_i64(&wire, sweep->dead_after_ms);
    wire_put_i64(&wire, sweep->most);
    return wire_end(&wire);
}

enum outcome queue_read_sweep(const struct reply *reply,
                              struct swept *out_swept,
                              struct fault *fault)
{
    struct reader reader = reader_of(reply);
    struct swept swept = {0};
    swept.due = reader_between(&reader, 0, INT64_MAX);
    swept.expired = reader_between(&reader, 0, INT64_MAX);
    swept.recovered = reader_between(&reader, 0, INT64_MAX);
    swept.poisoned = reader_between(&reader, 0, INT64_MAX);
    swept.shifted_ms = reader_integer(&reader);
    swept.more = reader_bool(&reader);
    enum outcome outcome = reader_end(&reader, "sweep", fault);
    if (outcome == OUTCOME_DONE) {
        *out_swept = swept;
    }
    return outcome;
}

struct command queue_trim(struct arena *arena,
                          struct partition partition,
                          const struct trim *trim)
{
    assert(trim->most > 0);
    struct wire wire = wire_call(arena, "trim", partition, 4);
    wire_put_i64(&wire, trim->done_keep_count);
    wire_put_i64(&wire, trim->done_keep_ms);
    wire_put_i64(&wire, trim->dead_keep_ms);
    wire_put_i64(&wire, trim->most);
    return wire_end(&wire);
}

struct command queue_unarchived(struct arena *arena, struct partition partition, int most)
{
    assert(most > 0);
    struct wire wire = wire_call(arena, "unarchived", partition, 1);
    wire_put_i64(&wire, most);
    return wire_end(&wire);
}

struct command queue_archived(struct arena *arena,
                              struct partition partition,
                              const struct job_record *records,
                              size_t count)
{
    struct wire wire = wire_call(arena, "archived", partition, 2 * count);
    for (size_t i = 0; i < count; i++) {
        wire_put(&wire, records[i].id);
        wire_put_i64(&wire, records[i].at_ms);
    }
    return wire_end(&wire);
}

struct command queue_govern(struct arena *arena,
                            int64_t rate_per_s,
                            bool live,
                            int64_t most_ms)
{
    assert(rate_per_s > 0 && most_ms >= 0);
    struct wire wire = wire_call(arena, "govern", governor, 3);
    wire_put_i64(&wire, rate_per_s);
    wire_put_string(&wire, live ? "1" : "0");
    wire_put_i64(&wire, most_ms);
    return wire_end(&wire);
}

struct command queue_govern_refused(struct arena *arena, int64_t rate_per_s)
{
    assert(rate_per_s > 0);
    struct wire wire = wire_call(arena, "govern_refused", governor, 1);
    wire_put_i64(&wire, rate_per_s);
    return wire_end(&wire);
}
