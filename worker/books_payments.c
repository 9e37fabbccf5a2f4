/* SPDX-License-Identifier: MIT
 * The comparisons of payments. */
#include "worker/books_sql.h"
#include "worker/payment.h"

/* clang-format off */

/* What a payment is shown as, by what was given back: as Stripe has it, or as the rows of
 * its refunds have it, which have findings of their own. */
#define GIVEN_BACK                                                                       \
    "(SELECT COALESCE(SUM(back.amount), 0) FROM refunds AS back"                         \
    " WHERE back.payment_id = payment.id AND back.status = 'succeeded'"                  \
    " AND NOT back.is_release)"
#define SHOWN(back, taken)                                                               \
    "CASE WHEN " back " <= 0 THEN 'succeeded' WHEN " back " >= " taken                   \
    " THEN 'refunded' ELSE 'partially_refunded' END"
#define STATUS_FITS                                                                      \
    "(payment.status = " SHOWN("stripes.source_back", "stripes.source_taken")            \
    " OR payment.status = " SHOWN(GIVEN_BACK, "payment.amount_received") ")"

const char books_payment_unknown[] =
    OURS("COALESCE(ours.stripe_payment_intent_id, CONCAT('payment:', ours.id))",
         "ours.amount_received",
         "ours.stripe_payment_intent_id",
         "'succeeded'",
         "''",
         "'reason', 'the books have it paid, Stripe shows no money',"
         " 'payment_id', ours.id, 'payment_intent', ours.stripe_payment_intent_id,"
         " 'books', JSON_OBJECT('status', ours.status, 'amount', ours.amount_received)")
    "payment_intents AS ours FORCE INDEX (books) WHERE ours.amicale_id <=> ?" OF_WINDOW
    " AND ours.payment_method = 'card' AND ours.status IN " PAYMENT_PAID
    " AND NOT EXISTS (SELECT 1 FROM balance_transactions AS stripes"
    " WHERE stripes.stripe_payment_intent_id = ours.stripe_payment_intent_id"
    " AND stripes.type = 'charge')" OURS_PAGE;

const char books_payment_missing[] =
    STRIPES("COALESCE(stripes.stripe_payment_intent_id, stripes.source_id)",
            "stripes.source_taken",
            "NULL",
            "'reason', 'Stripe has it paid, the books have no such payment',"
            " 'charge', stripes.source_id,"
            " 'payment_intent', stripes.stripe_payment_intent_id,"
            " 'destination', stripes.destination_account_id,"
            " 'stripe', JSON_OBJECT('amount', stripes.source_taken)")
    " LEFT" PAYMENT ON_PLATFORM("charge") " AND payment.id IS NULL"
    " AND NOT " IS_OPEN("unattributed", "stripes.source_id") STRIPES_PAGE;

const char books_payment_charge[] =
    STRIPES("payment.stripe_payment_intent_id",
            "stripes.source_taken",
            "payment.updated_at",
            "'reason',"
            " 'the books have another sale under the PaymentIntent than Stripe',"
            " " PAYMENT_DETAIL ","
            " " BOTH("charge", "payment.stripe_charge_id", "stripes.source_id"))
    PAYMENT ON_PLATFORM("charge") " AND NOT " CHARGE_FITS STRIPES_PAGE;

const char books_payment_amicale[] =
    STRIPES("payment.stripe_payment_intent_id",
            "stripes.source_taken",
            "payment.updated_at",
            "'reason', 'the books have it with another amicale than Stripe',"
            " " PAYMENT_DETAIL ","
            " 'books', JSON_OBJECT('amicale_id', payment.amicale_id,"
            " 'account', payment.destination_account_id),"
            " 'stripe', JSON_OBJECT('amicale_id', stripes.amicale_id,"
            " 'account', stripes.destination_account_id)")
    PAYMENT ON_PLATFORM("charge") " AND " CHARGE_FITS
    " AND ((stripes.amicale_id IS NOT NULL"
    " AND NOT (payment.amicale_id <=> stripes.amicale_id))"
    " OR NOT (payment.destination_account_id <=> stripes.destination_account_id))"
    " AND NOT (payment.amicale_id IS NULL"
    " AND " IS_OPEN("unattributed", "payment.stripe_payment_intent_id") ")" STRIPES_PAGE;

const char books_payment_status[] =
    STRIPES("payment.stripe_payment_intent_id",
            "stripes.source_taken",
            "payment.updated_at",
            "'reason', 'the books have it in another state than Stripe',"
            " " PAYMENT_DETAIL ","
            " " BOTH("status",
                     "payment.status",
                     SHOWN("stripes.source_back", "stripes.source_taken")))
    PAYMENT ON_PLATFORM("charge")
    " AND " CHARGE_FITS " AND NOT " STATUS_FITS STRIPES_PAGE;

const char books_payment_amount[] =
    STRIPES("payment.stripe_payment_intent_id",
            "GREATEST(IF(payment.currency <> stripes.source_currency,"
            " stripes.source_taken, 0), ABS(payment.amount - stripes.source_amount),"
            " ABS(payment.amount_received - stripes.source_taken),"
            " LEAST(ABS(payment.amount_refunded - stripes.source_back),"
            " ABS(payment.amount_refunded - " GIVEN_BACK ")))",
            "payment.updated_at",
            "'reason', 'the books have another amount than Stripe',"
            " " PAYMENT_DETAIL ","
            " 'books', JSON_OBJECT('amount', payment.amount,"
            " 'received', payment.amount_received,"
            " 'refunded', payment.amount_refunded, 'currency', payment.currency),"
            " 'stripe', JSON_OBJECT('amount', stripes.source_amount,"
            " 'received', stripes.source_taken,"
            " 'refunded', stripes.source_back, 'currency', stripes.source_currency)")
    PAYMENT ON_PLATFORM("charge")
    " AND (payment.amount <> stripes.source_amount"
    " OR payment.amount_received <> stripes.source_taken"
    " OR (payment.amount_refunded <> stripes.source_back"
    " AND payment.amount_refunded <> " GIVEN_BACK ")"
    " OR payment.currency <> stripes.source_currency)"
    " AND " CHARGE_FITS " AND " STATUS_FITS STRIPES_PAGE;
/* clang-format on */
