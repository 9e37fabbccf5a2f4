/* SPDX-License-Identifier: MIT
 *
 * account_ask - the Stripe account that an ask names: {"amicale_id":7} or
 * {"account":"acct_..."}.
 *
 * Owns:    nothing
 * Callers: handlers of asked jobs
 * Blocks:  as long as MariaDB does
 * Faults:  as MariaDB's
 */
#ifndef WORKER_ACCOUNT_ASK_H
#define WORKER_ACCOUNT_ASK_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/link/account_row.h"

struct answer;
struct asked;
struct sql_rows;

/* One row of account_row_find. Not found: out_answer says NOT_FOUND (also of another
 * amicale's) or ACCOUNT_MISSING. */
MUST_USE enum outcome account_ask_find(struct asked *asked,
                                       struct answer *out_answer,
                                       struct sql_rows *out_rows,
                                       bool *out_found,
                                       struct fault *fault);

#endif
