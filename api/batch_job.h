/* SPDX-License-Identifier: MIT
 *
 * batch_job - the job sync.batch in Redis: what is known of a batch whose row is not
 * written yet.
 *
 * Owns:    nothing; what is found lives in the request's arena
 * Callers: sync, batches; on the loop
 * Blocks:  never
 * Faults:  as redis_async's
 */
#ifndef API_BATCH_JOB_H
#define API_BATCH_JOB_H

#include "common/base/fault.h"
#include "common/base/text.h"

struct request;

/* `sealed` is its payload; empty: Redis has no such job. */
typedef void (*batch_job_fn)(struct request *request,
                             void *context,
                             enum outcome outcome,
                             struct span sealed,
                             const struct fault *fault);

/* Of the request's user. The answer may come from within, when Redis is away. */
void batch_job_find(struct request *request,
                    struct span batch_id,
                    batch_job_fn found,
                    void *context);

#endif
