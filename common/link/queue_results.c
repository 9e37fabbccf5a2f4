/* SPDX-License-Identifier: MIT
 * How far jobs are and what came of them, for callers who wait. */
#include "common/link/queue.h"

#include <assert.h>

#include "common/link/queue_wire.h"

static struct job_result read_result(struct reader *reader);

struct span queue_settled_channel(struct arena *arena,
                                  struct partition partition,
                                  struct span reply)
{
    return wire_key(arena,
                    partition,
                    arena_format(arena, ":settled:%.*s", SPAN_ARGS(reply)));
}

struct command queue_results(struct arena *arena,
                             struct partition partition,
                             const struct span *ids,
                             size_t count)
{
    assert(count >= 1 && count <= RESULTS_MOST_JOBS);
    struct wire wire = wire_call(arena, "results", partition, count);
    for (size_t i = 0; i < count; i++) {
        wire_put(&wire, ids[i]);
    }
    return wire_end(&wire);
}

enum outcome queue_read_results(const struct reply *reply,
                                size_t count,
                                struct job_result *out_results,
                                struct fault *fault)
{
    assert(count <= RESULTS_MOST_JOBS);
    struct job_result results[RESULTS_MOST_JOBS];
    struct reader reader = reader_of(reply);
    for (size_t i = 0; i < count; i++) {
        results[i] = read_result(&reader);
    }
    enum outcome outcome = reader_end(&reader, "results", fault);
    for (size_t i = 0; i < count && outcome == OUTCOME_DONE; i++) {
        out_results[i] = results[i];
    }
    return outcome;
}

static struct job_result read_result(struct reader *reader)
{
    struct job_result result = {.known = true};
    struct span state = reader_text(reader);
    if (state.len == 0) {
        result.known = false;
    } else if (!job_state_find(state, &result.state)) {
        reader->bad = true;
    }
    result.kind = reader_text(reader);
    result.attempt = reader_small_digits(reader);
    result.enqueued_ms = reader_digits(reader);
    result.result = reader_text(reader);
    result.left_out = reader_bool(reader);
    result.discarded = reader_bool(reader);
    return result;
}
