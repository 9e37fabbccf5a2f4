/* SPDX-License-Identifier: MIT
 *
 * settler - the one thread that tells Redis what came of jobs, and that this worker
 * lives.
 *
 * Owns:    its connection to Redis; attempts from settler_add until Redis has answered,
 *          then it takes them off the roster and frees them
 * Callers: slots (add), fetcher (asks whether it is behind), worker (opens, watches,
 *          closes)
 * Blocks:  settler_close up to the limit given
 * Order:   settler_open before the slots, settler_close after them
 * Faults:  NEVER when the settings do not let a connection be made
 *
 * What finishes within a millisecond is settled with one command, in batches and in the
 * order of settler_line.h. While that line is long nothing more is to be taken: what this
 * worker holds stays bounded, however slowly Redis settles. A settlement that cannot reach Redis stays in line and is sent again until
 * Redis either takes it or says that the lease is somebody else's; meanwhile the job is
 * still held, so nobody runs it a second time unless this worker is taken for dead.
 */
#ifndef WORKER_SETTLER_H
#define WORKER_SETTLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"

struct attempt;
struct bell;
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
/* Whether so much waits to be settled that no more should be taken, of every lane or of
 * the lane live. */
bool settler_is_behind(struct settler *settler, bool live);
/* `shortened` rings when that is so no more, after it was told. Borrowed until another one
 * is named; NULL names none. */
void settler_tell(struct settler *settler, struct bell *shortened);
/* When its loop last turned, monotonic: for the watchdog. */
int64_t settler_alive_ms(struct settler *settler);

#endif
