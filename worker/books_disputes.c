/* SPDX-License-Identifier: MIT
 * The comparisons of disputes. */
#include "worker/books_sql.h"

/* clang-format off */

#define WITHDRAWN " AND stripes.source_object = 'dispute' AND stripes.amount < 0"

const char books_dispute_unknown[] =
    OURS("ours.stripe_dispute_id",
         "ours.amount",
         "ours.stripe_dispute_id",
         "ours.status",
         "''",
         "'reason', 'the books have it disputed, Stripe shows no money',"
         " 'dispute_id', ours.id, 'payment_id', payment.id,"
         " 'payment_intent', payment.stripe_payment_intent_id,"
         " 'books', JSON_OBJECT('status', ours.status, 'amount', ours.amount)")
    "disputes AS ours FORCE INDEX (books)"
    " LEFT JOIN payment_intents AS payment ON payment.id = ours.payment_id"
    " WHERE payment.amicale_id <=> ?" OF_WINDOW
    " AND ours.status NOT LIKE 'warning%'"
    " AND NOT EXISTS (SELECT 1 FROM balance_transactions AS stripes"
    " WHERE stripes.source_id = ours.stripe_dispute_id"
    " AND stripes.type = 'adjustment')"
    PAYMENT_IS_STRIPES OURS_PAGE;

const char books_dispute_missing[] =
    STRIPES("stripes.source_id",
            "stripes.source_amount",
            "NULL",
            "'reason', 'Stripe has it disputed, the books have no such dispute',"
            " 'dispute', stripes.source_id, " SOURCE_DETAIL ","
            " 'stripe', JSON_OBJECT('status', stripes.source_status,"
            " 'amount', stripes.source_amount)")
    " LEFT" DISPUTE ON_PLATFORM("adjustment") WITHDRAWN " AND dispute.id IS NULL"
    PAYMENT_IS_KNOWN STRIPES_PAGE;

const char books_dispute_payment[] =
    STRIPES("stripes.source_id",
            "stripes.source_amount",
            "dispute.updated_at",
            "'reason', 'the books have it with another payment than Stripe',"
            " 'dispute', stripes.source_id, 'dispute_id', dispute.id, " SOURCE_DETAIL ","
            " 'books', JSON_OBJECT('payment_id', dispute.payment_id),"
            " 'stripe', JSON_OBJECT('payment_id', payment.id)")
    DISPUTE " LEFT" PAYMENT ON_PLATFORM("adjustment") WITHDRAWN
    " AND NOT (dispute.payment_id <=> payment.id)"
    PAYMENT_IS_KNOWN CHARGE_IS_KNOWN STRIPES_PAGE;

const char books_dispute_status[] =
    STRIPES("stripes.source_id",
            "stripes.source_amount",
            "dispute.updated_at",
            "'reason', 'the books have it in another state than Stripe',"
            " 'dispute', stripes.source_id, 'dispute_id', dispute.id, " SOURCE_DETAIL ","
            " " BOTH("status", "dispute.status", "stripes.source_status"))
    DISPUTE ON_PLATFORM("adjustment") WITHDRAWN
    " AND dispute.status <> stripes.source_status" STRIPES_PAGE;

const char books_dispute_amount[] =
    STRIPES("stripes.source_id",
            "IF(dispute.currency <> stripes.source_currency, ABS(stripes.source_amount),"
            " ABS(dispute.amount - stripes.source_amount))",
            "dispute.updated_at",
            "'reason', 'the books have another amount than Stripe',"
            " 'dispute', stripes.source_id, 'dispute_id', dispute.id, " SOURCE_DETAIL ","
            " 'books', JSON_OBJECT('amount', dispute.amount,"
            " 'currency', dispute.currency),"
            " 'stripe', JSON_OBJECT('amount', stripes.source_amount,"
            " 'currency', stripes.source_currency)")
    DISPUTE ON_PLATFORM("adjustment") WITHDRAWN
    " AND (dispute.amount <> stripes.source_amount"
    " OR dispute.currency <> stripes.source_currency)" STRIPES_PAGE;
/* clang-format on */
