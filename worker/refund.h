/* SPDX-License-Identifier: MIT
 *
 * refund - the rows of refunds, and what they make of their payment's status.
 *
 * At API version 2024-06-20 Stripe also makes a refund of what was authorised and not
 * taken: of the rest when a part is captured, of everything when the payment is canceled.
 * That is a release: nothing was received that could be given back. It can be told from a
 * refund only once it is known what was received, that is when the payment has succeeded
 * or is canceled; until then no refund counts.
 *
 * Owns:    nothing; works inside the caller's transaction, with the payment's row locked:
 *          whoever touches a refund's row locks its payment's first
 * Callers: the appliers of payments, refunds and charges; apply
 * Blocks:  as long as MariaDB does
 * Faults:  as MariaDB's; NEVER when the refund lacks what it must have
 */
#ifndef WORKER_REFUND_H
#define WORKER_REFUND_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct cJSON;
struct event_work;
struct mirror_row;

/* The refund's row, in line with what is told (NULL: retrieve it) or was retrieved.
 * `payment` is NULL for a charge without a PaymentIntent. */
MUST_USE enum outcome refund_apply(struct event_work *work,
                                   struct span id,
                                   const struct cJSON *object,
                                   bool retrieved,
                                   const struct mirror_row *payment,
                                   struct fault *fault);
/* The same with the payment's row, which is found by what `named`, the refund as it was
 * told in whatever version, says; and what they make of one another. */
MUST_USE enum outcome refund_take(struct event_work *work,
                                  struct span id,
                                  const struct cJSON *named,
                                  const struct cJSON *told,
                                  struct fault *fault);
/* Which refund is a release, and from the others that succeeded amount_refunded and the
 * shown status of the payment. To be called whenever a row of either kind has changed. */
MUST_USE enum outcome refund_settle_payment(struct event_work *work,
                                            const struct mirror_row *payment,
                                            struct fault *fault);

#endif
