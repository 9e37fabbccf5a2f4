/* SPDX-License-Identifier: MIT
 *
 * worker - the hands of Tocsin put together: fetcher, slots, settler, janitor.
 *
 * Owns:    all threads and connections of the process, the key rings
 * Callers: program.c
 * Blocks:  worker_run until a signal ends it
 * Order:   worker_block_signals before any thread; worker_open, worker_run, worker_close
 * Faults:  NEVER when a setting or a file that it names is wrong; a neighbour that is
 *          away is no fault: the worker waits for it
 *
 * Leaving (SIGTERM, SIGINT): take no more, finish what runs for up to worker.drain_ms,
 * tell Redis, give back the rest, forget the worker. A second signal ends the waiting.
 *
 * A handler that has been running for WORKER_MOST_LIMITS times its kind's limit will not
 * come back, and a thread cannot be taken from it. The worker then leaves with status
 * WORKER_STUCK, without giving that job back, so that it counts as crashed; whoever
 * supervises the process starts it again with all its slots.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stddef.h>

#include "common/base/fault.h"

enum { WORKER_MOST_LIMITS = 10, WORKER_STUCK = 70 };

struct handler;
struct kind;
struct seal_ring;
struct settings;
struct worker;

/* Which kinds the worker takes, and who handles them; borrowed. */
struct worker_options {
    const struct kind *kinds;
    size_t kind_count;
    const struct handler *handlers;
    size_t handler_count;
};

/* Signals are read by worker_run alone; every thread inherits that. */
void worker_block_signals(void);
/* The rings are yours: seal_close, the first also when the second fails. */
MUST_USE enum outcome worker_open_rings(const struct settings *settings,
                                        struct seal_ring **out_ring,
                                        struct seal_ring **out_pii,
                                        struct fault *fault);
/* Whether worker_open would find every file that it reads good; touches no neighbour. */
MUST_USE enum outcome worker_check(const struct settings *settings, struct fault *fault);
MUST_USE enum outcome worker_open(const struct settings *settings,
                                  const struct worker_options *options,
                                  struct worker **out_worker,
                                  struct fault *fault);
/* Works until it is told to leave, and returns the exit status. */
int worker_run(struct worker *worker);
void worker_close(struct worker *worker); /* NULL does nothing */

#endif
