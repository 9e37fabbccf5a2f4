/* SPDX-License-Identifier: MIT
 *
 * session - who a request comes from: its token, looked up in memory, Redis and MariaDB.
 *
 * Owns:    nothing; each loop remembers sessions in a cache of its own (session_cache.h)
 * Callers: dispatch (the gate), subscriber (ends), the routes of login and logout
 * Blocks:  never
 * Units:   moments are wall time in milliseconds
 *
 * The token is 256 random bits, in base64url; only its SHA-256 is ever kept. It comes as
 * Authorization: Bearer, or as the cookie `tocsin_session`. What MariaDB said is believed
 * for SESSION_BELIEVED_MS, in memory and (sealed) in Redis; a session that ended is
 * published, and forgotten at once by whoever hears it. That there is none is asked anew
 * each time: of one address FLOODS_TOKENS such tokens at once, apart from those that were
 * let in here before (floods.h).
 */
#ifndef API_SESSION_H
#define API_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"
#include "common/model/role.h"

struct loop;
struct request;

enum { SESSION_HASH_BYTES = 64 + 1 };

struct session {
    int64_t user_id;
    enum role role;
    int64_t amicale_id; /* 0: none */
    int64_t expires_ms;
    char token_hash[SESSION_HASH_BYTES]; /* hex */
    bool from_cookie;
};

/* Whether the amicale's things are theirs to see: their own's, or any when their role
 * belongs to none. */
static inline bool session_may_see(const struct session *session, int64_t amicale_id)
{
    return !role_has_amicale(session->role) || session->amicale_id == amicale_id;
}

/* Finds out who it is and calls `next` with request->session set, now or later; answers
 * 401 (no session, or an ended one), 403 (a write with a cookie from a foreign page), 429
 * (too many tokens of its address are looked for) or 503 (nobody could be asked) itself. */
void session_find(struct request *request, void (*next)(struct request *request));
/* Of one token, or of all of a user's. */
void session_forget(struct loop *loop, struct span token_hash);
void session_forget_user(struct loop *loop, int64_t user_id);
/* A message on SESSION_STORE_ENDED; or messages may have been missed, and everything is
 * asked anew. */
void session_hear(struct loop *loop, struct span message);
void session_missed(struct loop *loop);

/* The routes. */
void session_login(struct request *request); /* POST /api/login */
void session_logout(struct request *request); /* POST /api/logout */
void session_show(struct request *request); /* GET /api/session */

#endif
