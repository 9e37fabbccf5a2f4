/* SPDX-License-Identifier: MIT
 *
 * retrieve - one object of the platform's, as Stripe shows it.
 *
 * Owns:    nothing
 * Callers: handlers, outside of any transaction
 * Blocks:  up to stripe.total_ms
 * Faults:  as stripe_get's: NEVER with out_answer->status when Stripe refuses to show it
 */
#ifndef WORKER_RETRIEVE_H
#define WORKER_RETRIEVE_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/stripe.h"

struct handling;

/* `collection` as in "/v1/refunds". out_answer->document is yours, json_free. */
MUST_USE enum outcome retrieve_object(struct handling *handling,
                                      const char *collection,
                                      struct span id,
                                      bool live,
                                      struct stripe_answer *out_answer,
                                      struct fault *fault);

#endif
