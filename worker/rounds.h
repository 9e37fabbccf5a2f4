/* SPDX-License-Identifier: MIT
 *
 * rounds - a thread that makes one round after another, and waits in between.
 *
 * Owns:    the thread, from rounds_start to rounds_stop
 * Callers: janitor, planner
 * Blocks:  rounds_stop until a round that has begun ends
 * Order:   fill the first fields; rounds_start; rounds_stop, which is safe without a start
 * Faults:  NEVER when there is no thread
 */
#ifndef WORKER_ROUNDS_H
#define WORKER_ROUNDS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "worker/bell.h"
#include "worker/outage.h"

struct clock;

/* Says how long the wait until the next round may be. After a fault it is the outage's. */
typedef enum outcome (*round_fn)(void *owner, int64_t *out_wait_ms, struct fault *fault);

struct rounds {
    const struct clock *clock;
    struct outage outage; /* who makes them, and what is away when one fails */
    round_fn round;
    void *owner;

    pthread_t thread;
    bool started;
    struct bell bell; /* rings to stop */
    _Atomic bool stopping;
};

MUST_USE enum outcome rounds_start(struct rounds *rounds, struct fault *fault);
void rounds_stop(struct rounds *rounds);

#endif
