/* SPDX-License-Identifier: MIT
 *
 * balance - what moves on the balances of the platform and of its connected accounts:
 * each movement is a balance transaction, on the balance where Stripe books it.
 *
 * Owns:    nothing; balance transactions live in the store
 * Callers: payments.c, refunds.c, transfers.c, disputes.c and payouts.c book; the route
 *          table shows
 * Blocks:  never
 * Units:   amounts in the currency's minor unit; seconds since 1970
 *
 * A destination charge of 10.00 with an application fee of 1.00 books, in this order:
 *
 *     platform   charge           +10.00, fee 0.40 (Stripe's)    source ch_
 *     platform   transfer         -10.00                         source tr_
 *     account    payment          +10.00, fee 1.00 (ours)        source py_
 *     platform   application_fee   +1.00                         source fee_
 *
 * Stripe's fee is 1.5 % and 25 cents, half a cent rounded up; a refund does not give it
 * back. What a partial capture leaves is two transactions: the charge of everything that
 * was authorised, and a refund of the rest, whose reporting category is
 * partial_capture_reversal. A refund of an application fee is an adjustment of the
 * category fee on the connected account. Sources:
 *     https://docs.stripe.com/reports/reporting-categories
 *     https://docs.stripe.com/reports/balance-transaction-types
 *     https://github.com/stripe/stripe-python/issues/124 (a fee given back is no part of
 *     the refund's own fees)
 * A dispute takes its amount and a fee of 15.00 in one adjustment; when it is won both
 * come back in another, which was so until June 2025:
 *     https://support.stripe.com/questions/dispute-fees-faq
 * What is authorised and not captured, and what is released, books nothing.
 */
#ifndef TESTS_STRIPESIM_BALANCE_H
#define TESTS_STRIPESIM_BALANCE_H

#include <stdint.h>

#include "tests/stripesim/object.h"

struct call;
struct sim;

enum booking_kind {
    BOOK_CHARGE,
    BOOK_REFUND,
    BOOK_CAPTURE_REST,
    BOOK_REFUND_FAILURE,
    BOOK_TRANSFER,
    BOOK_TRANSFER_REFUND,
    BOOK_APPLICATION_FEE,
    BOOK_APPLICATION_FEE_REFUND,
    BOOK_DISPUTE,
    BOOK_DISPUTE_REVERSAL,
    BOOK_PAYMENT,
    BOOK_PAYMENT_REFUND,
    BOOK_FEE_BACK,
    BOOK_PAYOUT,
    BOOK_PAYOUT_FAILURE,
    BOOK_PAYOUT_CANCEL,
    BOOKING_KIND_COUNT
};

/* What moves. */
struct booking {
    enum booking_kind kind;
    const char *account; /* whose balance; NULL: the platform's */
    const char *source; /* what it is for; a string of the store, as are the others */
    const char *currency;
    const char *description; /* NULL: the kind's own */
    int64_t amount; /* never negative: the kind tells which way it goes */
    int64_t application_fee; /* what the platform keeps of it */
    int64_t stripe_fee; /* below nought: given back */
};

struct balance_transaction {
    struct object object;
    enum booking_kind kind;
    int64_t amount;
    int64_t application_fee;
    int64_t available_on;
    int64_t fee; /* both fees */
    int64_t net;
    const char *currency;
    const char *description;
    const char *payout; /* the automatic payout that paid it out, or NULL; not shown */
    const char *source;
    struct balance_transaction *next; /* of the same source, made later */
};

/* Returns the balance transaction, whose id the caller links to. */
struct balance_transaction *balance_book(struct sim *sim, const struct booking *booking);
/* What Stripe takes of a charge. */
int64_t balance_stripe_fee(int64_t amount);
/* The first of those that a source has on any balance, or NULL. */
struct balance_transaction *balance_of_source(const struct sim *sim, const char *source);
/* What can be paid out now, in that currency. */
int64_t balance_available(const struct sim *sim,
                          const char *account,
                          const char *currency);
/* The type, and the category where the type alone does not tell: "adjustment.dispute".
 */
const char *balance_name(enum booking_kind kind);

void balance_retrieve(struct call *call);
void balance_list_transactions(struct call *call);
void balance_retrieve_transaction(struct call *call);

#endif
