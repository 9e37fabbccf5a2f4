/* SPDX-License-Identifier: MIT
 *
 * apply - brings our rows in line with an object that Stripe answered with, by the same
 * appliers as events: whichever of the answer and its webhooks comes first, the rows and
 * the mail that follows are the same.
 *
 * Owns:    its transactions
 * Callers: handlers of asked jobs, outside of any transaction
 * Blocks:  as long as MariaDB does, and Stripe when an object must be retrieved
 * Faults:  as the appliers'; a commit whose answer was lost is LATER
 *
 * `out_handled` is written from its beginning: the follow-ups (a receipt, a notice) that
 * the webhook would have too. Names that the queue knows change nothing.
 */
#ifndef WORKER_APPLY_H
#define WORKER_APPLY_H

#include "common/base/fault.h"
#include "common/base/text.h"

struct cJSON;
struct handled;
struct handling;

MUST_USE enum outcome apply_payment(struct handling *handling,
                                    const struct cJSON *payment_intent,
                                    struct handled *out_handled,
                                    struct fault *fault);
MUST_USE enum outcome apply_refund(struct handling *handling,
                                   const struct cJSON *refund,
                                   struct handled *out_handled,
                                   struct fault *fault);
/* `told` NULL: the account is retrieved. One that Stripe no longer shows us is marked as
 * having left. */
MUST_USE enum outcome apply_account(struct handling *handling,
                                    struct span account,
                                    const struct cJSON *told,
                                    struct fault *fault);

#endif
