/* SPDX-License-Identifier: MIT
 *
 * fetcher - the one thread that takes jobs from Redis, as many as there are idle slots.
 *
 * Owns:    its connection to Redis; attempts between the take and slots_give
 * Callers: worker
 * Blocks:  fetcher_stop up to a second and settings.redis.command_ms
 * Order:   fetcher_open after the slots and the settler, fetcher_stop before them
 * Faults:  NEVER when the settings do not let a connection be made
 *
 * With nothing to take it waits on the wake list, at most a second. While
 * slots are lacking (a kind fills its share, or the settler is behind) it waits for one to
 * become idle instead.
 * A job in quarantine is run alone: when take says that it is this worker's turn, the
 * fetcher takes nothing more, waits until this worker holds nothing, runs that one, and
 * goes on. Other workers go on taking meanwhile.
 */
#ifndef WORKER_FETCHER_H
#define WORKER_FETCHER_H

#include <stdint.h>

#include "common/base/fault.h"

struct context;
struct fetcher;
struct roster;
struct settler;
struct slots;

MUST_USE enum outcome fetcher_open(const struct context *context,
                                   struct roster *roster,
                                   struct settler *settler,
                                   struct slots *slots,
                                   struct fetcher **out_fetcher,
                                   struct fault *fault);
/* Takes no more and ends the thread. NULL does nothing. */
void fetcher_stop(struct fetcher *fetcher);
void fetcher_close(struct fetcher *fetcher); /* after fetcher_stop; NULL does nothing */
/* When its loop last turned, monotonic: for the watchdog. */
int64_t fetcher_alive_ms(struct fetcher *fetcher);

#endif
