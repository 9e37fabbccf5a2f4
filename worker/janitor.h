/* SPDX-License-Identifier: MIT
 *
 * janitor - housekeeping: due retries, dead workers, old jobs, the archive of the dead,
 *           rows whose time is over.
 *
 * Owns:    its connections to Redis and MariaDB
 * Callers: worker
 * Blocks:  janitor_close up to a round trip of each
 * Faults:  NEVER when the settings do not let a connection be made
 *
 * Every worker has one for each duty, in a thread of its own: the queue does not wait for
 * a database that hangs. All that they do is safe to do twice. A dead job leaves Redis only
 * after it stands in jobs_archive.
 */
#ifndef WORKER_JANITOR_H
#define WORKER_JANITOR_H

#include "common/base/fault.h"

struct context;
struct janitor;

enum janitor_duty {
    JANITOR_QUEUE, /* sweeps and trims */
    JANITOR_ARCHIVE, /* copies the dead to MariaDB, and deletes there what expired */
};

MUST_USE enum outcome janitor_open(const struct context *context,
                                   enum janitor_duty duty,
                                   struct janitor **out_janitor,
                                   struct fault *fault);
void janitor_close(struct janitor *janitor); /* NULL does nothing */

#endif
