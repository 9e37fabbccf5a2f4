/* SPDX-License-Identifier: MIT
 *
 * settler - the one thread that tells Redis what came of jobs, and that this worker
 * lives.
 *
 * Owns:    its connection to Redis; attempts from settler_add until Redis has answered,
 *          then it takes them off the roster and frees them
 * Callers: slots (add), worker (opens, watches, closes)
 * Blocks:  settler_close up to the limit given
 * Order:   settler_open before the slots, settler_close after them
 * Faults:  NEVER when the settings do not let a connection be made
 *
 * What finishes within a millisecond, at most SETTLE_MOST jobs, is settled with one
 * command. A settlement that cannot reach Redis stays in line and is sent again until
 * Redis either takes it or says that the lease is somebody else's; meanwhile the job is
 * still held, so nobody runs it a second time unless this worker is taken for dead.
 */
#ifndef WORKER_SETTLER_H
#define WORKER_SETTLER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"

struct attempt;
struct context;
struct roster;
struct settler;

MUST_USE enum outcome settler_open(const struct context *context,
                                   struct roster *roster,
                                   struct settler **out_settler,
                                   struct fault *fault);
/* Sends what is in line, for at most limit_ms, and ends the thread. Returns how many
 * could not be sent; they stay on the roster. NULL does nothing. */
size_t settler_stop(struct settler *settler, int64_t limit_ms);
void settler_close(struct settler *settler); /* after settler_stop; NULL does nothing */

/* The attempt is given. */
void settler_add(struct settler *settler, struct attempt *attempt);
/* When its loop last turned, monotonic: for the watchdog. */
int64_t settler_alive_ms(struct settler *settler);

#endif
