/* SPDX-License-Identifier: MIT
 *
 * session_end - ends sessions: their rows, what Redis keeps of them, and in the memory of
 * every front door.
 *
 * Owns:    nothing; the connections are borrowed
 * Callers: worker, ctl
 * Blocks:  as MariaDB and Redis do
 * Order:   session_end_rows in the transaction that makes it necessary (a user disabled, a
 *          password changed); session_end_tell once that is committed
 * Faults:  as theirs. When telling fails the rows are gone all the same: front doors believe
 *          what they have read for a minute at most
 */
#ifndef COMMON_LINK_SESSION_END_H
#define COMMON_LINK_SESSION_END_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct mariadb;
struct redis;

/* What ended, for session_end_tell. */
struct session_ends {
    int64_t user_id;
    struct span *token_hashes; /* in the arena */
    size_t count;
};

/* Deletes all rows of the user. */
MUST_USE enum outcome session_end_rows(struct mariadb *db,
                                       int64_t user_id,
                                       struct arena *arena,
                                       struct session_ends *out_ends,
                                       struct fault *fault);
MUST_USE enum outcome session_end_tell(struct redis *redis,
                                       const struct session_ends *ends,
                                       struct arena *arena,
                                       struct fault *fault);
/* Of one token whose row is gone. */
MUST_USE enum outcome session_end_tell_token(struct redis *redis,
                                             struct span token_hash,
                                             struct arena *arena,
                                             struct fault *fault);

#endif
