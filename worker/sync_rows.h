/* SPDX-License-Identifier: MIT
 *
 * sync_rows - the rows of offline sales in cash and by cheque, written many at a time.
 *
 * Owns:    rows of payment_intents while they are made; what is there is never changed
 * Callers: handle_sync_sale.c, handle_sync_card.c, sync_*.c
 * Blocks:  as long as MariaDB does
 * Units:   amounts in cents of EUR
 * Order:   inside the caller's transaction
 * Faults:  as MariaDB's; NEVER SYNC_NO_OWNER when the pompier or the amicale is not there;
 *          LATER SYNC_OTHER_ROW when MariaDB answers with a row that is another sale's
 *
 * sync_rows_put says in one statement for many sales what their rows are: INSERT ... ON
 * DUPLICATE KEY UPDATE ... RETURNING gives for each sale the row that now is there
 * under its name (pompier_id, local_id), whoever made it. Whether the row was made now or
 * before makes no difference to the caller, so a job that runs again ends alike.
 *
 * Sales are given in the order of their names, so that two groups that hold the same ones
 * lock them in the same order; the locks of the unique keys stay until the commit.
 */
#ifndef WORKER_SYNC_ROWS_H
#define WORKER_SYNC_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/mariadb.h"

struct handling;
struct sale;

enum sync_fault { SYNC_NO_OWNER = 1, SYNC_WRONG_METHOD, SYNC_OTHER_ROW };

/* A sale's row as far as another one of its name is compared with it. */
struct sync_row {
    int64_t payment_id; /* 0: there is none */
    int64_t amount_minor;
    struct span method, currency, status, intent; /* in the arena */
    bool has_address; /* of the buyer */
    bool has_claims; /* conflicts that came before it: sync_conflict_claim */
};

/* Below 0, 0, above 0: by pompier, then by local_id. */
int sync_rows_order(const struct sale *a, const struct sale *b);

/* The rows of `count` sales, made where there were none; out_rows in the sales' order. */
MUST_USE enum outcome sync_rows_put(struct handling *handling,
                                    const struct sale *const *sales,
                                    size_t count,
                                    struct sync_row *out_rows,
                                    struct fault *fault);
/* The row of one sale, if there is one. */
MUST_USE enum outcome sync_rows_find(struct handling *handling,
                                     const struct sale *sale,
                                     struct sync_row *out_row,
                                     struct fault *fault);

/* The buyer's address as the row keeps it: sealed, or NULL. */
struct sql_value sync_rows_email(struct handling *handling, const struct sale *sale);
/* What came of a statement that names a sale's pompier and amicale: SYNC_NO_OWNER when it
 * was because of them. */
MUST_USE enum outcome sync_rows_blame(enum outcome outcome, struct fault *fault);

#endif
