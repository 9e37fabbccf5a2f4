/* SPDX-License-Identifier: MIT
 *
 * limits - how often somebody may do something: one table, one Lua script (GCRA).
 *
 * Owns:    nothing; the counts are in Redis (common/link/limit.h)
 * Callers: asking, handlers
 * Blocks:  never
 *
 * A limit allows `burst` at once and refills one each `period_ms / burst`. A charge can be
 * given back (a login that was right, a request that came again). Answers of limited
 * routes carry RateLimit and RateLimit-Policy
 * (draft-ietf-httpapi-ratelimit-headers); a refusal is 429 with Retry-After too.
 *
 * When Redis does not answer, a charge is allowed: what would be limited needs Redis in
 * its next step anyway, or only reads.
 */
#ifndef API_LIMITS_H
#define API_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

struct request;

enum limit {
    LIMIT_NONE,
    LIMIT_LOGIN_ACCOUNT, /* wrong passwords of an account from an address */
    LIMIT_LOGIN_ADDRESS, /* wrong passwords from an address */
    LIMIT_INTENTS, /* payment.create of a user */
    LIMIT_DEVICES, /* checks of devices from an address */
    LIMIT_OFFLINE, /* sales that a user hands over; of sync.user_most at once */
    LIMIT_STRIPE, /* what calls Stripe anew each time a user asks: tokens, links, looks */
};
enum { LIMITS = LIMIT_STRIPE + 1 };

struct limit_state {
    bool allowed;
    int64_t remaining; /* charges left now; -1: Redis did not say */
    int64_t retry_after_ms; /* of a refusal */
    int64_t reset_ms; /* until it is as if nothing had been charged */
};
/* On the request's loop; from within the call when Redis is away. */
typedef void (*limit_answer_fn)(struct request *request,
                                const struct limit_state *state,
                                void *context);

/* `who` is charged once. The caller's last act: the request may be answered behind it. */
void limits_charge(struct request *request,
                   enum limit limit,
                   struct span who,
                   limit_answer_fn answer,
                   void *context);
/* The same, so many times at once. */
void limits_charge_many(struct request *request,
                        enum limit limit,
                        struct span who,
                        int64_t charges,
                        limit_answer_fn answer,
                        void *context);
/* Nobody waits for it. */
void limits_give_back(struct request *request, enum limit limit, struct span who);
/* Some of what was charged. `state` is what the charge left, and then what this leaves;
 * when Redis did not say, nothing is given back. */
void limits_give_back_many(struct request *request,
                           enum limit limit,
                           struct span who,
                           int64_t charges,
                           struct limit_state *state);
/* The header lines of a limit's state; empty when Redis did not say. */
struct span limits_headers(struct request *request,
                           enum limit limit,
                           const struct limit_state *state);
/* 429 with its headers: the request is answered. */
void limits_refuse(struct request *request,
                   enum limit limit,
                   const struct limit_state *state);
/* Who an address is to a limit: an IPv4 address, the /64 of an IPv6 one. */
struct span limits_address(struct request *request);

#endif
