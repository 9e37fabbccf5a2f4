/* SPDX-License-Identifier: MIT
 *
 * session_store - a session as Redis keeps it for a minute, and the word that it ended.
 *
 * Owns:    nothing; pure. Commands and what is decoded live in the arena; texts in commands
 *          are borrowed
 * Callers: api (looks up and keeps), worker and ctl (end sessions, by session_end.h)
 * Blocks:  never
 * Units:   moments are wall time in milliseconds
 * Faults:  NEVER when what Redis had is not what session_store_put wrote
 *
 * MariaDB's row is the truth. Redis has what a front door read in it, sealed, at
 * {tocsin}:session:<hash>; the hash is the hex SHA-256 of the token. Whoever ends a session
 * deletes its row, then its key, and then says so on the channel {tocsin}:ended:
 *
 *   token <hash>
 *   user <id>           all sessions of that user
 */
#ifndef COMMON_LINK_SESSION_STORE_H
#define COMMON_LINK_SESSION_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/reply.h"
#include "common/model/role.h"

struct seal_ring;

#define SESSION_STORE_ENDED "{tocsin}:ended"

enum session_store_fault { SESSION_STORE_UNREADABLE = 1 };

struct stored_session {
    int64_t user_id;
    enum role role;
    int64_t amicale_id; /* 0: none */
    int64_t expires_ms;
    int64_t read_ms; /* when MariaDB was asked for it */
};

struct command session_store_get(struct arena *arena, struct span token_hash);
/* Kept for keep_ms. */
struct command session_store_put(struct arena *arena,
                                 const struct seal_ring *ring,
                                 struct span token_hash,
                                 const struct stored_session *session,
                                 int64_t keep_ms);
/* A reply of get. *out_found is false when Redis has none. */
MUST_USE enum outcome session_store_read(const struct reply *reply,
                                         const struct seal_ring *ring,
                                         struct span token_hash,
                                         struct arena *arena,
                                         bool *out_found,
                                         struct stored_session *out_session,
                                         struct fault *fault);

/* The key of each goes. At least one. */
struct command session_store_delete(struct arena *arena,
                                    const struct span *token_hashes,
                                    size_t count);
struct command session_store_tell_token(struct arena *arena, struct span token_hash);
struct command session_store_tell_user(struct arena *arena, int64_t user_id);

/* What a message on the channel says. */
struct session_ended {
    struct span token_hash; /* empty: all of a user's */
    int64_t user_id;
};
/* False when it is none of ours. */
bool session_store_hear(struct span message, struct session_ended *out_ended);

#endif
