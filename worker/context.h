/* SPDX-License-Identifier: MIT
 *
 * context - what all threads of a worker share and none changes.
 *
 * Owns:    nothing; everything is borrowed and outlives the threads
 * Callers: worker
 * Blocks:  never
 */
#ifndef WORKER_CONTEXT_H
#define WORKER_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

struct clock;
struct handler;
struct kind;
struct seal_ring;
struct settings;

struct context {
    const struct settings *settings;
    const struct clock *clock;
    const struct seal_ring *ring; /* opens payloads, seals results and follow-ups */
    const struct seal_ring *pii;
    struct span name; /* of this worker: host:pid:start */
    int64_t started_ms; /* wall time */
    const struct kind *kinds; /* that Redis is asked for */
    size_t kind_count;
    const struct handler *handlers;
    size_t handler_count;
};

/* NULL: this worker does not handle the kind, and leaves its jobs to others. */
const struct handler *context_handler(const struct context *context,
                                      const struct kind *kind);

#endif
