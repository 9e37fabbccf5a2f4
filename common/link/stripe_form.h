/* SPDX-License-Identifier: MIT
 *
 * stripe_form - parameters as Stripe's API wants them: name=value&name=value.
 *
 * Owns:    nothing; pure
 * Callers: stripe, tests
 * Blocks:  never
 */
#ifndef WORKER_STRIPE_FORM_H
#define WORKER_STRIPE_FORM_H

#include <stddef.h>

#include "common/base/text.h"
#include "common/link/stripe.h"

/* Names go as they stand ("metadata[pompier_id]", "expand[0]"), values percent-encoded
 * but for the unreserved characters of RFC 3986. Nothing is written for no parameters. */
void stripe_form_encode(const struct stripe_param *params,
                        size_t count,
                        struct text *out);

#endif
