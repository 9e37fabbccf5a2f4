/* SPDX-License-Identifier: MIT
 *
 * ask - the payload of a job that a caller of the front door asked for: who asks, and
 * what.
 *
 * Owns:    nothing; what is decoded lives in the arena
 * Callers: api (encode), worker (decode)
 * Blocks:  never
 * Units:   moments are wall time in milliseconds
 * Faults:  NEVER when the payload is not what ask_encode writes
 *
 * Such a job is named <kind>:<user>:<name>, so that whose it is stands in its name; <user>
 * is "-" before anybody is known (a login). <name> is 32 hex digits: of the request's
 * Idempotency-Key (SHA-256, cut), or random without one. What a worker answers is an
 * answer (common/model/answer.h).
 */
#ifndef COMMON_MODEL_ASK_H
#define COMMON_MODEL_ASK_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/model/role.h"

enum ask_fault { ASK_UNREADABLE = 1 };

struct ask {
    int64_t user_id; /* 0: nobody yet */
    enum role role; /* as the session has it; counts when user_id does */
    int64_t amicale_id; /* 0: none */
    struct span request_id; /* of the HTTP request, for logs */
    struct span idempotency_key; /* as the caller sent it; empty: none */
    struct span mac; /* with a key: fingerprint of route and body, 64 hex digits */
    int64_t at_ms; /* when it came */
    int64_t until_ms; /* nobody wants the answer afterwards: do nothing; 0: for ever */
    struct span body; /* a JSON object: the checked fields and the path's parameters */
};

struct span ask_encode(const struct ask *ask, struct arena *arena);
MUST_USE enum outcome ask_decode(struct span payload,
                                 struct arena *arena,
                                 struct ask *out_ask,
                                 struct fault *fault);
/* The user in a job's name; 0 when it is not somebody's. */
int64_t ask_owner(struct span job_id);

#endif
