/* SPDX-License-Identifier: MIT
 * The comparisons of application fees, and of what is moved to accounts and back. */
#include "worker/books_sql.h"

/* clang-format off */

const char books_fee_amount[] =
    STRIPES("payment.stripe_payment_intent_id",
            "GREATEST(ABS(payment.application_fee - COALESCE(fee.source_amount, 0)),"
            " ABS(payment.application_fee_refunded - COALESCE(fee.source_back, 0)))",
            "payment.updated_at",
            "'reason', 'the books have another application fee than Stripe',"
            " " PAYMENT_DETAIL ", 'fee', fee.source_id,"
            " 'books', JSON_OBJECT('fee', payment.application_fee,"
            " 'refunded', payment.application_fee_refunded),"
            " 'stripe', JSON_OBJECT('fee', COALESCE(fee.source_amount, 0),"
            " 'refunded', COALESCE(fee.source_back, 0))")
    PAYMENT " LEFT JOIN balance_transactions AS fee"
    " ON fee.stripe_charge_id = stripes.source_id AND fee.type = 'application_fee'"
    ON_PLATFORM("charge")
    " AND (payment.application_fee <> COALESCE(fee.source_amount, 0)"
    " OR payment.application_fee_refunded <> COALESCE(fee.source_back, 0))"
    " AND " CHARGE_FITS STRIPES_PAGE;

const char books_transfer_amount[] =
    STRIPES("COALESCE(moved.source_id, stripes.source_id)",
            "ABS(stripes.source_taken + COALESCE(moved.amount, 0))",
            "payment.updated_at",
            "'reason', 'another amount was moved to the account than was paid',"
            " " PAYMENT_DETAIL ", 'transfer', moved.source_id,"
            " 'account', stripes.destination_account_id,"
            " 'stripe', JSON_OBJECT('received', stripes.source_taken,"
            " 'moved', -COALESCE(moved.amount, 0))")
    PAYMENT " LEFT JOIN balance_transactions AS moved"
    " ON moved.stripe_charge_id = stripes.source_id AND moved.type = 'transfer'"
    ON_PLATFORM("charge") " AND stripes.destination_account_id IS NOT NULL"
    " AND stripes.source_taken + COALESCE(moved.amount, 0) <> 0"
    " AND stripes.currency = stripes.source_currency" STRIPES_PAGE;

const char books_transfer_back[] =
    STRIPES("stripes.source_id",
            "ABS(stripes.amount + COALESCE(moved.amount, 0))",
            "refund.updated_at",
            "'reason', 'another amount was taken from the account than was given back',"
            " 'refund', stripes.source_id, 'refund_id', refund.id, " SOURCE_DETAIL ","
            " 'account', stripes.destination_account_id,"
            " 'stripe', JSON_OBJECT('refunded', -stripes.amount,"
            " 'moved', COALESCE(moved.amount, 0))")
    REFUND " LEFT JOIN balance_transactions AS moved"
    " ON moved.source_of_id = stripes.source_id AND moved.type = 'transfer_refund'"
    ON_PLATFORM("refund") " AND stripes.destination_account_id IS NOT NULL"
    " AND NOT refund.is_release"
    " AND NOT (stripes.category <=> 'partial_capture_reversal')"
    " AND stripes.amount + COALESCE(moved.amount, 0) <> 0"
    " AND EXISTS (SELECT 1 FROM balance_transactions AS charge"
    " JOIN balance_transactions AS whole ON whole.stripe_charge_id = charge.source_id"
    " AND whole.type = 'transfer' AND whole.amount = -charge.source_taken"
    " WHERE charge.source_id = stripes.stripe_charge_id AND charge.type = 'charge')"
    STRIPES_PAGE;
/* clang-format on */
