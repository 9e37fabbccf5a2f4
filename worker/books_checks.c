/* SPDX-License-Identifier: MIT
 * The table of the comparisons of the books with Stripe's balance transactions. */
#include "worker/books_checks.h"

#include "worker/books_sql.h"

/* clang-format off */
const struct books_check books_checks[] = {
    {"payment_unknown", BOOKS_OURS, false, books_payment_unknown,
     "/v1/payment_intents", "payment_status"},
    {"payment_missing", BOOKS_STRIPES, false, books_payment_missing, NULL, NULL},
    {"payment_charge", BOOKS_STRIPES, false, books_payment_charge, NULL, NULL},
    {"payment_amicale", BOOKS_STRIPES, false, books_payment_amicale, NULL, NULL},
    {"payment_status", BOOKS_STRIPES, false, books_payment_status, NULL, NULL},
    {"payment_amount", BOOKS_STRIPES, false, books_payment_amount, NULL, NULL},
    {"fee_amount", BOOKS_STRIPES, false, books_fee_amount, NULL, NULL},
    {"transfer_amount", BOOKS_STRIPES, false, books_transfer_amount, NULL, NULL},
    {"transfer_amount", BOOKS_STRIPES, false, books_transfer_back, NULL, NULL},
    {"refund_unknown", BOOKS_OURS, false, books_refund_unknown,
     "/v1/refunds", "refund_status"},
    {"refund_missing", BOOKS_STRIPES, false, books_refund_missing, NULL, NULL},
    {"refund_payment", BOOKS_STRIPES, false, books_refund_payment, NULL, NULL},
    {"refund_status", BOOKS_STRIPES, false, books_refund_status, NULL, NULL},
    {"refund_amount", BOOKS_STRIPES, false, books_refund_amount, NULL, NULL},
    {"dispute_unknown", BOOKS_OURS, false, books_dispute_unknown,
     "/v1/disputes", "dispute_status"},
    {"dispute_missing", BOOKS_STRIPES, false, books_dispute_missing, NULL, NULL},
    {"dispute_payment", BOOKS_STRIPES, false, books_dispute_payment, NULL, NULL},
    {"dispute_status", BOOKS_STRIPES, false, books_dispute_status, NULL, NULL},
    {"dispute_amount", BOOKS_STRIPES, false, books_dispute_amount, NULL, NULL},
    {"payout_unknown", BOOKS_OURS, true, books_payout_unknown,
     "/v1/payouts", "payout_status"},
    {"payout_missing", BOOKS_STRIPES, true, books_payout_missing, NULL, NULL},
    {"payout_account", BOOKS_STRIPES, true, books_payout_account, NULL, NULL},
    {"payout_status", BOOKS_STRIPES, true, books_payout_status, NULL, NULL},
    {"payout_amount", BOOKS_STRIPES, true, books_payout_amount, NULL, NULL},
};
/* clang-format on */
const size_t books_checks_count = sizeof(books_checks) / sizeof(books_checks[0]);
