/* SPDX-License-Identifier: MIT
 *
 * producer - enqueues jobs from within a handler: more than follow-ups can carry, or of
 * which it must be known whether they are new.
 *
 * Owns:    nothing
 * Callers: handlers
 * Blocks:  as long as Redis does, a command for each ENQUEUE_MOST_JOBS
 * Order:   before the handler's own job is settled, so a crash enqueues them again: their
 *          names keep them from being there twice
 * Faults:  LATER when Redis is away: some may be enqueued
 *
 * Payloads are sealed here, each job goes to the partition of its name. Fingerprints are
 * empty: what comes under the name, before or after, counts as the same.
 */
#ifndef WORKER_PRODUCER_H
#define WORKER_PRODUCER_H

#include <stddef.h>

#include "common/base/fault.h"
#include "common/link/queue.h"
#include "worker/handlers.h"

/* out_verdicts has room for `count`, in the order of the jobs; NULL: nobody asks. */
MUST_USE enum outcome producer_enqueue(struct handling *handling,
                                       const struct follow_up *jobs,
                                       size_t count,
                                       enum enqueue_verdict *out_verdicts,
                                       struct fault *fault);

#endif
