/* SPDX-License-Identifier: MIT
 *
 * books_find - what MariaDB knows of a name: events, payments, refunds, batches, runs ...
 *
 * Owns:    nothing; rows live in the run's arena
 * Callers: ctl (job)
 * Blocks:  as mariadb does
 * Faults:  as mariadb's; left in ctl->fault
 *
 * An offline sale is found by its local_id alone, and by its job's name,
 * sync:<pompier>:<local_id>, which tells it from others' with the same local_id.
 */
#ifndef CTL_BOOKS_FIND_H
#define CTL_BOOKS_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "ctl/show.h"

struct ctl;
struct sql_rows;

/* In the order in which a page shows them. */
enum book {
    BOOK_ARCHIVE,
    BOOK_EVENTS,
    BOOK_PAYMENTS,
    BOOK_REFUNDS,
    BOOK_DISPUTES,
    BOOK_PAYOUTS,
    BOOK_BALANCE,
    BOOK_ACCOUNTS,
    BOOK_RECEIPTS,
    BOOK_BATCHES,
    BOOK_CONFLICTS,
    BOOK_RUNS,
    BOOK_FINDINGS,
    BOOK_AUDIT,
    BOOK_COUNT,
};

enum { BOOK_MOST_ROWS = 50, BOOK_MOST_KEYS = 24 };

/* Each row once, by book. */
struct found {
    const struct sql_rows *rows[BOOK_COUNT][BOOK_MOST_ROWS];
    size_t at[BOOK_COUNT][BOOK_MOST_ROWS]; /* the row within them */
    size_t count[BOOK_COUNT];
};

const struct section *books_section(enum book book);
/* Adds what the book knows of the key to `found`. `is_given`: it is the name that was asked
 * for, and not one that goes with it; only then is it looked for as a local_id, and a
 * batch's sales are shown. */
MUST_USE enum outcome books_find(struct ctl *ctl,
                                 enum book book,
                                 struct span key,
                                 bool is_given,
                                 struct found *found);

#endif
