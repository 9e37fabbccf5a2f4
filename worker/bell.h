/* SPDX-License-Identifier: MIT
 *
 * bell - wakes a thread that waits for something to change, with a deadline.
 *
 * Owns:    its mutex and condition, from bell_init to bell_done
 * Callers: worker, any thread
 * Blocks:  bell_wait up to its limit
 * Order:   seen = bell_count(bell); look whether there is something to do; if not,
 *          bell_wait(bell, seen, ...). A ring between the two is not lost.
 */
#ifndef WORKER_BELL_H
#define WORKER_BELL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct bell {
    pthread_mutex_t mutex;
    pthread_cond_t rung;
    uint64_t count; /* how often it rang */
};

void bell_init(struct bell *bell);
void bell_done(struct bell *bell);
void bell_ring(struct bell *bell);
uint64_t bell_count(struct bell *bell);
/* True when it rang after `seen` was read, false when the limit passed without. */
bool bell_wait(struct bell *bell, uint64_t seen, int64_t limit_ms);

#endif
