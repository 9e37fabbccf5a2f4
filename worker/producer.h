/* SPDX-License-Identifier: MIT
 *
 * producer - seals the jobs that a worker enqueues itself, and enqueues those that are more
 * than follow-ups can carry, or of which it must be known whether they are new.
 *
 * Owns:    nothing
 * Callers: handlers, planner; attempt (producer_seal)
 * Blocks:  as long as Redis does, a command for each ENQUEUE_MOST_JOBS
 * Order:   before the handler's own job is settled, so a crash enqueues them again: their
 *          names keep them from being there twice
 * Faults:  LATER when Redis is away, or did not answer: some may be enqueued
 *
 * Payloads are sealed here, each job goes to the partition of its name. What
 * producer_enqueue enqueues has an empty fingerprint: whatever comes under the name,
 * before or after, counts as the same. Of the handling it uses settings, ring, arena and
 * redis.
 */
#ifndef WORKER_PRODUCER_H
#define WORKER_PRODUCER_H

#include <stddef.h>

#include "common/base/fault.h"
#include "common/link/queue.h"
#include "worker/handlers.h"

struct seal_ring;

/* The job as it goes to Redis, with its fingerprint; in the arena. */
struct job_new producer_seal(const struct seal_ring *ring,
                             const struct follow_up *follow_up,
                             struct arena *arena);
/* out_verdicts has room for `count`, in the order of the jobs; NULL: nobody asks. */
MUST_USE enum outcome producer_enqueue(struct handling *handling,
                                       const struct follow_up *jobs,
                                       size_t count,
                                       enum enqueue_verdict *out_verdicts,
                                       struct fault *fault);

#endif
