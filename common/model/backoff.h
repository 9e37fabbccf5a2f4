/* SPDX-License-Identifier: MIT
 *
 * backoff - how long a job waits before its next attempt. A pure function.
 *
 * Owns:    nothing
 * Callers: worker
 * Blocks:  never
 * Units:   milliseconds
 *
 * Exponential with full jitter: uniform between 0 and base * 2^failures, at most the
 * kind's cap, at least BACKOFF_LEAST_MS. A wish of the other side (Retry-After) is a
 * floor, and up to a tenth more is added so that those who were refused together do not
 * come back together.
 */
#ifndef COMMON_MODEL_BACKOFF_H
#define COMMON_MODEL_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"
#include "common/model/job.h"

enum {
    BACKOFF_LEAST_MS = 50,
    BACKOFF_RETRY_AFTER_MOST_MS = 3600 * 1000,
    BACKOFF_DEFERRED_LEAST_MS = 500,
    BACKOFF_DEFERRED_FIRST_MS = 2000,
    BACKOFF_DEFERRED_MOST_MS = 60 * 1000,
};

/* `failures` that came before this one, `seed` any number that differs between jobs
 * (backoff_seed). */
int64_t backoff_ms(const struct kind *kind,
                   int failures,
                   uint64_t seed,
                   int64_t retry_after_ms);
uint64_t backoff_seed(struct span job_id, int failures);
/* The wait of a job whose neighbour is down: it burns no attempt. A kind that needs the
 * neighbour is `paused` meanwhile, so its jobs come back soon. Of another kind nobody
 * waits for anybody: its jobs come back ever more rarely, at least once a minute. */
int64_t backoff_deferred_ms(bool paused,
                            int deferrals,
                            uint64_t seed,
                            int64_t retry_after_ms);

#endif
