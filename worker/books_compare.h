/* SPDX-License-Identifier: MIT
 *
 * books_compare - holds the books of a run's amicale, or of none, against Stripe's.
 *
 * Owns:    the findings of reconciliation's kinds
 * Callers: handle_books_plan, handle_books_reconcile
 * Blocks:  as long as MariaDB does; as long as Stripe does for each row of ours that no
 *          balance transaction stands for
 * Order:   after the balance transactions were copied
 * Faults:  as MariaDB's and stripe_get's
 *
 * Differences become findings, and what is open and was not seen again is closed, as far
 * as it lies in what was compared. Nothing else is written: the books stay as they are.
 */
#ifndef WORKER_BOOKS_COMPARE_H
#define WORKER_BOOKS_COMPARE_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct books_run;
struct handling;

/* `payouts`: the account's own balance was copied too. out_totals: both sides' sums as
 * JSON, in the handling's arena. */
MUST_USE enum outcome books_compare(struct handling *handling,
                                    const struct books_run *run,
                                    bool payouts,
                                    struct span *out_totals,
                                    struct fault *fault);

#endif
