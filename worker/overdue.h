/* SPDX-License-Identifier: MIT
 *
 * overdue - payments and refunds whose rows have waited an hour for their object at
 * Stripe: a finding for each, closed once they wait no more.
 *
 * Owns:    the findings payment_overdue and refund_overdue; the connection is borrowed
 * Callers: janitor
 * Blocks:  for four statements, and one for each new finding
 * Faults:  as MariaDB's
 *
 * Whatever the cause, the row tells: Stripe is away, the job is dead, or Redis forgot it.
 * The subject is the row's job. Any number of workers may look at once: of two, both may
 * tell of the same finding.
 */
#ifndef WORKER_OVERDUE_H
#define WORKER_OVERDUE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct mariadb;

enum { OVERDUE_MOST = 100 }; /* new findings of one look; the next look finds the rest */

struct overdue_row {
    const char *finding; /* its kind */
    struct span job; /* in the arena */
    const char *reason; /* names the rows; in the arena */
};

struct overdue {
    struct overdue_row opened[OVERDUE_MOST];
    size_t opened_count;
    int64_t closed;
};

/* Whatever the outcome, *out_overdue is what was opened and closed until then. */
MUST_USE enum outcome overdue_look(struct mariadb *db,
                                   int64_t now_ms,
                                   struct arena *arena,
                                   struct overdue *out_overdue,
                                   struct fault *fault);

#endif
