/* SPDX-License-Identifier: MIT
 * The comparisons of payouts. */
#include "worker/books_sql.h"

/* clang-format off */

/* An account that left cannot be read any more: what was copied of it is old. */
#define LIVE_ACCOUNT                                                                     \
    " AND (stripes.account = '' OR EXISTS (SELECT 1 FROM stripe_accounts"                \
    " WHERE stripe_account_id = stripes.account AND deauthorized_at IS NULL))"
/* We are told of a payout once it was paid or failed. */
#define TOLD " AND stripes.source_status NOT IN ('pending', 'in_transit', 'canceled')"

const char books_payout_unknown[] =
    OURS("ours.stripe_payout_id",
         "ABS(ours.amount)",
         "ours.stripe_payout_id",
         "ours.status",
         "COALESCE(ours.account, '')",
         "'reason', 'the books have it paid out, Stripe shows no money',"
         " 'payout_id', ours.id, 'account', ours.account,"
         " 'books', JSON_OBJECT('status', ours.status, 'amount', ours.amount)")
    "payouts AS ours FORCE INDEX (books)"
    " LEFT JOIN stripe_accounts ON stripe_accounts.stripe_account_id = ours.account"
    " WHERE stripe_accounts.amicale_id <=> ?" OF_WINDOW
    " AND (ours.account IS NULL OR (stripe_accounts.amicale_id IS NOT NULL"
    " AND stripe_accounts.deauthorized_at IS NULL))"
    " AND NOT EXISTS (SELECT 1 FROM balance_transactions AS stripes"
    " WHERE stripes.source_id = ours.stripe_payout_id AND stripes.type = 'payout')"
    OURS_PAGE;

const char books_payout_missing[] =
    STRIPES("stripes.source_id",
            "ABS(stripes.source_amount)",
            "NULL",
            "'reason', 'Stripe has it paid out, the books have no such payout',"
            " 'payout', stripes.source_id, 'account', stripes.account,"
            " 'stripe', JSON_OBJECT('status', stripes.source_status,"
            " 'amount', stripes.source_amount)")
    " LEFT" PAYOUT OF_TYPE("payout") LIVE_ACCOUNT " AND payout.id IS NULL"
    TOLD STRIPES_PAGE;

const char books_payout_account[] =
    STRIPES("stripes.source_id",
            "ABS(stripes.source_amount)",
            "payout.updated_at",
            "'reason', 'the books have it with another account than Stripe',"
            " 'payout', stripes.source_id, 'payout_id', payout.id,"
            " 'books', JSON_OBJECT('account', payout.account,"
            " 'amicale_id', payout.amicale_id),"
            " 'stripe', JSON_OBJECT('account', NULLIF(stripes.account, ''),"
            " 'amicale_id', stripes.amicale_id)")
    PAYOUT OF_TYPE("payout") LIVE_ACCOUNT
    " AND (COALESCE(payout.account, '') <> stripes.account"
    " OR NOT (payout.amicale_id <=> stripes.amicale_id))" STRIPES_PAGE;

const char books_payout_status[] =
    STRIPES("stripes.source_id",
            "ABS(stripes.source_amount)",
            "payout.updated_at",
            "'reason', 'the books have it in another state than Stripe',"
            " 'payout', stripes.source_id, 'payout_id', payout.id,"
            " 'account', stripes.account,"
            " " BOTH("status", "payout.status", "stripes.source_status"))
    PAYOUT OF_TYPE("payout") LIVE_ACCOUNT
    " AND payout.status <> stripes.source_status" STRIPES_PAGE;

const char books_payout_amount[] =
    STRIPES("stripes.source_id",
            "IF(payout.currency <> stripes.source_currency, ABS(stripes.source_amount),"
            " ABS(payout.amount - stripes.source_amount))",
            "payout.updated_at",
            "'reason', 'the books have another amount than Stripe',"
            " 'payout', stripes.source_id, 'payout_id', payout.id,"
            " 'account', stripes.account,"
            " 'books', JSON_OBJECT('amount', payout.amount,"
            " 'currency', payout.currency),"
            " 'stripe', JSON_OBJECT('amount', stripes.source_amount,"
            " 'currency', stripes.source_currency)")
    PAYOUT OF_TYPE("payout") LIVE_ACCOUNT
    " AND (payout.amount <> stripes.source_amount"
    " OR payout.currency <> stripes.source_currency)" STRIPES_PAGE;
/* clang-format on */
