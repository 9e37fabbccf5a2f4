/* SPDX-License-Identifier: MIT
 *
 * ingest - takes the jobs that arrive in one turn of a loop to Redis in one command.
 *
 * Owns:    the jobs that wait for the turn's end, and the batches in flight
 * Callers: handlers of the same loop
 * Blocks:  never
 * Faults:  LATER when Redis is away; UNSURE when it did not answer in time: the job may
 *          be in the queue. Either way the caller says so to its client, who comes again;
 *          the job's name keeps it from being there twice.
 *
 * Each partition has its own batch. A batch goes at once when it is full, else at the end
 * of the turn, so that a lone event does not wait for company.
 */
#ifndef API_INGEST_H
#define API_INGEST_H

#include <stddef.h>

#include "common/base/fault.h"
#include "common/link/queue.h"

struct counters;
struct event_base;
struct ingest;
struct redis_async;
struct settings;

enum { INGEST_MOST_JOBS = ENQUEUE_MOST_JOBS, INGEST_MOST_BYTES = 512 * 1024 };

/* `verdict` counts on DONE, `fault` otherwise. */
typedef void (*ingest_answer_fn)(void *context,
                                 enum outcome outcome,
                                 enum enqueue_verdict verdict,
                                 const struct fault *fault);

/* Everything given is borrowed until ingest_close. */
struct ingest *ingest_open(struct event_base *base,
                           const struct settings *settings,
                           struct redis_async *redis,
                           struct counters *counters);
/* After redis_async_close, which answers what is in flight. NULL does nothing. */
void ingest_close(struct ingest *ingest);

/* What the job points to is borrowed until the callback, which is called exactly once,
 * possibly from within. */
void ingest_add(struct ingest *ingest,
                const struct job_new *job,
                ingest_answer_fn answer,
                void *context);

#endif
