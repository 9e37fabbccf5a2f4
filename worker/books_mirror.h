/* SPDX-License-Identifier: MIT
 *
 * books_mirror - copies Stripe's balance transactions into our table, and finds out whose
 * sale each of them belongs to.
 *
 * Owns:    the rows of balance_transactions
 * Callers: handle_books_plan, handle_books_reconcile
 * Blocks:  as long as Stripe and MariaDB do, a page at a time
 * Order:   copy; attribute; stir
 * Faults:  as stripe_get's and MariaDB's; LATER when the list has no end
 *
 * A page is in memory at a time, and is written in one statement. What is copied again is
 * written over what was there, so a copy that was cut off is begun again from its start.
 */
#ifndef WORKER_BOOKS_MIRROR_H
#define WORKER_BOOKS_MIRROR_H

#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "worker/books_window.h"

struct handling;
struct stripe_answer;

/* Whose balance; an empty account is the platform. `run_id` is the run that is told of
 * each page. */
struct books_copy {
    struct span account;
    struct span type; /* of transactions; empty: all */
    struct books_window window;
    int64_t run_id;
};

/* out_refusal is filled on a NEVER with an HTTP status; it may be NULL. */
MUST_USE enum outcome books_mirror_copy(struct handling *handling,
                                        const struct books_copy *copy,
                                        struct stripe_answer *out_refusal,
                                        struct fault *fault);
/* Follows what Stripe names from each of the platform's transactions to its charge, or to
 * our own row when the charge was not copied. */
MUST_USE enum outcome books_mirror_attribute(struct handling *handling,
                                             struct books_window window,
                                             struct fault *fault);
/* Marks the transactions of what events since that moment tell of: our rows may not know
 * it yet. out_refusal: as above. */
MUST_USE enum outcome books_mirror_stir(struct handling *handling,
                                        struct span account,
                                        int64_t since_ms,
                                        struct stripe_answer *out_refusal,
                                        struct fault *fault);

#endif
