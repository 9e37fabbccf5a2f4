/* SPDX-License-Identifier: MIT
 *
 * account_row - the Stripe account of an amicale as callers of the front door are shown it.
 *
 * Owns:    nothing
 * Callers: api (reads), worker (answers)
 * Blocks:  as long as MariaDB does
 * Faults:  as MariaDB's
 *
 * One of amicale_id and account names the account: the amicale's id finds the account that
 * serves it now, acct_... also one that has left.
 */
#ifndef COMMON_LINK_ACCOUNT_ROW_H
#define COMMON_LINK_ACCOUNT_ROW_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct json_writer;
struct mariadb;
struct sql_rows;

enum {
    ACCOUNT_ROW_AMICALE, /* NULL: nobody knows whose it is */
    ACCOUNT_ROW_ACCOUNT, /* NULL: the amicale has none */
    ACCOUNT_ROW_CHARGES,
    ACCOUNT_ROW_PAYOUTS,
    ACCOUNT_ROW_ONBOARDED,
    ACCOUNT_ROW_REQUIREMENTS,
    ACCOUNT_ROW_SYNCED_AT,
};

/* At most one row; none: there is no such amicale, or no such account. `account` counts
 * when it is not empty. */
MUST_USE enum outcome account_row_find(struct mariadb *db,
                                       int64_t amicale_id,
                                       struct span account,
                                       struct arena *arena,
                                       struct sql_rows *out_rows,
                                       struct fault *fault);
/* amicale_id, stripe_account_id and the three flags: the caller adds what is its own. */
void account_row_put(struct json_writer *json, const struct sql_rows *rows);
/* The same with requirements and synced_at: the whole answer, in the arena. */
struct span account_row_status(const struct sql_rows *rows, struct arena *arena);

#endif
