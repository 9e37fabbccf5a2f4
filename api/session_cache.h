/* SPDX-License-Identifier: MIT
 *
 * session_cache - the sessions that one loop remembers, and the ends that it heard of
 * lately.
 *
 * Owns:    its entries: at most SESSION_CACHED, then the one that was longest without use
 *          goes
 * Callers: session; one thread
 * Blocks:  never
 * Units:   moments are wall time in milliseconds
 *
 * An end that is heard of while somebody else still reads the row, or has written what it
 * read to Redis, must win: what was read before the end is not believed for as long as such
 * a reading lives.
 */
#ifndef API_SESSION_CACHE_H
#define API_SESSION_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/digest.h"
#include "common/link/session_store.h"

struct session_cache;

enum {
    SESSION_CACHED = 16384,
    SESSION_BELIEVED_MS = 60000, /* what was read in MariaDB */
    SESSION_CLOCKS_MS = 2000, /* the clocks of two machines may differ by so much */
};

struct session_cache *session_cache_open(void);
void session_cache_close(struct session_cache *cache); /* NULL does nothing */

/* Whether what was read may still be believed at `now_ms`. `skew_ms`: how far the clock of
 * whoever read it may be from ours. */
bool session_cache_believes(const struct session_cache *cache,
                            const struct digest *token_hash,
                            const struct stored_session *session,
                            int64_t skew_ms,
                            int64_t now_ms);
/* What may be believed; NULL when there is nothing. Borrowed until the next call. */
const struct stored_session *session_cache_find(struct session_cache *cache,
                                                const struct digest *token_hash,
                                                int64_t now_ms);
void session_cache_put(struct session_cache *cache,
                       const struct digest *token_hash,
                       const struct stored_session *session);
/* It ended now. */
void session_cache_end(struct session_cache *cache,
                       const struct digest *token_hash,
                       int64_t now_ms);
void session_cache_end_user(struct session_cache *cache, int64_t user_id, int64_t now_ms);
/* Nothing that was read until now is believed. */
void session_cache_end_all(struct session_cache *cache, int64_t now_ms);
/* Whether nobody said so before: `period` is a number that grows. */
bool session_cache_is_first(struct session_cache *cache,
                            const struct digest *token_hash,
                            int64_t period);

#endif
