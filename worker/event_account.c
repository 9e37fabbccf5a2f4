/* SPDX-License-Identifier: MIT
 * account.*, capability.updated: what an amicale's Stripe account may do.
 *
 * Only account.updated carries the account; after the other events, as after any doubt,
 * it is retrieved. An account that Stripe no longer shows us has left: it is
 * deauthorized. */
#include "common/base/json.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/mirror.h"

enum { FACTS = 7 };

static enum outcome is_ours(struct event_work *work,
                            struct span account,
                            bool *out_ours,
                            struct fault *fault);
static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault);
static struct sql_value printed(const struct cJSON *object,
                                const char *path,
                                struct arena *arena);
static enum outcome adopt(struct event_work *work,
                          struct span id,
                          const struct cJSON *object,
                          const struct sql_value *facts,
                          bool *out_adopted,
                          struct fault *fault);
static enum outcome give_up_amicale(struct event_work *work,
                                    struct span account,
                                    struct fault *fault);
static enum outcome add_details(struct event_work *work,
                                const struct mirror_row *account,
                                struct fault *fault);

/* deauthorized_at is among the facts: of an account that we are shown it is NULL. */
static const struct mirror account_mirror = {
    .collection = "/v1/accounts",
    .may_leave = true,
    .fact_count = FACTS,
    .select = "SELECT id, revision, last_event_id, last_event_created, charges_enabled,"
              " payouts_enabled, onboarding_completed, requirements, capabilities,"
              " stripe_created, deauthorized_at FROM stripe_accounts"
              " WHERE stripe_account_id = ? FOR UPDATE",
    .update = "UPDATE stripe_accounts SET revision = revision + 1, last_event_id = ?,"
              " last_event_created = ?, charges_enabled = ?, payouts_enabled = ?,"
              " onboarding_completed = ?, requirements = ?, capabilities = ?,"
              " stripe_created = ?, deauthorized_at = ? WHERE id = ?",
    .touch = "UPDATE stripe_accounts SET revision = revision + 1, last_event_id = ?,"
             " last_event_created = ? WHERE id = ?",
    .insert = "INSERT INTO stripe_accounts (charges_enabled, payouts_enabled,"
              " onboarding_completed, requirements, capabilities, stripe_created,"
              " deauthorized_at, stripe_account_id, last_event_id, last_event_created)"
              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
              " ON DUPLICATE KEY UPDATE revision = revision",
    .facts = read_facts,
    .adopt = adopt,
};

enum outcome event_account_apply(struct event_work *work, struct fault *fault)
{
    bool updated = span_is(work->event.type, "account.updated");
    struct span id = updated ? work->event.object_id : work->event.account;
    bool ours = false;
    enum outcome outcome = is_ours(work, id, &ours, fault);
    if (outcome != OUTCOME_DONE || !ours) {
        return outcome;
    }
    return event_account_take(work, id, updated ? work->told : NULL, fault);
}

enum outcome event_account_take(struct event_work *work,
                                struct span id,
                                const struct cJSON *told,
                                struct fault *fault)
{
    struct mirror_row account;
    enum outcome outcome = mirror_apply(work, &account_mirror, id, told, &account, fault);
    if (outcome == OUTCOME_NEVER && mariadb_is_duplicate(fault)) {
        outcome = give_up_amicale(work, id, fault);
        if (outcome == OUTCOME_DONE) {
            outcome = mirror_apply(work, &account_mirror, id, told, &account, fault);
        }
    }
    if (outcome != OUTCOME_DONE || work->wanted.path || account.id == 0) {
        return outcome;
    }
    return add_details(work, &account, fault);
}

/* The platform's own account also has events; it is no amicale's and has no row. */
static enum outcome is_ours(struct event_work *work,
                            struct span account,
                            bool *out_ours,
                            struct fault *fault)
{
    *out_ours = work->event.account.len > 0;
    if (*out_ours || account.len == 0) {
        return OUTCOME_DONE;
    }
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(work->handling->db,
                    "SELECT 1 FROM stripe_accounts WHERE stripe_account_id = ?",
                    SQL_VALUES(SQL_SPAN(account)),
                    work->handling->arena,
                    &rows,
                    fault);
    *out_ours = outcome == OUTCOME_DONE && rows.count > 0;
    return outcome;
}

static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault)
{
    struct arena *arena = work->handling->arena;
    struct span id = {0};
    enum outcome outcome = event_must_string(object, "id", 255, &id, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    size_t i = 0;
    facts[i++] = SQL_I64(json_is_true(object, "charges_enabled"));
    facts[i++] = SQL_I64(json_is_true(object, "payouts_enabled"));
    facts[i++] = SQL_I64(json_is_true(object, "details_submitted"));
    facts[i++] = printed(object, "requirements", arena);
    facts[i++] = printed(object, "capabilities", arena);
    facts[i++] = sql_moment(arena, event_moment_ms(object, "created"));
    facts[i++] = SQL_NOTHING;
    return OUTCOME_DONE;
}

static struct sql_value printed(const struct cJSON *object,
                                const char *path,
                                struct arena *arena)
{
    const struct cJSON *part = json_at(object, path);
    return part ? SQL_SPAN(json_print(part, arena)) : SQL_NOTHING;
}

/* The row that we wrote before asking Stripe for the account, when this event outran the
 * answer; without one the row is made, and belongs to nobody (event_find_account). The
 * metadata names the amicale and our row (handle_account_create.c). Another row's number
 * is of another installation with the same account at Stripe; without a number the amicale
 * alone decides. */
static enum outcome adopt(struct event_work *work,
                          struct span id,
                          const struct cJSON *object,
                          const struct sql_value *facts,
                          bool *out_adopted,
                          struct fault *fault)
{
    (void)facts; /* the ids say it all */
    struct sql_rows rows;
    int64_t amicale_id = 0;
    int64_t row_id = 0;
    struct span row = json_string(object, "metadata.account_id");
    if (!span_to_i64(json_string(object, "metadata.amicale_id"), &amicale_id) ||
        (row.len > 0 && !span_to_i64(row, &row_id))) {
        return OUTCOME_DONE;
    }
    enum outcome outcome =
        mariadb_run(work->handling->db,
                    "UPDATE stripe_accounts SET stripe_account_id = ?"
                    " WHERE serves_amicale_id = ? AND id = COALESCE(?, id)"
                    " AND stripe_account_id IS NULL",
                    SQL_VALUES(SQL_SPAN(id),
                               SQL_I64(amicale_id),
                               row.len > 0 ? SQL_I64(row_id) : SQL_NOTHING),
                    work->handling->arena,
                    &rows,
                    fault);
    *out_adopted = outcome == OUTCOME_DONE && rows.affected == 1;
    return outcome;
}

/* An account that comes back finds its amicale served by another one: the newer one
 * stays, and a person decides. (A duplicate key undoes its statement and nothing else.)
 */
static enum outcome give_up_amicale(struct event_work *work,
                                    struct span account,
                                    struct fault *fault)
{
    enum outcome outcome = mariadb_run(
        work->handling->db,
        "UPDATE stripe_accounts SET amicale_id = NULL WHERE stripe_account_id = ?",
        SQL_VALUES(SQL_SPAN(account)),
        work->handling->arena,
        NULL,
        fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    return event_finding(work,
                         "second_account",
                         account,
                         0,
                         SPAN(""),
                         "it came back, and its amicale has another one",
                         fault);
}

/* When it left us: the event of that name knows, and until it comes the first event that
 * found it gone. */
static enum outcome add_details(struct event_work *work,
                                const struct mirror_row *account,
                                struct fault *fault)
{
    struct arena *arena = work->handling->arena;
    int64_t at_ms = work->event.created_s * 1000;
    if (account->object) {
        return mariadb_run(
            work->handling->db,
            "UPDATE stripe_accounts SET livemode = ?,"
            " synced_at = CURRENT_TIMESTAMP(3) WHERE id = ?",
            SQL_VALUES(SQL_I64(work->event.livemode), SQL_I64(account->id)),
            arena,
            NULL,
            fault);
    }
    bool told = span_is(work->event.type, "account.application.deauthorized");
    work->result = "applied";
    return mariadb_run(work->handling->db,
                       "UPDATE stripe_accounts SET charges_enabled = FALSE,"
                       " payouts_enabled = FALSE, synced_at = CURRENT_TIMESTAMP(3),"
                       " deauthorized_at = COALESCE(?, deauthorized_at, ?) WHERE id = ?",
                       SQL_VALUES(sql_moment(arena, told ? at_ms : 0),
                                  sql_moment(arena, at_ms),
                                  SQL_I64(account->id)),
                       arena,
                       NULL,
                       fault);
}
