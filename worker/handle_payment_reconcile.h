/* SPDX-License-Identifier: MIT
 *
 * handle_payment_reconcile - what has been open too long is looked at, and moved forward.
 *
 * Owns:    payment_intents.synced_at: when a payment was last looked at here
 * Callers: the table of handlers; the table of periodic jobs (reconcile_plan)
 * Blocks:  as handlers do
 * Faults:  as handlers'
 *
 *   payments    open for longer than books.open_s, and neither looked at nor told of for
 *               so long, or for a quarter of their age; those made a posteriori, once the
 *               time to collect them has passed
 *   refunds     that are pending: the same
 *   accounts    that have not finished onboarding, hourly
 *
 * A look's job is named by its object and by when it was last looked at,
 * reconcile:pi_1:1764000000000, so a look that still waits is not asked for twice. Rows
 * that are open carry that moment in updated_at, which every event moves on as well.
 */
#ifndef WORKER_HANDLE_PAYMENT_RECONCILE_H
#define WORKER_HANDLE_PAYMENT_RECONCILE_H

#include "common/base/fault.h"

struct handled;
struct handling;

enum { RECONCILE_AT_ONCE = 100, RECONCILE_MOST_ROUNDS = 50 };

/* A handle_fn. */
enum outcome handle_payment_reconcile(struct handling *handling,
                                      struct handled *out_handled,
                                      struct fault *fault);
/* The period's work: makes a job of each look that is due, oldest first, at most
 * RECONCILE_MOST_ROUNDS times RECONCILE_AT_ONCE of each sort. */
enum outcome reconcile_plan(struct handling *handling,
                            struct handled *out_handled,
                            struct fault *fault);

#endif
