/* SPDX-License-Identifier: MIT
 *
 * perishable - makes something at Stripe that is worth something for a moment only: a
 * link, a token. Made twice it does no harm, so it has no row and is never looked for.
 *
 * Owns:    nothing
 * Callers: handlers of asked jobs
 * Blocks:  up to stripe.total_ms
 * Faults:  LATER when Stripe does not answer: the next attempt asks for another one
 *
 * Each call has an Idempotency-Key of its own: under the old one Stripe would repeat a
 * stored failure.
 */
#ifndef WORKER_PERISHABLE_H
#define WORKER_PERISHABLE_H

#include <stddef.h>

#include "common/base/fault.h"
#include "common/link/stripe.h"

struct asked;

/* out_made->document is yours; NULL when Stripe refused for good: the rest of out_made says
 * why. `turn` counts the calls of one attempt, from 0. */
MUST_USE enum outcome perishable_make(struct asked *asked,
                                      const char *path,
                                      const struct stripe_param *form,
                                      size_t count,
                                      int turn,
                                      struct stripe_answer *out_made,
                                      struct fault *fault);

#endif
