/* SPDX-License-Identifier: MIT
 *
 * books_sql - what the statements of the comparisons are made of.
 *
 * Owns:    nothing
 * Callers: books_checks and the files of its statements, one for each sort of object
 * Blocks:  never
 *
 * `stripes` is a balance transaction, `payment`, `refund`, `dispute`, `payout` our row of
 * it, `ours` a row that Stripe may not know. The order of their ids would lure MariaDB
 * into reading the whole table for each amicale, so the index of the window is named.
 */
#ifndef WORKER_BOOKS_SQL_H
#define WORKER_BOOKS_SQL_H

#include "worker/books_checks.h"

/* clang-format off */

/* --- the columns of enum books_column ---------------------------------------------- */

#define STRIPES(subject, amount, changed, detail)                                        \
    "SELECT stripes.id, " subject ", CAST(" amount " AS SIGNED), stripes.currency,"      \
    " CAST(stripes.stripe_created AS CHAR), CAST(" changed " AS CHAR), NULL, NULL,"      \
    " NULL, JSON_OBJECT(" detail ", 'balance_transaction',"                              \
    " stripes.stripe_balance_transaction_id) FROM balance_transactions AS stripes"       \
    " FORCE INDEX (amicale)"
#define OURS(subject, amount, object, status, account, detail)                           \
    "SELECT ours.id, " subject ", CAST(" amount " AS SIGNED), ours.currency,"            \
    " CAST(ours.books_at AS CHAR), CAST(ours.updated_at AS CHAR), " object ", " status   \
    ", " account ", JSON_OBJECT(" detail ") FROM "
#define BOTH(name, books, stripe)                                                        \
    "'books', JSON_OBJECT('" name "', " books "),"                                       \
    " 'stripe', JSON_OBJECT('" name "', " stripe ")"
#define SOURCE_DETAIL                                                                    \
    "'charge', stripes.stripe_charge_id,"                                                \
    " 'payment_intent', stripes.stripe_payment_intent_id"

/* --- our rows of it ---------------------------------------------------------------- */

#define PAYMENT                                                                          \
    " JOIN payment_intents AS payment"                                                   \
    " ON payment.stripe_payment_intent_id = stripes.stripe_payment_intent_id"
#define REFUND " JOIN refunds AS refund ON refund.stripe_refund_id = stripes.source_id"
#define DISPUTE                                                                          \
    " JOIN disputes AS dispute ON dispute.stripe_dispute_id = stripes.source_id"
#define PAYOUT " JOIN payouts AS payout ON payout.stripe_payout_id = stripes.source_id"

/* --- which, and the page ----------------------------------------------------------- */

#define OF_TYPE(type)                                                                    \
    " WHERE stripes.amicale_id <=> ? AND stripes.type = '" type "'"                      \
    " AND stripes.stripe_created >= ? AND stripes.stripe_created < ?"                    \
    " AND stripes.id > ? AND NOT stripes.is_stirred"
#define ON_PLATFORM(type) OF_TYPE(type) " AND stripes.account = ''"
#define OF_WINDOW                                                                        \
    " AND ours.books_at >= ? AND ours.books_at < ? AND ours.id > ? AND ours.livemode = ?"
#define STRIPES_PAGE " ORDER BY stripes.id LIMIT 500"
#define OURS_PAGE " ORDER BY ours.id LIMIT 500"
_Static_assert(BOOKS_PAGE == 500, "the statements' LIMIT");

/* --- what an open finding of an earlier row explains ------------------------------- */

#define IS_OPEN(kind, subject)                                                           \
    "EXISTS (SELECT 1 FROM reconciliation_findings AS cause WHERE cause.kind = '" kind   \
    "' AND cause.subject = " subject " AND cause.is_open = 1)"
#define PAYMENT_IS_KNOWN                                                                 \
    " AND NOT "                                                                          \
    IS_OPEN("payment_missing",                                                           \
            "COALESCE(stripes.stripe_payment_intent_id, stripes.stripe_charge_id)")
#define CHARGE_IS_KNOWN                                                                  \
    " AND NOT " IS_OPEN("payment_charge", "stripes.stripe_payment_intent_id")
#define PAYMENT_IS_STRIPES                                                               \
    " AND (payment.id IS NULL OR NOT "                                                   \
    IS_OPEN("payment_unknown",                                                           \
            "COALESCE(payment.stripe_payment_intent_id, CONCAT('payment:', payment.id))")\
    ")"

/* A row that stands for another charge than the one that paid: comparing the two as well
 * would tell the same once more. */
#define CHARGE_FITS                                                                      \
    "(payment.stripe_charge_id IS NULL OR payment.stripe_charge_id = stripes.source_id)"
#define PAYMENT_DETAIL                                                                   \
    "'payment_id', payment.id, 'payment_intent', payment.stripe_payment_intent_id,"      \
    " 'charge', stripes.source_id"

/* clang-format on */

/* --- books_payments.c -------------------------------------------------------------- */

extern const char books_payment_unknown[];
extern const char books_payment_missing[];
extern const char books_payment_charge[];
extern const char books_payment_amicale[];
extern const char books_payment_status[];
extern const char books_payment_amount[];

/* --- books_transfers.c ------------------------------------------------------------- */

extern const char books_fee_amount[];
extern const char books_transfer_amount[];
extern const char books_transfer_back[];

/* --- books_refunds.c --------------------------------------------------------------- */

extern const char books_refund_unknown[];
extern const char books_refund_missing[];
extern const char books_refund_payment[];
extern const char books_refund_status[];
extern const char books_refund_amount[];

/* --- books_disputes.c -------------------------------------------------------------- */

extern const char books_dispute_unknown[];
extern const char books_dispute_missing[];
extern const char books_dispute_payment[];
extern const char books_dispute_status[];
extern const char books_dispute_amount[];

/* --- books_payouts.c --------------------------------------------------------------- */

extern const char books_payout_unknown[];
extern const char books_payout_missing[];
extern const char books_payout_account[];
extern const char books_payout_status[];
extern const char books_payout_amount[];

#endif
