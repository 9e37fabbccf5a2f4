/* SPDX-License-Identifier: MIT
 *
 * governor - keeps all workers together below Stripe's limit of calls a second.
 *
 * Owns:    nothing; the connection to Redis is borrowed
 * Callers: stripe; one thread at a time for each struct governor
 * Blocks:  for a round trip to Redis
 * Faults:  none: without Redis each slot paces itself, so that the slots of this process
 *          together stay below the rate
 * Units:   milliseconds
 */
#ifndef WORKER_GOVERNOR_H
#define WORKER_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

struct redis;
struct settings;

struct governor {
    struct redis *redis; /* NULL: no limit */
    int64_t rate_per_s;
    int64_t local_gap_ms; /* between two calls of a slot that is on its own */
    int64_t local_next_ms; /* monotonic: the next such call */
    int64_t ask_at_ms; /* monotonic: Redis is not asked before */
};

struct governor governor_make(const struct settings *settings, struct redis *redis);
/* Books one call. Returns how long to wait before making it; when that is more than
 * most_ms it is not booked. */
int64_t governor_book(struct governor *governor, bool live, int64_t most_ms);
/* Stripe said 429. */
void governor_refused(struct governor *governor);

#endif
