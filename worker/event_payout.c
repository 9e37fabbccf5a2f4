/* SPDX-License-Identifier: MIT
 * payout.*: what Stripe paid out to an amicale's bank, or to the platform's. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/mirror.h"

enum { FACTS = 8 };

static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault);
static struct sql_value day_fact(const struct cJSON *object,
                                 const char *path,
                                 struct arena *arena);

static const struct mirror payout_mirror = {
    .collection = "/v1/payouts",
    .has_states = true,
    .states = MONEY_PAYOUT,
    .fact_count = FACTS,
    .select = "SELECT id, revision, last_event_id, last_event_created, status, amount,"
              " currency, CAST(arrival_date AS CHAR), failure_code, failure_message,"
              " livemode, stripe_created FROM payouts WHERE stripe_payout_id = ?"
              " FOR UPDATE",
    .update = "UPDATE payouts SET revision = revision + 1, last_event_id = ?,"
              " last_event_created = ?, status = ?, amount = ?, currency = ?,"
              " arrival_date = ?, failure_code = ?, failure_message = ?, livemode = ?,"
              " stripe_created = ? WHERE id = ?",
    .touch = "UPDATE payouts SET revision = revision + 1, last_event_id = ?,"
             " last_event_created = ? WHERE id = ?",
    .insert = "INSERT INTO payouts (status, amount, currency, arrival_date, failure_code,"
              " failure_message, livemode, stripe_created, stripe_payout_id,"
              " last_event_id, last_event_created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
              " ?) ON DUPLICATE KEY UPDATE revision = revision",
    .facts = read_facts,
};

enum outcome event_payout_apply(struct event_work *work, struct fault *fault)
{
    struct mirror_row payout;
    enum outcome outcome = event_find_account(work, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mirror_apply(work,
                               &payout_mirror,
                               work->event.object_id,
                               work->told,
                               &payout,
                               fault);
    }
    if (outcome != OUTCOME_DONE || work->wanted.path || payout.id == 0) {
        return outcome;
    }
    return mariadb_run(
        work->handling->db,
        "UPDATE payouts SET account = ?, amicale_id = COALESCE(amicale_id, ?)"
        " WHERE id = ?",
        SQL_VALUES(sql_optional(work->event.account),
                   work->amicale_id ? SQL_I64(work->amicale_id) : SQL_NOTHING,
                   SQL_I64(payout.id)),
        work->handling->arena,
        NULL,
        fault);
}

static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault)
{
    struct arena *arena = work->handling->arena;
    enum outcome outcome = event_must_money(object, facts, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    size_t i = EVENT_MONEY_FACTS;
    facts[i++] = day_fact(object, "arrival_date", arena);
    facts[i++] = sql_optional(event_cut(json_string(object, "failure_code"), 100));
    facts[i++] = sql_optional(event_cut(json_string(object, "failure_message"), 500));
    facts[i++] = SQL_I64(json_is_true(object, "livemode"));
    facts[i++] = sql_moment(arena, event_moment_ms(object, "created"));
    return OUTCOME_DONE;
}

/* Stripe gives a day as its first second in UTC. */
static struct sql_value day_fact(const struct cJSON *object,
                                 const char *path,
                                 struct arena *arena)
{
    int64_t at_ms = event_moment_ms(object, path);
    if (at_ms == 0) {
        return SQL_NOTHING;
    }
    char stamp[CLOCK_STAMP_BYTES];
    clock_stamp(at_ms, stamp);
    return SQL_STRING(arena_format(arena, "%.10s", stamp));
}
