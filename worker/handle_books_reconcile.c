/* SPDX-License-Identifier: MIT
 * books.reconcile: copies what moved on an amicale's own balance, and compares its books.
 */
#include "worker/books.h"

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "worker/books_compare.h"
#include "worker/books_mirror.h"
#include "worker/books_run.h"
#include "worker/handlers.h"

/* Stripe's moments have whole seconds. */
enum { EDGE_MS = 1000 };

static enum outcome reconcile(struct handling *handling,
                              struct books_run *run,
                              struct fault *fault);
static enum outcome copy_account(struct handling *handling,
                                 const struct books_run *run,
                                 bool *out_payouts,
                                 struct span *out_note,
                                 struct fault *fault);
static bool has_left(const struct stripe_answer *refusal);

enum outcome handle_books_reconcile(struct handling *handling,
                                    struct handled *out_handled,
                                    struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct books_run run = {0};
    struct span name = handling->job->id;
    enum outcome outcome = books_run_find(handling, name, &run, fault);
    if (outcome == OUTCOME_DONE && run.id == 0) {
        return fault_set(fault, OUTCOME_NEVER, "books", 0, "no plan has such a run");
    }
    if (outcome == OUTCOME_DONE) {
        outcome = reconcile(handling, &run, fault);
    }
    return outcome == OUTCOME_DONE ? outcome
                                   : books_run_fail(handling, name, outcome, fault);
}

static enum outcome reconcile(struct handling *handling,
                              struct books_run *run,
                              struct fault *fault)
{
    bool payouts = false;
    struct span note = SPAN("");
    struct span totals = SPAN("");
    int64_t began_ms = clock_mono_ms(handling->clock);
    enum outcome outcome = copy_account(handling, run, &payouts, &note, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = books_compare(handling, run, payouts, &totals, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = books_run_finish(handling, run, totals, note, fault);
    }
    if (outcome == OUTCOME_DONE) {
        books_run_tell(handling, run, clock_mono_ms(handling->clock) - began_ms);
    }
    return outcome;
}

/* Of what moves on the account's own balance only its payouts are told of nowhere else:
 * what came in is the platform's transfers. An account that left, or that was never
 * there, has no balance that we may see: its sales are compared all the same, since they
 * are the platform's charges. */
static enum outcome copy_account(struct handling *handling,
                                 const struct books_run *run,
                                 bool *out_payouts,
                                 struct span *out_note,
                                 struct fault *fault)
{
    struct sql_rows rows;
    struct stripe_answer refusal = {0};
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT stripe_account_id FROM stripe_accounts WHERE amicale_id = ?"
                    " AND deauthorized_at IS NULL AND stripe_account_id IS NOT NULL",
                    SQL_VALUES(SQL_I64(run->amicale_id)),
                    handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count == 0) {
        *out_note = SPAN("it has no account: payouts were not compared");
        return OUTCOME_DONE;
    }
    struct books_copy copy = {.account = sql_text(&rows, 0, 0),
                              .type = SPAN("payout"),
                              .window = run->payouts,
                              .run_id = run->id};
    *out_payouts = true;
    copy.window.to_ms += EDGE_MS;
    if (run->payouts.from_ms == run->payouts.to_ms) {
        *out_payouts = run->window.from_ms == run->window.to_ms;
        *out_note = *out_payouts ? SPAN("")
                                 : SPAN("catch-up has not been through its "
                                        "account: payouts were not compared");
        return OUTCOME_DONE; /* nothing will be compared */
    }
    outcome = books_mirror_copy(handling, &copy, &refusal, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = books_mirror_stir(handling,
                                    copy.account,
                                    run->payouts_until_ms,
                                    &refusal,
                                    fault);
    }
    if (outcome == OUTCOME_NEVER && has_left(&refusal)) {
        handling->answered |= NEIGHBOUR_STRIPE;
        *out_payouts = false;
        *out_note = SPAN("Stripe shows its account no more: payouts were not compared");
        return OUTCOME_DONE;
    }
    return outcome;
}

static bool has_left(const struct stripe_answer *refusal)
{
    return refusal->status == 403 || refusal->status == 404;
}
