/* SPDX-License-Identifier: MIT
 *
 * archive - copies dead jobs from Redis to MariaDB's jobs_archive.
 *
 * Owns:    nothing
 * Callers: janitor
 * Blocks:  a round trip to Redis, a transaction, and a round trip again
 * Faults:  as redis.h and mariadb.h; nothing is marked as archived unless it is committed
 */
#ifndef WORKER_ARCHIVE_H
#define WORKER_ARCHIVE_H

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/link/queue.h"

struct mariadb;
struct redis;

/* The next few; out_count is how many they were, 0 when all are archived. */
MUST_USE enum outcome archive_dead(struct redis *redis,
                                   struct mariadb *db,
                                   struct partition partition,
                                   struct arena *arena,
                                   size_t *out_count,
                                   struct fault *fault);

#endif
