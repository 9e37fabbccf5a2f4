/* SPDX-License-Identifier: MIT
 *
 * overdue - payments and refunds whose rows have waited an hour for their object at
 * Stripe: a finding for each, closed once they wait no more.
 *
 * Owns:    the findings payment_overdue and refund_overdue; the connection is borrowed
 * Callers: janitor
 * Blocks:  for four statements
 * Faults:  as MariaDB's
 *
 * Whatever the cause, the row tells: Stripe is away, the job is dead, or Redis forgot it.
 * The subject is the row's job. Any number of workers may look at once.
 */
#ifndef WORKER_OVERDUE_H
#define WORKER_OVERDUE_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"

struct mariadb;

/* Findings of this look, of payments and refunds together. */
struct overdue {
    int64_t opened;
    int64_t closed;
};

MUST_USE enum outcome overdue_look(struct mariadb *db,
                                   int64_t now_ms,
                                   struct arena *arena,
                                   struct overdue *out_overdue,
                                   struct fault *fault);

#endif
