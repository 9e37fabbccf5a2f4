/* SPDX-License-Identifier: MIT
 *
 * books_checks - what is held against what: the table of comparisons.
 *
 * Owns:    nothing
 * Callers: books_compare
 * Blocks:  never
 *
 * A row's statement selects differences, of one amicale or (NULL) of none, from a moment
 * until another, behind the id of the last one that was seen:
 *   STRIPES  what Stripe's balance transactions show, held against our rows
 *   OURS     rows of ours that no balance transaction stands for; Stripe is asked for the
 *            object before anything is said, since its money may have moved earlier or
 *            later than what was copied
 * One cause is one difference: rows stand in the order of causes, and a statement leaves
 * out what an open finding of an earlier row explains.
 */
#ifndef WORKER_BOOKS_CHECKS_H
#define WORKER_BOOKS_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

enum books_side { BOOKS_STRIPES, BOOKS_OURS };

/* The columns of each statement. Moments and the detail are text. */
enum books_column {
    BOOKS_ID, /* what the next page begins behind */
    BOOKS_SUBJECT,
    BOOKS_AMOUNT,
    BOOKS_CURRENCY,
    BOOKS_HAPPENED_AT,
    BOOKS_CHANGED_AT, /* our row; NULL: there is none */
    BOOKS_OBJECT, /* OURS: the id at Stripe, or NULL */
    BOOKS_STATUS, /* OURS: what Stripe should call it */
    BOOKS_ACCOUNT, /* OURS: whose object it is; empty: the platform's */
    BOOKS_DETAIL, /* a JSON object */
};
enum { BOOKS_PAGE = 500 };

struct books_check {
    const char *kind; /* of finding */
    enum books_side side;
    bool of_account; /* payouts: of the amicale's own balance, or the platform's */
    const char *select; /* amicale, from, to, id; OURS: livemode */
    const char *collection; /* OURS: where the object is, "/v1/refunds" */
    const char *other_kind; /* OURS: what it is when Stripe has it in another state */
};
extern const struct books_check books_checks[];
extern const size_t books_checks_count;

#endif
