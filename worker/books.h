/* SPDX-License-Identifier: MIT
 *
 * books - the two handlers that hold the books against Stripe's: one plans some days, the
 * other compares one amicale.
 *
 * Owns:    nothing
 * Callers: worker (the tables of handlers and of periods)
 * Blocks:  as handlers do
 * Faults:  as handlers'
 */
#ifndef WORKER_BOOKS_H
#define WORKER_BOOKS_H

#include "common/base/fault.h"

struct handled;
struct handling;

/* books.plan {"run": its name, "from": day, "to": day, "amicale_id": number or null}: a
 * period's, or asked for by hand. */
enum outcome handle_books_plan(struct handling *handling,
                               struct handled *out_handled,
                               struct fault *fault);
/* books.reconcile {"run": its name}: the rest stands in the row that the plan made. */
enum outcome handle_books_reconcile(struct handling *handling,
                                    struct handled *out_handled,
                                    struct fault *fault);

#endif
