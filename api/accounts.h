/* SPDX-License-Identifier: MIT
 *
 * accounts - which amicale a Stripe account belongs to, from MariaDB's stripe_accounts.
 *
 * Owns:    a thread, its connection as the user who may only SELECT, and the table it
 *          last read
 * Callers: handlers of any loop
 * Blocks:  never, apart from closing
 * Order:   accounts_open, accounts_start, accounts_close
 *
 * The table is read anew every few seconds; a reader gets it whole, as it was at one
 * moment. When MariaDB is away the last one stays in use.
 */
#ifndef API_ACCOUNTS_H
#define API_ACCOUNTS_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct accounts;
struct clock;
struct settings;

enum { ACCOUNTS_TENANT_BYTES = 24 };

MUST_USE enum outcome accounts_open(const struct settings *settings,
                                    const struct clock *clock,
                                    struct accounts **out_accounts,
                                    struct fault *fault);
void accounts_start(struct accounts *accounts); /* its thread */
/* Whether its thread has ended; else what it uses must stay. NULL does nothing. */
MUST_USE bool accounts_close(struct accounts *accounts);
/* The amicale's id in decimal; empty when the account is not known. */
struct span accounts_find(struct accounts *accounts,
                          struct span account,
                          char out[ACCOUNTS_TENANT_BYTES]);
/* Whether MariaDB answered the last time, and lately. */
bool accounts_is_fresh(struct accounts *accounts);

#endif
