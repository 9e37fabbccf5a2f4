/* SPDX-License-Identifier: MIT
 *
 * stripe_answer - what an answer of Stripe means: done, repeat it, try later, never.
 *
 * Owns:    nothing; pure
 * Callers: stripe, tests
 * Blocks:  never
 * Units:   milliseconds
 *
 * The rules stand in docs.stripe.com/error-low-level and in stripe.h.
 */
#ifndef WORKER_STRIPE_ANSWER_H
#define WORKER_STRIPE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/stripe.h"

enum { STRIPE_MOST_TRIES = 3, STRIPE_REQUEST_ID_BYTES = 100 };

enum stripe_method { STRIPE_READ, STRIPE_WRITE };

enum stripe_wish { STRIPE_WISH_NONE, STRIPE_WISH_RETRY, STRIPE_WISH_NO_RETRY };

/* How one try ended, as far as HTTP tells. */
struct stripe_try {
    long status; /* 0: no whole answer came */
    bool sent; /* the request, or a part of it, left */
    bool garbled; /* an answer came that is not JSON, or too large */
    enum stripe_wish wish; /* Stripe-Should-Retry */
    int64_t retry_after_ms; /* Retry-After; 0: none */
    char request_id[STRIPE_REQUEST_ID_BYTES];
    const char *detail; /* of a try without an answer: what the network said; else NULL */
};

/* Takes over what one header line says. */
void stripe_answer_header(struct stripe_try *attempt, struct span line);
/* Whether the same request should go out again in this call; `tries` were made. */
bool stripe_answer_repeats(const struct stripe_try *attempt,
                           enum stripe_method method,
                           int tries);
/* How long before that: half a second, doubled with each try, or what Stripe asked for.
 * `random` is any number. */
int64_t stripe_answer_wait_ms(const struct stripe_try *attempt,
                              int tries,
                              uint32_t random);
/* The error object's fields, copied into the arena; empty where there is none. */
void stripe_answer_error(const struct cJSON *document,
                         struct arena *arena,
                         struct stripe_answer *answer);
/* The last word on a call whose last try this was. */
MUST_USE enum outcome stripe_answer_judge(const struct stripe_try *attempt,
                                          enum stripe_method method,
                                          const struct stripe_answer *answer,
                                          struct fault *fault);
/* A 429 of the rate limit, not of an object that somebody else has locked. */
bool stripe_answer_is_rate_limit(const struct stripe_try *attempt,
                                 const struct stripe_answer *answer);

#endif
