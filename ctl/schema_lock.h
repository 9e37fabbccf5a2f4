/* SPDX-License-Identifier: MIT
 *
 * schema_lock - one migrate at a time, over all machines: a row with an expiry.
 *
 * Owns:    a connection and a thread that renews the row, from take to give
 * Callers: ctl (migrate)
 * Blocks:  take waits for another's lock, as long as it is told
 * Order:   schema_lock_take; schema_lock_give on every way out
 * Faults:  as mariadb's
 *
 * GET_LOCK() would be per node on a Galera cluster. The row names its holder, runs out by
 * itself when the holder dies, and carries a token by which every step of the holder
 * proves that the lock is still its own.
 */
#ifndef CTL_SCHEMA_LOCK_H
#define CTL_SCHEMA_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct arena;
struct mariadb;
struct schema_lock;
struct settings;

enum { SCHEMA_LOCK_S = 30, SCHEMA_LOCK_TOKEN_BYTES = 33 };

/* *out_lock is NULL when another holds it and did not give it back within wait_ms;
 * *out_holder then says who. The table is there already. */
MUST_USE enum outcome schema_lock_take(const struct settings *settings,
                                       struct mariadb *db,
                                       struct span who,
                                       int64_t wait_ms,
                                       struct arena *arena,
                                       struct schema_lock **out_lock,
                                       struct span *out_holder,
                                       struct fault *fault);
struct span schema_lock_token(const struct schema_lock *lock);
void schema_lock_give(struct schema_lock *lock, struct mariadb *db); /* NULL: nothing */

#endif
