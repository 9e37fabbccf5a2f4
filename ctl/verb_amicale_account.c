/* SPDX-License-Identifier: MIT
 * amicale account - whose Stripe account is whose. The deed and its row in the audit log
 * are one transaction. */
#include <ctype.h>

#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "ctl/ctl.h"
#include "ctl/people.h"
#include "ctl/verbs.h"

static bool is_account(struct span account);
static int attach_account(struct ctl *ctl, int64_t amicale, struct span account);
static int find_amicale(struct ctl *ctl, int64_t amicale);
static enum outcome put_account(struct ctl *ctl, int64_t amicale, struct span account);

/* acct_ and what Stripe puts behind it. */
static bool is_account(struct span account)
{
    const size_t prefix = sizeof("acct_") - 1;
    bool good =
        span_starts(account, "acct_") && account.len > prefix && account.len <= 255;
    for (size_t i = prefix; i < account.len && good; i++) {
        good = isalnum((unsigned char)account.at[i]);
    }
    return good;
}

int verb_amicale_account(struct ctl *ctl)
{
    int64_t amicale = 0;
    struct span account = span_of(ctl->words[1]);
    if (!span_to_i64(span_of(ctl->words[0]), &amicale) || amicale < 1) {
        return ctl_say(CTL_USAGE, "%s is no number of an amicale", ctl->words[0]);
    }
    if (!is_account(account)) {
        return ctl_say(CTL_USAGE, "%s is no Stripe account", ctl->words[1]);
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    int code = attach_account(ctl, amicale, account);
    struct span why =
        span_of(arena_format(&ctl->arena, "amicale %lld", (long long)amicale));
    code = people_finish(ctl, code, "amicale account", account, why);
    return code == CTL_OK ? people_report(ctl, "amicale", amicale) : code;
}

/* Its findings are settled by saying whose it is. */
static int attach_account(struct ctl *ctl, int64_t amicale, struct span account)
{
    struct sql_rows rows;
    int code = find_amicale(ctl, amicale);
    if (code != CTL_OK) {
        return code;
    }
    enum outcome outcome = put_account(ctl, amicale, account);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(ctl->db,
                              "SELECT amicale_id FROM stripe_accounts"
                              " WHERE stripe_account_id = ?",
                              SQL_VALUES(SQL_SPAN(account)),
                              &ctl->arena,
                              &rows,
                              &ctl->fault);
    }
    /* Another row kept one of the two: an account has one amicale, and an amicale one
     * account at a time. When each has a row, neither can become the other's. */
    if ((outcome == OUTCOME_DONE && rows.count == 0) ||
        (outcome == OUTCOME_NEVER && mariadb_is_duplicate(&ctl->fault))) {
        return ctl_say(CTL_WRONG_STATE,
                       "amicale %lld has another account already, or one is being made",
                       (long long)amicale);
    }
    if (outcome == OUTCOME_DONE && sql_i64(&rows, 0, 0) != amicale) {
        return ctl_say(CTL_WRONG_STATE,
                       "%.*s belongs to amicale %lld",
                       SPAN_ARGS(account),
                       (long long)sql_i64(&rows, 0, 0));
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(ctl->db,
                              "UPDATE reconciliation_findings SET closed_at = NOW(3),"
                              " closed_by = ? WHERE kind = 'unknown_account'"
                              " AND subject = ? AND closed_at IS NULL",
                              SQL_VALUES(SQL_SPAN(ctl_who(ctl)), SQL_SPAN(account)),
                              &ctl->arena,
                              NULL,
                              &ctl->fault);
    }
    return outcome == OUTCOME_DONE ? CTL_OK : ctl_failed(ctl);
}

/* Locks it. The row of an account that Stripe refused to make stands in nobody's way. */
static int find_amicale(struct ctl *ctl, int64_t amicale)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(ctl->db,
                                       "SELECT id FROM amicales WHERE id = ? FOR UPDATE",
                                       SQL_VALUES(SQL_I64(amicale)),
                                       &ctl->arena,
                                       &rows,
                                       &ctl->fault);
    if (outcome == OUTCOME_DONE && rows.count == 0) {
        return ctl_say(CTL_NOT_FOUND, "there is no amicale %lld", (long long)amicale);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(ctl->db,
                              "DELETE FROM stripe_accounts WHERE serves_amicale_id = ?"
                              " AND stripe_account_id IS NULL AND job_id IS NULL",
                              SQL_VALUES(SQL_I64(amicale)),
                              &ctl->arena,
                              NULL,
                              &ctl->fault);
    }
    return outcome == OUTCOME_DONE ? CTL_OK : ctl_failed(ctl);
}

/* The row may be there already: made by an event that came before anybody said whose
 * account it is. */
static enum outcome put_account(struct ctl *ctl, int64_t amicale, struct span account)
{
    bool onboarded = ctl_option(ctl, "--onboarded") != NULL;
    return mariadb_run(
        ctl->db,
        "INSERT INTO stripe_accounts (amicale_id, stripe_account_id,"
        " charges_enabled, payouts_enabled, onboarding_completed, livemode)"
        " VALUES (?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE"
        " amicale_id = IF(stripe_account_id = VALUES(stripe_account_id),"
        " COALESCE(amicale_id, VALUES(amicale_id)), amicale_id),"
        " charges_enabled = charges_enabled OR VALUES(charges_enabled),"
        " payouts_enabled = payouts_enabled OR VALUES(payouts_enabled),"
        " onboarding_completed ="
        " onboarding_completed OR VALUES(onboarding_completed)",
        SQL_VALUES(SQL_I64(amicale),
                   SQL_SPAN(account),
                   SQL_I64(onboarded),
                   SQL_I64(onboarded),
                   SQL_I64(onboarded),
                   SQL_I64(ctl->settings->stripe.livemode)),
        &ctl->arena,
        NULL,
        &ctl->fault);
}
