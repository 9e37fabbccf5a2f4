/* SPDX-License-Identifier: MIT
 * The comparisons of refunds. */
#include "worker/books_sql.h"

/* clang-format off */

/* Stripe says of the movement that nothing was given back. Of two refunds of one amount
 * it does not matter which is taken for the release. */
#define IS_RELEASE "(stripes.category <=> 'partial_capture_reversal')"

const char books_refund_unknown[] =
    OURS("COALESCE(ours.stripe_refund_id, CONCAT('refund:', ours.id))",
         "ours.amount",
         "ours.stripe_refund_id",
         "ours.status",
         "''",
         "'reason', 'the books have it given back, Stripe shows no money',"
         " 'refund_id', ours.id, 'payment_id', payment.id,"
         " 'payment_intent', payment.stripe_payment_intent_id,"
         " 'books', JSON_OBJECT('status', ours.status, 'amount', ours.amount)")
    "refunds AS ours FORCE INDEX (books)"
    " LEFT JOIN payment_intents AS payment ON payment.id = ours.payment_id"
    " WHERE payment.amicale_id <=> ?" OF_WINDOW
    " AND ours.status = 'succeeded' AND NOT ours.is_release"
    " AND NOT EXISTS (SELECT 1 FROM balance_transactions AS stripes"
    " WHERE stripes.source_id = ours.stripe_refund_id AND stripes.type = 'refund')"
    PAYMENT_IS_STRIPES OURS_PAGE;

const char books_refund_missing[] =
    STRIPES("stripes.source_id",
            "-stripes.amount",
            "NULL",
            "'reason', 'Stripe gave it back, the books have no such refund',"
            " 'refund', stripes.source_id, " SOURCE_DETAIL ","
            " 'stripe', JSON_OBJECT('status', stripes.source_status,"
            " 'amount', -stripes.amount)")
    " LEFT" REFUND ON_PLATFORM("refund") " AND refund.id IS NULL"
    PAYMENT_IS_KNOWN STRIPES_PAGE;

const char books_refund_payment[] =
    STRIPES("stripes.source_id",
            "stripes.source_amount",
            "refund.updated_at",
            "'reason', 'the books have it with another payment than Stripe',"
            " 'refund', stripes.source_id, 'refund_id', refund.id, " SOURCE_DETAIL ","
            " 'books', JSON_OBJECT('payment_id', refund.payment_id),"
            " 'stripe', JSON_OBJECT('payment_id', payment.id)")
    REFUND " LEFT" PAYMENT ON_PLATFORM("refund")
    " AND NOT (refund.payment_id <=> payment.id)"
    PAYMENT_IS_KNOWN CHARGE_IS_KNOWN STRIPES_PAGE;

const char books_refund_status[] =
    STRIPES("stripes.source_id",
            "stripes.source_amount",
            "refund.updated_at",
            "'reason', 'the books have it in another state than Stripe',"
            " 'refund', stripes.source_id, 'refund_id', refund.id, " SOURCE_DETAIL ","
            " 'books', JSON_OBJECT('status', refund.status,"
            " 'is_release', refund.is_release),"
            " 'stripe', JSON_OBJECT('status', stripes.source_status,"
            " 'is_release', " IS_RELEASE ")")
    REFUND ON_PLATFORM("refund") " AND (refund.status <> stripes.source_status"
    " OR (refund.is_release <> " IS_RELEASE
    " AND NOT EXISTS (SELECT 1 FROM refunds AS twin"
    " WHERE twin.payment_id = refund.payment_id AND twin.amount = refund.amount"
    " AND twin.id <> refund.id)))" STRIPES_PAGE;

const char books_refund_amount[] =
    STRIPES("stripes.source_id",
            "IF(refund.currency <> stripes.source_currency, ABS(stripes.source_amount),"
            " ABS(refund.amount - stripes.source_amount))",
            "refund.updated_at",
            "'reason', 'the books have another amount than Stripe',"
            " 'refund', stripes.source_id, 'refund_id', refund.id, " SOURCE_DETAIL ","
            " 'books', JSON_OBJECT('amount', refund.amount,"
            " 'currency', refund.currency),"
            " 'stripe', JSON_OBJECT('amount', stripes.source_amount,"
            " 'currency', stripes.source_currency)")
    REFUND ON_PLATFORM("refund") " AND (refund.amount <> stripes.source_amount"
    " OR refund.currency <> stripes.source_currency)" STRIPES_PAGE;
/* clang-format on */
