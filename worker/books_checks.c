/* SPDX-License-Identifier: MIT
 * The comparisons of the books with Stripe's balance transactions. */
#include "worker/books_checks.h"

#include "worker/payment.h"

/* The order of their ids would lure MariaDB into reading the whole table for each amicale,
 * so the index of the window is named.
 * `stripes` is a balance transaction, `payment`, `refund`, `dispute`, `payout` our row of
 * it, `ours` a row that Stripe may not know. */
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
#define OF_TYPE(type)                                                                    \
    " WHERE stripes.amicale_id <=> ? AND stripes.type = '" type "'"                      \
    " AND stripes.stripe_created >= ? AND stripes.stripe_created < ?"                    \
    " AND stripes.id > ? AND NOT stripes.is_stirred"
#define ON_PLATFORM(type) OF_TYPE(type) " AND stripes.account = ''"
#define OF_WINDOW                                                                        \
    " AND ours.books_at >= ? AND ours.books_at < ? AND ours.id > ? AND ours.livemode = " \
    "?"
#define STRIPES_PAGE " ORDER BY stripes.id LIMIT 500"
#define OURS_PAGE " ORDER BY ours.id LIMIT 500"
_Static_assert(BOOKS_PAGE == 500, "the statements' LIMIT");

#define PAYMENT                                                                          \
    " JOIN payment_intents AS payment ON payment.stripe_payment_intent_id ="             \
    " stripes.stripe_payment_intent_id"
#define PAYMENT_NAME                                                                     \
    "COALESCE(payment.stripe_payment_intent_id, CONCAT('payment:', payment.id))"
#define REFUND " JOIN refunds AS refund ON refund.stripe_refund_id = stripes.source_id"
#define DISPUTE                                                                          \
    " JOIN disputes AS dispute ON dispute.stripe_dispute_id = stripes.source_id"
#define PAYOUT " JOIN payouts AS payout ON payout.stripe_payout_id = stripes.source_id"
/* An account that left cannot be read any more: what was copied of it is old. */
#define LIVE_ACCOUNT                                                                     \
    " AND (stripes.account = '' OR EXISTS (SELECT 1 FROM stripe_accounts"                \
    " WHERE stripe_account_id = stripes.account AND deauthorized_at IS NULL))"
/* We are told of a payout once it was paid or failed. */
#define TOLD " AND stripes.source_status NOT IN ('pending', 'in_transit', 'canceled')"
#define WITHDRAWN " AND stripes.source_object = 'dispute' AND stripes.amount < 0"
#define IS_OPEN(kind, subject)                                                           \
    "EXISTS (SELECT 1 FROM reconciliation_findings AS cause WHERE cause.kind = '" kind   \
    "' AND cause.subject = " subject " AND cause.is_open = 1)"
#define PAYMENT_IS_KNOWN                                                                 \
    " AND NOT " IS_OPEN("payment_missing",                                               \
                        "COALESCE(stripes.stripe_payment_intent_id,"                     \
                        " stripes.stripe_charge_id)")
#define CHARGE_IS_KNOWN                                                                  \
    " AND NOT " IS_OPEN("payment_charge", "stripes.stripe_payment_intent_id")
#define PAYMENT_IS_STRIPES                                                               \
    " AND (payment.id IS NULL OR NOT " IS_OPEN("payment_unknown", PAYMENT_NAME) ")"

/* A row that stands for another charge than the one that paid: comparing the two as well
 * would tell the same once more. */
#define CHARGE_FITS                                                                      \
    "(payment.stripe_charge_id IS NULL OR payment.stripe_charge_id = stripes.source_id)"

/* Stripe says of the movement that nothing was given back. Of two refunds of one amount
 * it does not matter which is taken for the release. */
#define IS_RELEASE "(stripes.category <=> 'partial_capture_reversal')"

/* What a payment is shown as, by what was given back: as Stripe has it, or as the rows of
 * its refunds have it, which have findings of their own. */
#define GIVEN_BACK                                                                       \
    "(SELECT COALESCE(SUM(back.amount), 0) FROM refunds AS back WHERE back.payment_id"   \
    " = payment.id AND back.status = 'succeeded' AND NOT back.is_release)"
#define SHOWN(back, taken)                                                               \
    "CASE WHEN " back " <= 0 THEN 'succeeded' WHEN " back " >= " taken                   \
    " THEN 'refunded' ELSE 'partially_refunded' END"
#define STATUS_FITS                                                                      \
    "(payment.status = " SHOWN(                                                          \
        "stripes.source_back",                                                           \
        "stripes.source_taken") " OR payment.status = " SHOWN(GIVEN_BACK,                \
                                                              "payment.amount_received") ")"

#define PAYMENT_DETAIL                                                                   \
    "'payment_id', payment.id, 'payment_intent', payment.stripe_payment_intent_id,"      \
    " 'charge', stripes.source_id"
#define BOTH(name, books, stripe)                                                        \
    "'books', JSON_OBJECT('" name "', " books "), 'stripe', JSON_OBJECT('" name          \
    "', " stripe ")"
#define SOURCE_DETAIL                                                                    \
    "'charge', stripes.stripe_charge_id, 'payment_intent',"                              \
    " stripes.stripe_payment_intent_id"

const struct books_check books_checks[] = {
    {"payment_unknown",
     BOOKS_OURS,
     false,
     OURS("COALESCE(ours.stripe_payment_intent_id, CONCAT('payment:', "
          "ours.id))",
          "ours.amount_received",
          "ours.stripe_payment_intent_id",
          "'succeeded'",
          "''",
          "'reason', 'the books have it paid, Stripe shows no money', "
          "'payment_id',"
          " ours.id, 'payment_intent', ours.stripe_payment_intent_id, 'books',"
          " JSON_OBJECT('status', ours.status, 'amount', "
          "ours.amount_received)") "payment_intents AS ours FORCE INDEX (books) WHERE "
                                   "ours.amicale_id <=> ?" OF_WINDOW
                                   " AND ours.payment_method = 'card' AND "
                                   "ours.status IN " PAYMENT_PAID
                                   " AND NOT EXISTS (SELECT 1 FROM "
                                   "balance_transactions AS stripes"
                                   " WHERE stripes.stripe_payment_intent_id = "
                                   "ours.stripe_payment_intent_id"
                                   " AND stripes.type = 'charge')" OURS_PAGE,
     "/v1/payment_intents",
     "payment_status"},
    {"payment_missing",
     BOOKS_STRIPES,
     false,
     STRIPES("COALESCE(stripes.stripe_payment_intent_id, stripes.source_id)",
             "stripes.source_taken",
             "NULL",
             "'reason', 'Stripe has it paid, the books have no such "
             "payment', 'charge',"
             " stripes.source_id, 'payment_intent', "
             "stripes.stripe_payment_intent_id,"
             " 'destination', stripes.destination_account_id, 'stripe',"
             " JSON_OBJECT('amount', stripes.source_taken)") " LEFT" PAYMENT
         ON_PLATFORM("charge") " AND payment.id IS NULL AND NOT " IS_OPEN(
             "unattributed",
             "stripes.source_id") STRIPES_PAGE,
     NULL,
     NULL},
    {"payment_charge",
     BOOKS_STRIPES,
     false,
     STRIPES("payment.stripe_payment_intent_id",
             "stripes.source_taken",
             "payment.updated_at",
             "'reason', 'the books have another sale under the PaymentIntent than "
             "Stripe', " PAYMENT_DETAIL
             ", " BOTH("charge", "payment.stripe_charge_id", "stripes.source_id"))
         PAYMENT ON_PLATFORM("charge") " AND NOT " CHARGE_FITS STRIPES_PAGE,
     NULL,
     NULL},
    {"payment_amicale",
     BOOKS_STRIPES,
     false,
     STRIPES("payment.stripe_payment_intent_id",
             "stripes.source_taken",
             "payment.updated_at",
             "'reason', 'the books have it with another amicale than Stripe',"
             " " PAYMENT_DETAIL ", 'books', JSON_OBJECT('amicale_id', payment.amicale_id,"
             " 'account', payment.destination_account_id), 'stripe',"
             " JSON_OBJECT('amicale_id', stripes.amicale_id, 'account',"
             " stripes.destination_account_id)")
         PAYMENT ON_PLATFORM("charge") " AND " CHARGE_FITS
                                       " AND ((stripes.amicale_id IS NOT NULL AND "
                                       "NOT (payment.amicale_id <=>"
                                       " stripes.amicale_id)) OR NOT "
                                       "(payment.destination_account_id <=>"
                                       " stripes.destination_account_id)) AND NOT "
                                       "(payment.amicale_id IS NULL"
                                       " AND " IS_OPEN("unattributed",
                                                       "payment.stripe_payment_"
                                                       "intent_id") ")" STRIPES_PAGE,
     NULL,
     NULL},
    {"payment_status",
     BOOKS_STRIPES,
     false,
     STRIPES("payment.stripe_payment_intent_id",
             "stripes.source_taken",
             "payment.updated_at",
             "'reason', 'the books have it in another state than Stripe',"
             " " PAYMENT_DETAIL
             ", " BOTH("status",
                       "payment.status",
                       SHOWN("stripes.source_back", "stripes.source_taken")))
         PAYMENT ON_PLATFORM("charge") " AND " CHARGE_FITS
                                       " AND NOT " STATUS_FITS STRIPES_PAGE,
     NULL,
     NULL},
    {"payment_amount",
     BOOKS_STRIPES,
     false,
     STRIPES("payment.stripe_payment_intent_id",
             "GREATEST(IF(payment.currency <> stripes.source_currency,"
             " stripes.source_taken, 0), ABS(payment.amount - stripes.source_amount),"
             " ABS(payment.amount_received - stripes.source_taken),"
             " LEAST(ABS(payment.amount_refunded - stripes.source_back),"
             " ABS(payment.amount_refunded - " GIVEN_BACK ")))",
             "payment.updated_at",
             "'reason', 'the books have another amount than "
             "Stripe', " PAYMENT_DETAIL
             ", 'books', JSON_OBJECT('amount', payment.amount, 'received',"
             " payment.amount_received, 'refunded', payment.amount_refunded,"
             " 'currency', payment.currency), 'stripe', JSON_OBJECT('amount',"
             " stripes.source_amount, 'received', stripes.source_taken, 'refunded',"
             " stripes.source_back, 'currency', stripes.source_currency)")
         PAYMENT ON_PLATFORM(
             "charge") " AND (payment.amount <> stripes.source_amount"
                       " OR payment.amount_received <> stripes.source_taken"
                       " OR (payment.amount_refunded <> stripes.source_back"
                       " AND payment.amount_refunded <> " GIVEN_BACK ")"
                       " OR payment.currency <> stripes.source_currency)"
                       " AND " CHARGE_FITS " AND " STATUS_FITS STRIPES_PAGE,
     NULL,
     NULL},
    {"fee_amount",
     BOOKS_STRIPES,
     false,
     STRIPES("payment.stripe_payment_intent_id",
             "GREATEST(ABS(payment.application_fee - "
             "COALESCE(fee.source_amount, 0)),"
             " ABS(payment.application_fee_refunded - "
             "COALESCE(fee.source_back, 0)))",
             "payment.updated_at",
             "'reason', 'the books have another application fee than Stripe',"
             " " PAYMENT_DETAIL ", 'fee', fee.source_id, 'books', JSON_OBJECT('fee',"
             " payment.application_fee, 'refunded', "
             "payment.application_fee_refunded),"
             " 'stripe', JSON_OBJECT('fee', COALESCE(fee.source_amount, 0), "
             "'refunded',"
             " COALESCE(fee.source_back, 0))") PAYMENT
     " LEFT JOIN balance_transactions AS fee ON fee.stripe_charge_id ="
     " stripes.source_id AND fee.type = 'application_fee'" ON_PLATFORM(
         "charge") " AND (payment.application_fee <> "
                   "COALESCE(fee.source_amount, 0)"
                   " OR payment.application_fee_refunded <> "
                   "COALESCE(fee.source_back, 0)) AND " CHARGE_FITS STRIPES_PAGE,
     NULL,
     NULL},
    {"transfer_amount",
     BOOKS_STRIPES,
     false,
     STRIPES("COALESCE(moved.source_id, stripes.source_id)",
             "ABS(stripes.source_taken + COALESCE(moved.amount, 0))",
             "payment.updated_at",
             "'reason', 'another amount was moved to the account than was paid',"
             " " PAYMENT_DETAIL ", 'transfer', moved.source_id, 'account',"
             " stripes.destination_account_id, 'stripe', JSON_OBJECT('received',"
             " stripes.source_taken, 'moved', -COALESCE(moved.amount, 0))") PAYMENT
     " LEFT JOIN balance_transactions AS moved ON moved.stripe_charge_id ="
     " stripes.source_id AND moved.type = 'transfer'" ON_PLATFORM(
         "charge") " AND stripes.destination_account_id IS NOT NULL"
                   " AND stripes.source_taken + COALESCE(moved.amount, 0) <> 0"
                   " AND stripes.currency = stripes.source_currency" STRIPES_PAGE,
     NULL,
     NULL},
    {"transfer_amount",
     BOOKS_STRIPES,
     false,
     STRIPES("stripes.source_id",
             "ABS(stripes.amount + COALESCE(moved.amount, 0))",
             "refund.updated_at",
             "'reason', 'another amount was taken from the account than was "
             "given back',"
             " 'refund', stripes.source_id, 'refund_id', "
             "refund.id, " SOURCE_DETAIL
             ", 'account', stripes.destination_account_id, 'stripe', JSON_OBJECT("
             "'refunded', -stripes.amount, 'moved', COALESCE(moved.amount, 0))") REFUND
     " LEFT JOIN balance_transactions AS moved ON moved.source_of_id ="
     " stripes.source_id AND moved.type = 'transfer_refund'" ON_PLATFORM(
         "refund") " AND stripes.destination_account_id IS NOT NULL AND NOT "
                   "refund.is_release"
                   " AND NOT (stripes.category <=> "
                   "'partial_capture_reversal')"
                   " AND stripes.amount + COALESCE(moved.amount, 0) <> 0"
                   " AND EXISTS (SELECT 1 FROM balance_transactions AS charge"
                   " JOIN balance_transactions AS whole ON "
                   "whole.stripe_charge_id = charge.source_id"
                   " AND whole.type = 'transfer' AND whole.amount = "
                   "-charge.source_taken"
                   " WHERE charge.source_id = stripes.stripe_charge_id"
                   " AND charge.type = 'charge')" STRIPES_PAGE,
     NULL,
     NULL},
    {"refund_unknown",
     BOOKS_OURS,
     false,
     OURS("COALESCE(ours.stripe_refund_id, CONCAT('refund:', ours.id))",
          "ours.amount",
          "ours.stripe_refund_id",
          "ours.status",
          "''",
          "'reason', 'the books have it given back, Stripe shows no money', "
          "'refund_id',"
          " ours.id, 'payment_id', payment.id, 'payment_intent',"
          " payment.stripe_payment_intent_id, 'books', JSON_OBJECT('status',"
          " ours.status, 'amount', ours.amount)") "refunds AS ours FORCE INDEX (books) "
                                                  "LEFT JOIN "
                                                  "payment_intents AS payment"
                                                  " ON payment.id = "
                                                  "ours.payment_id WHERE "
                                                  "payment.amicale_id <=> "
                                                  "?" OF_WINDOW " AND ours.status = "
                                                  "'succeeded' AND NOT "
                                                  "ours.is_release"
                                                  " AND NOT EXISTS (SELECT 1 "
                                                  "FROM balance_transactions "
                                                  "AS stripes"
                                                  " WHERE stripes.source_id "
                                                  "= ours.stripe_refund_id "
                                                  "AND stripes.type = "
                                                  "'refund'"
                                                  ")" PAYMENT_IS_STRIPES OURS_PAGE,
     "/v1/refunds",
     "refund_status"},
    {"refund_missing",
     BOOKS_STRIPES,
     false,
     STRIPES("stripes.source_id",
             "-stripes.amount",
             "NULL",
             "'reason', 'Stripe gave it back, the books have no such refund', "
             "'refund',"
             " stripes.source_id, " SOURCE_DETAIL ", 'stripe', JSON_OBJECT('status',"
             " stripes.source_status, 'amount', -stripes.amount)") " LEFT" REFUND
         ON_PLATFORM("refund") " AND refund.id IS NULL" PAYMENT_IS_KNOWN STRIPES_PAGE,
     NULL,
     NULL},
    {"refund_payment",
     BOOKS_STRIPES,
     false,
     STRIPES("stripes.source_id",
             "stripes.source_amount",
             "refund.updated_at",
             "'reason', 'the books have it with another payment than Stripe',"
             " 'refund', stripes.source_id, 'refund_id', refund.id, " SOURCE_DETAIL
             ", 'books', JSON_OBJECT('payment_id', refund.payment_id), 'stripe',"
             " JSON_OBJECT('payment_id', payment.id)") REFUND
     " LEFT" PAYMENT ON_PLATFORM(
         "refund") " AND NOT (refund.payment_id <=> payment.id)" PAYMENT_IS_KNOWN
         CHARGE_IS_KNOWN STRIPES_PAGE,
     NULL,
     NULL},
    {"refund_status",
     BOOKS_STRIPES,
     false,
     STRIPES("stripes.source_id",
             "stripes.source_amount",
             "refund.updated_at",
             "'reason', 'the books have it in another state than Stripe', 'refund',"
             " stripes.source_id, 'refund_id', refund.id, " SOURCE_DETAIL
             ", 'books', JSON_OBJECT('status', refund.status, 'is_release',"
             " refund.is_release), 'stripe', JSON_OBJECT('status',"
             " stripes.source_status, 'is_release', " IS_RELEASE ")")
         REFUND ON_PLATFORM("refund") " AND (refund.status <> stripes.source_status"
                                      " OR (refund.is_release <> " IS_RELEASE
                                      " AND NOT EXISTS (SELECT 1 FROM refunds AS twin"
                                      " WHERE twin.payment_id = refund.payment_id"
                                      " AND twin.amount = refund.amount"
                                      " AND twin.id <> refund.id)))" STRIPES_PAGE,
     NULL,
     NULL},
    {"refund_amount",
     BOOKS_STRIPES,
     false,
     STRIPES(
         "stripes.source_id",
         "IF(refund.currency <> stripes.source_currency,"
         " ABS(stripes.source_amount), ABS(refund.amount - stripes.source_amount))",
         "refund.updated_at",
         "'reason', 'the books have another amount than Stripe', 'refund',"
         " stripes.source_id, 'refund_id', refund.id, " SOURCE_DETAIL
         ", 'books', JSON_OBJECT('amount', refund.amount, 'currency', refund.currency),"
         " 'stripe', JSON_OBJECT('amount', stripes.source_amount, 'currency',"
         " stripes.source_currency)")
         REFUND ON_PLATFORM(
             "refund") " AND (refund.amount <> stripes.source_amount"
                       " OR refund.currency <> stripes.source_currency)" STRIPES_PAGE,
     NULL,
     NULL},
    {"dispute_unknown",
     BOOKS_OURS,
     false,
     OURS("ours.stripe_dispute_id",
          "ours.amount",
          "ours.stripe_dispute_id",
          "ours.status",
          "''",
          "'reason', 'the books have it disputed, Stripe shows no money', "
          "'dispute_id',"
          " ours.id, 'payment_id', payment.id, 'payment_intent',"
          " payment.stripe_payment_intent_id, 'books', JSON_OBJECT('status',"
          " ours.status, 'amount', ours.amount)") "disputes AS ours FORCE INDEX (books) "
                                                  "LEFT JOIN "
                                                  "payment_intents AS payment"
                                                  " ON payment.id = "
                                                  "ours.payment_id WHERE "
                                                  "payment.amicale_id <=> "
                                                  "?" OF_WINDOW
                                                  " AND ours.status NOT LIKE "
                                                  "'warning%'"
                                                  " AND NOT EXISTS (SELECT 1 "
                                                  "FROM balance_transactions "
                                                  "AS stripes"
                                                  " WHERE stripes.source_id = "
                                                  "ours.stripe_dispute_id"
                                                  " AND stripes.type = "
                                                  "'adjustment'"
                                                  ")" PAYMENT_IS_STRIPES OURS_PAGE,
     "/v1/disputes",
     "dispute_status"},
    {"dispute_missing",
     BOOKS_STRIPES,
     false,
     STRIPES("stripes.source_id",
             "stripes.source_amount",
             "NULL",
             "'reason', 'Stripe has it disputed, the books have no such dispute',"
             " 'dispute', stripes.source_id, " SOURCE_DETAIL ", 'stripe',"
             " JSON_OBJECT('status', stripes.source_status, 'amount',"
             " stripes.source_amount)") " LEFT" DISPUTE ON_PLATFORM("adjustment")
         WITHDRAWN " AND dispute.id IS NULL" PAYMENT_IS_KNOWN STRIPES_PAGE,
     NULL,
     NULL},
    {"dispute_payment",
     BOOKS_STRIPES,
     false,
     STRIPES("stripes.source_id",
             "stripes.source_amount",
             "dispute.updated_at",
             "'reason', 'the books have it with another payment than Stripe',"
             " 'dispute', stripes.source_id, 'dispute_id', dispute.id, " SOURCE_DETAIL
             ", 'books', JSON_OBJECT('payment_id', dispute.payment_id), 'stripe',"
             " JSON_OBJECT('payment_id', payment.id)") DISPUTE
     " LEFT" PAYMENT ON_PLATFORM("adjustment") WITHDRAWN
     " AND NOT (dispute.payment_id <=> payment.id)" PAYMENT_IS_KNOWN CHARGE_IS_KNOWN
         STRIPES_PAGE,
     NULL,
     NULL},
    {"dispute_status",
     BOOKS_STRIPES,
     false,
     STRIPES("stripes.source_id",
             "stripes.source_amount",
             "dispute.updated_at",
             "'reason', 'the books have it in another state than Stripe', "
             "'dispute',"
             " stripes.source_id, 'dispute_id', dispute.id, " SOURCE_DETAIL
             ", " BOTH("status", "dispute.status", "stripes.source_status"))
         DISPUTE ON_PLATFORM("adjustment") WITHDRAWN
     " AND dispute.status <> stripes.source_status" STRIPES_PAGE,
     NULL,
     NULL},
    {"dispute_amount",
     BOOKS_STRIPES,
     false,
     STRIPES(
         "stripes.source_id",
         "IF(dispute.currency <> stripes.source_currency,"
         " ABS(stripes.source_amount), ABS(dispute.amount - stripes.source_amount))",
         "dispute.updated_at",
         "'reason', 'the books have another amount than Stripe', 'dispute',"
         " stripes.source_id, 'dispute_id', dispute.id, " SOURCE_DETAIL
         ", 'books', JSON_OBJECT('amount', dispute.amount, 'currency', dispute.currency),"
         " 'stripe', JSON_OBJECT('amount', stripes.source_amount, 'currency',"
         " stripes.source_currency)") DISPUTE ON_PLATFORM("adjustment") WITHDRAWN
     " AND (dispute.amount <> stripes.source_amount"
     " OR dispute.currency <> stripes.source_currency)" STRIPES_PAGE,
     NULL,
     NULL},
    {"payout_unknown",
     BOOKS_OURS,
     true,
     OURS("ours.stripe_payout_id",
          "ABS(ours.amount)",
          "ours.stripe_payout_id",
          "ours.status",
          "COALESCE(ours.account, '')",
          "'reason', 'the books have it paid out, Stripe shows no money', "
          "'payout_id',"
          " ours.id, 'account', ours.account, 'books', JSON_OBJECT('status',"
          " ours.status, 'amount', ours.amount)") "payouts AS ours FORCE INDEX (books) "
                                                  "LEFT JOIN "
                                                  "stripe_accounts ON "
                                                  "stripe_accounts.stripe_"
                                                  "account_id ="
                                                  " ours.account WHERE "
                                                  "stripe_accounts.amicale_"
                                                  "id <=> ?" OF_WINDOW
                                                  " AND (ours.account IS "
                                                  "NULL OR "
                                                  "(stripe_accounts.amicale_"
                                                  "id IS NOT NULL"
                                                  " AND "
                                                  "stripe_accounts."
                                                  "deauthorized_at IS NULL))"
                                                  " AND NOT EXISTS (SELECT 1 "
                                                  "FROM balance_transactions "
                                                  "AS stripes"
                                                  " WHERE stripes.source_id "
                                                  "= ours.stripe_payout_id"
                                                  " AND stripes.type = "
                                                  "'payout')" OURS_PAGE,
     "/v1/payouts",
     "payout_status"},
    {"payout_missing",
     BOOKS_STRIPES,
     true,
     STRIPES("stripes.source_id",
             "ABS(stripes.source_amount)",
             "NULL",
             "'reason', 'Stripe has it paid out, the books have no such payout',"
             " 'payout', stripes.source_id, 'account', stripes.account, 'stripe',"
             " JSON_OBJECT('status', stripes.source_status, 'amount',"
             " stripes.source_amount)") " LEFT" PAYOUT OF_TYPE("payout") LIVE_ACCOUNT
     " AND payout.id IS NULL" TOLD STRIPES_PAGE,
     NULL,
     NULL},
    {"payout_account",
     BOOKS_STRIPES,
     true,
     STRIPES("stripes.source_id",
             "ABS(stripes.source_amount)",
             "payout.updated_at",
             "'reason', 'the books have it with another account than Stripe',"
             " 'payout', stripes.source_id, 'payout_id', payout.id, 'books',"
             " JSON_OBJECT('account', payout.account, 'amicale_id', payout.amicale_id),"
             " 'stripe', JSON_OBJECT('account', NULLIF(stripes.account, ''),"
             " 'amicale_id', stripes.amicale_id)") PAYOUT OF_TYPE("payout") LIVE_ACCOUNT
     " AND (COALESCE(payout.account, '') <> stripes.account"
     " OR NOT (payout.amicale_id <=> stripes.amicale_id))" STRIPES_PAGE,
     NULL,
     NULL},
    {"payout_status",
     BOOKS_STRIPES,
     true,
     STRIPES("stripes.source_id",
             "ABS(stripes.source_amount)",
             "payout.updated_at",
             "'reason', 'the books have it in another state than Stripe', "
             "'payout',"
             " stripes.source_id, 'payout_id', payout.id, 'account', "
             "stripes.account,"
             " " BOTH("status", "payout.status", "stripes.source_status"))
         PAYOUT OF_TYPE("payout") LIVE_ACCOUNT
     " AND payout.status <> stripes.source_status" STRIPES_PAGE,
     NULL,
     NULL},
    {"payout_amount",
     BOOKS_STRIPES,
     true,
     STRIPES(
         "stripes.source_id",
         "IF(payout.currency <> stripes.source_currency,"
         " ABS(stripes.source_amount), ABS(payout.amount - stripes.source_amount))",
         "payout.updated_at",
         "'reason', 'the books have another amount than Stripe', 'payout',"
         " stripes.source_id, 'payout_id', payout.id, 'account', "
         "stripes.account,"
         " 'books', JSON_OBJECT('amount', payout.amount, 'currency', payout.currency),"
         " 'stripe', JSON_OBJECT('amount', stripes.source_amount, 'currency',"
         " stripes.source_currency)") PAYOUT OF_TYPE("payout") LIVE_ACCOUNT
     " AND (payout.amount <> stripes.source_amount"
     " OR payout.currency <> stripes.source_currency)" STRIPES_PAGE,
     NULL,
     NULL},
};
const size_t books_checks_count = sizeof(books_checks) / sizeof(books_checks[0]);
