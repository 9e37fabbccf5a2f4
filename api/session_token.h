/* SPDX-License-Identifier: MIT
 *
 * session_token - the token that a request carries, and whether a page of somebody else's
 * sent it.
 *
 * Owns:    nothing
 * Callers: session
 * Blocks:  never
 *
 * The token is 256 random bits in base64url without padding. Authorization: Bearer goes
 * before the cookie `tocsin_session`.
 */
#ifndef API_SESSION_TOKEN_H
#define API_SESSION_TOKEN_H

#include <stdbool.h>

#include "common/base/digest.h"
#include "common/base/text.h"

struct request;

enum { SESSION_TOKEN_BYTES = 43 + 1 };

enum session_token { SESSION_TOKEN_NONE, SESSION_TOKEN_BAD, SESSION_TOKEN_THERE };

/* Its SHA-256 when it is there. */
enum session_token session_token_find(const struct request *request,
                                      struct digest *out_hash,
                                      bool *out_from_cookie);
/* Whether the request changes something and comes from a page that is not ours, not of an
 * origin in api.cors_origins, and so may use the cookie behind its owner's back. */
bool session_is_cross_site(const struct request *request);
/* A new one, and its hash. Wipe it. */
void session_token_make(char out[SESSION_TOKEN_BYTES], struct digest *out_hash);

/* The parts, for tests. */
struct span session_cookie_find(struct span cookies);
bool session_is_own_origin(struct span origin, struct span host, bool secure);

#endif
