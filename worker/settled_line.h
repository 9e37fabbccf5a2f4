/* SPDX-License-Identifier: MIT
 *
 * settled_line - the one line of the log that a settled job gets, with everything in it.
 *
 * Owns:    nothing
 * Callers: settler
 * Blocks:  as the log does
 */
#ifndef WORKER_SETTLED_LINE_H
#define WORKER_SETTLED_LINE_H

#include <stdint.h>

#include "common/link/queue.h"

struct attempt;

/* info when it was recorded, error when the job is dead now, warning when the token was
 * stale: somebody else has the job, and what this attempt did was for nothing. */
void settled_line(const struct attempt *attempt, struct settled settled, int64_t now_ms);

#endif
