/* SPDX-License-Identifier: MIT
 *
 * janitor - housekeeping: due retries, dead workers, old jobs, the archive of the dead.
 *
 * Owns:    its connections to Redis and MariaDB
 * Callers: worker
 * Blocks:  janitor_close up to a round trip of each
 * Faults:  NEVER when the settings do not let a connection be made
 *
 * Every worker has one; all that they do is safe to do twice. A dead job leaves Redis
 * only after it stands in jobs_archive.
 */
#ifndef WORKER_JANITOR_H
#define WORKER_JANITOR_H

#include "common/base/fault.h"

struct context;
struct janitor;

MUST_USE enum outcome janitor_open(const struct context *context,
                                   struct janitor **out_janitor,
                                   struct fault *fault);
void janitor_close(struct janitor *janitor); /* NULL does nothing */

#endif
