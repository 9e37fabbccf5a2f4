/* SPDX-License-Identifier: MIT
 *
 * webhook_ends - the two endpoints that Stripe sends events to: what is registered for
 * our url, and what is wrong with it.
 *
 * Owns:    nothing; texts live in the arena handed in
 * Callers: ctl
 * Blocks:  as Stripe does
 * Faults:  as common/link/stripe.h
 *
 * Both endpoints have the same url, and Stripe does not tell which of two is the Connect
 * endpoint. So each carries our metadata: tocsin_endpoint (platform or connect) from the
 * first, tocsin_secret (the mark of its secret) since the secret was put into its file.
 * One without the second was made by a run that did not come so far. Of one that somebody
 * else made, the mark is "unknown".
 */
#ifndef CTL_WEBHOOK_ENDS_H
#define CTL_WEBHOOK_ENDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct stripe;

enum webhook_end_place { END_PLATFORM, END_CONNECT, END_COUNT };

struct webhook_end {
    struct span id; /* empty: none is registered */
    struct span status;
    struct span api_version;
    struct span secret_mark; /* empty: none is known */
    struct span missing; /* types that it should be told of, "a, b"; empty: none */
    struct span extra; /* types that nobody handles */
    struct span double_id; /* another one that is enabled for the same; or empty */
    size_t types;
    bool has_all; /* enabled_events is "*" */
    bool livemode;
    bool is_ours; /* it carries our metadata */
    bool is_half_made; /* by a run that ended before its secret was in its file */
};

const char *webhook_ends_name(enum webhook_end_place place); /* "platform" */
/* How many types that place is to be told of. */
size_t webhook_ends_types(enum webhook_end_place place);

/* What is registered under that url; of several, one that is enabled, the newest. */
MUST_USE enum outcome webhook_ends_find(struct stripe *stripe,
                                        const char *url,
                                        struct arena *arena,
                                        struct webhook_end out_ends[END_COUNT],
                                        struct fault *fault);
/* Registers one. A lost answer is asked for again under the same key; *out_secret is what
 * Stripe shows this once. */
MUST_USE enum outcome webhook_ends_make(struct stripe *stripe,
                                        enum webhook_end_place place,
                                        const char *url,
                                        struct arena *arena,
                                        struct span *out_id,
                                        struct span *out_secret,
                                        struct fault *fault);
/* Enables it, for exactly the types of its place. */
MUST_USE enum outcome webhook_ends_mend(struct stripe *stripe,
                                        enum webhook_end_place place,
                                        const struct webhook_end *end,
                                        struct arena *arena,
                                        struct fault *fault);
/* Its secret is in its file. */
MUST_USE enum outcome webhook_ends_mark(struct stripe *stripe,
                                        struct span id,
                                        const char *secret_mark,
                                        struct arena *arena,
                                        struct fault *fault);
MUST_USE enum outcome webhook_ends_disable(struct stripe *stripe,
                                           struct span id,
                                           struct arena *arena,
                                           struct fault *fault);

#endif
