/* SPDX-License-Identifier: MIT
 *
 * expire - rows whose time is over go: sessions, Idempotency-Keys, and what tells that
 *          jobs of old periods were done.
 *
 * Owns:    nothing; the connection is borrowed
 * Callers: janitor
 * Blocks:  for three statements
 * Faults:  as MariaDB's
 *
 * A row whose time is over counts for nothing long before it goes; any number of workers
 * may do it at once.
 */
#ifndef WORKER_EXPIRE_H
#define WORKER_EXPIRE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"

struct mariadb;

enum { EXPIRE_MOST = 500 }; /* rows of each table in one call */

struct expired {
    int64_t sessions;
    int64_t idempotency_keys;
    int64_t periodic_runs;
};

MUST_USE enum outcome expire_rows(struct mariadb *db,
                                  int64_t now_ms,
                                  struct arena *arena,
                                  struct expired *out_expired,
                                  struct fault *fault);

#endif
