/* SPDX-License-Identifier: MIT
 *
 * stripe - the client for Stripe's API (version 2024-06-20), one for each slot.
 *
 * Owns:    one curl easy handle, whose connection is kept between calls
 * Callers: worker (handlers), ctl; one thread at a time
 * Blocks:  up to stripe.total_ms a call, retries included, the governor's wait too
 * Faults:  LATER with neighbour "stripe" when Stripe cannot be reached (nothing was
 *          sent), does not answer a read or answers it with 5xx, and on 401: a refused
 *          key is the operator's to mend, and no job should die of it; LATER without one
 *          on 409, 429 (retry_after_ms), and when Stripe-Should-Retry is true; NEVER on
 *          other 4xx, with Stripe's type, code and message in the text; UNSURE when a
 *          POST was sent and its answer is lost, or was a 5xx: read back before repeating
 *
 * Retries inside a call (docs.stripe.com/error-low-level): Stripe-Should-Retry: true,
 * else connection errors, 409, 429 and >= 500, at most twice, under the same
 * Idempotency-Key. After a 500 to a POST it does not repeat: Stripe replays the stored
 * 500 under its key.
 */
#ifndef WORKER_STRIPE_H
#define WORKER_STRIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct cJSON;
struct redis;
struct settings;
struct stripe;

enum stripe_fault {
    STRIPE_UNREACHABLE = 1,
    STRIPE_LOST_ANSWER,
    STRIPE_BAD_ANSWER, /* not JSON, too large */
    STRIPE_BAD_KEY, /* of the other mode than stripe.livemode */
    /* from 400 up: the HTTP status */
};

#define STRIPE_VERSION "2024-06-20"

/* What Stripe answered. */
struct stripe_answer {
    long status;
    struct cJSON *document; /* yours: json_free */
    struct span request_id; /* in the arena; of the last try */
    /* of an error object, in the arena; empty when Stripe named none */
    struct span error_type, error_code, decline_code, error_param, error_message;
};

/* A parameter of a form: "metadata[pompier_id]" = "7". Names are sent as they stand,
 * values percent-encoded as UTF-8. */
struct stripe_param {
    const char *name;
    struct span value;
};

/* `redis` is for the governor and is borrowed; NULL switches the governor off (tests). */
MUST_USE enum outcome stripe_open(const struct settings *settings,
                                  struct redis *redis,
                                  struct stripe **out_stripe,
                                  struct fault *fault);
void stripe_close(struct stripe *stripe); /* NULL does nothing */

/* `path` as "/v1/payment_intents/pi_1"; `account` is sent as Stripe-Account unless empty;
 * `live` calls go before others at the governor. On NEVER with an HTTP status the answer
 * is filled too, apart from the document. */
MUST_USE enum outcome stripe_get(struct stripe *stripe,
                                 const char *path,
                                 const struct stripe_param *query,
                                 size_t count,
                                 struct span account,
                                 bool live,
                                 struct arena *arena,
                                 struct stripe_answer *out_answer,
                                 struct fault *fault);
MUST_USE enum outcome stripe_post(struct stripe *stripe,
                                  const char *path,
                                  const struct stripe_param *form,
                                  size_t count,
                                  struct span account,
                                  struct span idempotency_key,
                                  bool live,
                                  struct arena *arena,
                                  struct stripe_answer *out_answer,
                                  struct fault *fault);

#endif
