/* SPDX-License-Identifier: MIT
 * Sums what both sides have of the same objects. */
#include "worker/books_totals.h"

#include <string.h>

#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "worker/books_run.h"
#include "worker/handlers.h"

enum { PRINTED_BYTES = 2048 };

/* clang-format off */

/* Each statement: how many objects Stripe shows, their sum, the sum of our rows of them,
 * of one amicale in a window. Objects that are on their way are in neither. */
#define SUM(ours, stripe)                                                                \
    "SELECT COUNT(*), CAST(COALESCE(SUM(" stripe "), 0) AS SIGNED),"                     \
    " CAST(COALESCE(SUM(" ours "), 0) AS SIGNED) FROM balance_transactions AS stripes"
#define OF_TYPE(type)                                                                    \
    " WHERE stripes.amicale_id <=> ? AND stripes.type = '" type "'"                      \
    " AND stripes.stripe_created >= ? AND stripes.stripe_created < ?"                    \
    " AND NOT stripes.is_stirred"
#define ON_PLATFORM(type) OF_TYPE(type) " AND stripes.account = ''"
#define UNCHANGED(row) " AND (" row ".id IS NULL OR " row ".updated_at < ?)"
#define PAYMENT                                                                          \
    " LEFT JOIN payment_intents AS payment"                                              \
    " ON payment.stripe_payment_intent_id = stripes.stripe_payment_intent_id"
#define OF_CHARGE(alias, type)                                                           \
    " LEFT JOIN balance_transactions AS " alias " ON " alias ".stripe_charge_id ="       \
    " stripes.source_id AND " alias ".type = '" type "'"

#define SUM_OF_PAYMENTS                                                                  \
    SUM("payment.amount_received", "stripes.source_taken")                               \
    PAYMENT ON_PLATFORM("charge") UNCHANGED("payment")
#define SUM_OF_REFUNDS                                                                   \
    SUM("IF(refund.is_release OR refund.status IN ('failed', 'canceled'), 0,"            \
        " refund.amount)",                                                               \
        "IF(COALESCE(refund.is_release, FALSE)"                                          \
        " OR stripes.source_status IN ('failed', 'canceled'), 0, stripes.source_amount)")\
    " LEFT JOIN refunds AS refund ON refund.stripe_refund_id = stripes.source_id"        \
    ON_PLATFORM("refund") UNCHANGED("refund")
#define SUM_OF_FEES                                                                      \
    SUM("payment.application_fee - payment.application_fee_refunded",                    \
        "COALESCE(fee.source_amount - fee.source_back, 0)")                              \
    PAYMENT OF_CHARGE("fee", "application_fee")                                          \
    ON_PLATFORM("charge") UNCHANGED("payment")
#define SUM_OF_DISPUTES                                                                  \
    SUM("IF(stripes.amount < 0, dispute.amount, 0)",                                     \
        "CASE WHEN NOT (stripes.source_object <=> 'dispute') THEN -stripes.amount"       \
        " WHEN stripes.amount < 0 THEN stripes.source_amount ELSE 0 END")                \
    " LEFT JOIN disputes AS dispute ON dispute.stripe_dispute_id = stripes.source_id"    \
    ON_PLATFORM("adjustment") UNCHANGED("dispute")
#define SUM_OF_TRANSFERS                                                                 \
    SUM("payment.amount_received", "-COALESCE(moved.amount, 0)")                         \
    PAYMENT OF_CHARGE("moved", "transfer")                                               \
    ON_PLATFORM("charge") " AND stripes.destination_account_id IS NOT NULL"              \
    " AND stripes.currency = stripes.source_currency" UNCHANGED("payment")
/* We are told of a payout once it was paid or failed. */
#define SUM_OF_PAYOUTS                                                                   \
    SUM("payout.amount",                                                                 \
        "IF(payout.id IS NULL AND stripes.source_status IN ('pending', 'in_transit',"    \
        " 'canceled'), 0, stripes.source_amount)")                                       \
    " LEFT JOIN payouts AS payout ON payout.stripe_payout_id = stripes.source_id"        \
    OF_TYPE("payout") UNCHANGED("payout")

#define EXPLAINED(kinds)                                                                 \
    "SELECT COUNT(*) FROM reconciliation_findings WHERE amicale_id <=> ?"                \
    " AND happened_at >= ? AND happened_at < ? AND closed_at IS NULL"                    \
    " AND kind IN ('payment_missing', 'payment_charge', " kinds ")"

static const struct measure {
    const char *name;
    bool of_account;
    const char *sum; /* amicale, from, to, before which our row changed last */
    const char *unknown; /* the kind of those that Stripe does not show; NULL: none */
    const char *explained; /* whether a finding of one of these kinds is open: amicale,
                              from, to */
} measures[BOOKS_TOTALS] = {
    {"payments", false, SUM_OF_PAYMENTS, "payment_unknown",
     EXPLAINED("'payment_unknown', 'payment_status', 'payment_amount', 'unattributed'")},
    {"refunds", false, SUM_OF_REFUNDS, "refund_unknown",
     EXPLAINED("'refund_unknown', 'refund_missing', 'refund_status', 'refund_amount'")},
    {"fees", false, SUM_OF_FEES, NULL,
     EXPLAINED("'fee_amount'")},
    {"disputes", false, SUM_OF_DISPUTES, "dispute_unknown",
     EXPLAINED("'dispute_unknown', 'dispute_missing', 'dispute_status',"
               " 'dispute_amount'")},
    {"transfers", false, SUM_OF_TRANSFERS, NULL,
     EXPLAINED("'transfer_amount', 'payment_status', 'payment_amount'")},
    {"payouts", true, SUM_OF_PAYOUTS, "payout_unknown",
     EXPLAINED("'payout_unknown', 'payout_missing', 'payout_status', 'payout_amount'")},
};
/* clang-format on */

static enum outcome sum_measure(struct handling *handling,
                                const struct books_run *run,
                                const struct measure *measure,
                                struct books_total *total,
                                struct fault *fault);

enum outcome books_totals_sum(struct handling *handling,
                              const struct books_run *run,
                              bool payouts,
                              struct books_total out_totals[BOOKS_TOTALS],
                              struct fault *fault)
{
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < BOOKS_TOTALS; i++) {
        out_totals[i] = (struct books_total){.name = measures[i].name};
        if (payouts || !measures[i].of_account) {
            outcome = sum_measure(handling, run, &measures[i], &out_totals[i], fault);
        }
    }
    return outcome;
}

static enum outcome sum_measure(struct handling *handling,
                                const struct books_run *run,
                                const struct measure *measure,
                                struct books_total *total,
                                struct fault *fault)
{
    struct arena *arena = handling->arena;
    const struct books_window *window =
        measure->of_account ? &run->payouts : &run->window;
    struct sql_value amicale = run->amicale_id ? SQL_I64(run->amicale_id) : SQL_NOTHING;
    struct sql_value from = sql_moment(arena, window->from_ms);
    struct sql_value to = sql_moment(arena, window->to_ms);
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(handling->db,
                    measure->sum,
                    SQL_VALUES(amicale, from, to, sql_moment(arena, run->copied_ms)),
                    arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    total->count = sql_i64(&rows, 0, 0);
    total->stripe_minor = sql_i64(&rows, 0, 1);
    total->books_minor = sql_i64(&rows, 0, 2);
    total->is_known = true;
    if (measure->unknown) {
        outcome = mariadb_run(
            handling->db,
            "SELECT COUNT(*), CAST(COALESCE(SUM(amount), 0) AS SIGNED)"
            " FROM reconciliation_findings WHERE amicale_id <=> ? AND happened_at >= ?"
            " AND happened_at < ? AND closed_at IS NULL AND kind = ?",
            SQL_VALUES(amicale, from, to, SQL_STRING(measure->unknown)),
            arena,
            &rows,
            fault);
    }
    if (outcome == OUTCOME_DONE && measure->unknown) {
        total->count += sql_i64(&rows, 0, 0);
        total->books_minor += sql_i64(&rows, 0, 1);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(handling->db,
                              measure->explained,
                              SQL_VALUES(amicale, from, to),
                              arena,
                              &rows,
                              fault);
    }
    if (outcome == OUTCOME_DONE) {
        total->is_explained = sql_i64(&rows, 0, 0) > 0;
    }
    return outcome;
}

/* {"books": {name: sum}, "stripe": {name: sum}, "counts": {name: objects}}; what was not
 * compared is in none. */
struct span books_totals_print(const struct books_total totals[BOOKS_TOTALS],
                               struct handling *handling)
{
    static const struct {
        const char *name;
        size_t offset;
    } sides[] = {
        {"books", offsetof(struct books_total, books_minor)},
        {"stripe", offsetof(struct books_total, stripe_minor)},
        {"counts", offsetof(struct books_total, count)},
    };
    struct text printed;
    text_init(&printed, PRINTED_BYTES);
    struct json_writer json = json_writer(&printed);
    json_open(&json, NULL, '{');
    for (size_t side = 0; side < sizeof(sides) / sizeof(sides[0]); side++) {
        json_open(&json, sides[side].name, '{');
        for (size_t i = 0; i < BOOKS_TOTALS; i++) {
            int64_t number = 0;
            memcpy(&number,
                   (const char *)&totals[i] + sides[side].offset,
                   sizeof(number));
            if (totals[i].is_known) {
                json_put_integer(&json, totals[i].name, number);
            }
        }
        json_close(&json, '}');
    }
    json_close(&json, '}');
    struct span span = arena_span(handling->arena, text_span(&printed));
    text_done(&printed);
    return span;
}
