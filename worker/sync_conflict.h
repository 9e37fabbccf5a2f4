/* SPDX-License-Identifier: MIT
 *
 * sync_conflict - an offline sale that is not what is known under its name: kept for the
 * operator, while what is known stays as it is.
 *
 * Owns:    rows of sync_conflicts
 * Callers: handle_sync_sale.c, handle_sync_card.c
 * Blocks:  as long as MariaDB does
 * Order:   inside the caller's transaction
 * Faults:  as MariaDB's; NEVER SYNC_NO_OWNER as in sync_rows.h
 *
 * One row for each (pompier_id, local_id, fingerprint of what was given, PaymentIntent
 * that was named), however often it comes. payment_id is the row that it is in conflict with, NULL while that one is on
 * its way: whoever makes it claims what waits for it. Two transactions at the same moment
 * may miss one another and leave it NULL; the sale's name still says which row it is.
 */
#ifndef WORKER_SYNC_CONFLICT_H
#define WORKER_SYNC_CONFLICT_H

#include <stdint.h>

#include "common/base/fault.h"

struct handling;
struct sale;
struct sync_row;

/* How a sale differs from its row, "other_method", "other_amount" or "other_currency";
 * NULL when it is the same one. */
const char *sync_conflict_kind(const struct sale *sale, const struct sync_row *row);

/* `payment_id` 0: none is there yet. */
MUST_USE enum outcome sync_conflict_open(struct handling *handling,
                                         const struct sale *sale,
                                         const char *kind,
                                         int64_t payment_id,
                                         struct fault *fault);
/* The conflicts that came before the sale's row get it, and what differs in truth. */
MUST_USE enum outcome sync_conflict_claim(struct handling *handling,
                                          const struct sale *sale,
                                          const struct sync_row *row,
                                          struct fault *fault);

#endif
