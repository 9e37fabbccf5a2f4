/* SPDX-License-Identifier: MIT
 *
 * beat - tells Redis that this worker lives and what it holds.
 *
 * Owns:    nothing
 * Callers: settler (while the worker works), worker (when it leaves)
 * Blocks:  a round trip for each partition
 * Faults:  as redis.h
 */
#ifndef WORKER_BEAT_H
#define WORKER_BEAT_H

#include "common/base/arena.h"
#include "common/base/fault.h"

struct context;
struct redis;
struct roster;

enum beat_sort { BEAT_STAYING, BEAT_LEAVING };

/* Extends the leases of everything on the roster, and marks there what was lost. Who
 * leaves holds nothing more: what it did not settle goes back at once. */
MUST_USE enum outcome beat_send(const struct context *context,
                                struct roster *roster,
                                struct redis *redis,
                                enum beat_sort sort,
                                struct arena *arena,
                                struct fault *fault);

#endif
