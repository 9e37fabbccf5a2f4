/* SPDX-License-Identifier: MIT
 * A charge as it goes to Redis, and what came of it. */
#include "common/link/limit.h"

#include <assert.h>

#include "common/link/queue_wire.h"

enum { LIMIT_ARGUMENTS = 4 };

struct command limit_encode(struct arena *arena, const struct limit_charge *charge)
{
    static const struct partition whole = {.number = 0, .count = 1};
    assert(charge->burst > 0 && charge->period_ms > 0);
    struct wire wire = wire_call(arena, "limit", whole, LIMIT_ARGUMENTS);
    wire_put_string(&wire,
                    arena_format(arena,
                                 "%.*s:%.*s",
                                 SPAN_ARGS(charge->name),
                                 SPAN_ARGS(charge->who)));
    wire_put_i64(&wire, charge->burst);
    wire_put_i64(&wire, charge->period_ms);
    wire_put_i64(&wire, charge->charges);
    return wire_end(&wire);
}

enum outcome limit_decode(const struct reply *reply,
                          struct limit_reply *out_reply,
                          struct fault *fault)
{
    struct reader reader = reader_of(reply);
    struct limit_reply decoded = {.allowed = reader_bool(&reader)};
    decoded.remaining = reader_between(&reader, 0, INT64_MAX);
    decoded.retry_after_ms = reader_between(&reader, 0, INT64_MAX);
    decoded.reset_ms = reader_between(&reader, 0, INT64_MAX);
    enum outcome outcome = reader_end(&reader, "limit", fault);
    if (outcome == OUTCOME_DONE) {
        *out_reply = decoded;
    }
    return outcome;
}
