/* SPDX-License-Identifier: MIT
 * events.catchup: the platform's lists of events held against the ledger, or those of one
 * connected account, which the platform's job makes a job of once its time has come.
 *
 *   {}                                       the platform
 *   {"account":"acct_1","amicale_id":7}      a connected account
 *   "again":1                                once more, since gaps were found */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "worker/apply.h"
#include "worker/catchup.h"
#include "worker/handlers.h"
#include "worker/periodic.h"
#include "worker/producer.h"

enum {
    ACCOUNTS_AT_ONCE = 100, /* as in the statement */
    AGAIN_MOST = 5,
    AGAIN_FIRST_MS = 2000, /* doubled each time */
    FORBIDDEN = 403,
};

/* What the payload says. */
struct wish {
    struct span account;
    int64_t amicale_id;
    int64_t again; /* how often it was looked again; 0: it is the period's own job */
};

static enum outcome walk_all(struct handling *handling,
                             const struct wish *wish,
                             int64_t *out_gaps,
                             struct fault *fault);
static bool has_types(const struct wish *wish, enum event_walk walk);
static void tell(const struct catchup_list *list, const struct catchup_found *found);
static enum outcome look_at_account(struct handling *handling,
                                    const struct wish *wish,
                                    struct fault *fault);
static enum outcome look_again(struct handling *handling,
                               const struct wish *wish,
                               struct fault *fault);
static enum outcome forget_accounts(struct handling *handling, struct fault *fault);
static enum outcome plan_accounts(struct handling *handling, struct fault *fault);
static struct follow_up account_job(struct handling *handling,
                                    struct span period,
                                    struct span account,
                                    int64_t amicale_id);

enum outcome handle_events_catchup(struct handling *handling,
                                   struct handled *out_handled,
                                   struct fault *fault)
{
    (void)out_handled; /* what follows is enqueued before the period is finished */
    struct cJSON *document = NULL;
    enum outcome outcome = json_parse(handling->payload, &document, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct span account = json_string(document, "account");
    struct wish wish = {.account = account.len > 0 ? account : SPAN("")}; /* no NULL */
    (void)json_integer(document, "amicale_id", &wish.amicale_id);
    (void)json_integer(document, "again", &wish.again);
    int64_t gaps = 0;
    bool plans = wish.account.len == 0 && wish.again == 0;
    if (plans) {
        outcome = forget_accounts(handling, fault);
    }
    if (outcome == OUTCOME_DONE && plans) {
        outcome = plan_accounts(handling, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = walk_all(handling, &wish, &gaps, fault);
    }
    if (outcome == OUTCOME_NEVER && fault->code == FORBIDDEN && wish.account.len > 0) {
        outcome = look_at_account(handling, &wish, fault);
    }
    if (outcome == OUTCOME_DONE && gaps > 0 && wish.again < AGAIN_MOST) {
        outcome = look_again(handling, &wish, fault);
    }
    json_free(document);
    return outcome;
}

static enum outcome walk_all(struct handling *handling,
                             const struct wish *wish,
                             int64_t *out_gaps,
                             struct fault *fault)
{
    for (int i = 0; i < EVENT_WALK_COUNT; i++) {
        struct catchup_list list = {.account = wish->account,
                                    .amicale_id = wish->amicale_id,
                                    .walk = (enum event_walk)i};
        struct catchup_found found = {0};
        if (!has_types(wish, list.walk)) {
            continue;
        }
        enum outcome outcome =
            catchup_walk(handling, &list, wish->again > 0, &found, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        tell(&list, &found);
        *out_gaps += found.gaps;
    }
    return OUTCOME_DONE;
}

/* An account's list holds nothing that its endpoint is not told of. */
static bool has_types(const struct wish *wish, enum event_walk walk)
{
    for (size_t i = 0; i < event_types_handled_count; i++) {
        const struct event_types_row *row = &event_types_handled[i];
        if (row->walk == walk && (wish->account.len > 0 ? row->connect : row->platform)) {
            return true;
        }
    }
    return false;
}

static void tell(const struct catchup_list *list, const struct catchup_found *found)
{
    struct span account = list->account.len > 0 ? list->account : SPAN("platform");
    if (found->told > 0) {
        log_error("events_unreadable",
                  LOG_SPAN("account", account),
                  LOG_TEXT("walk", event_walk_name(list->walk)),
                  LOG_NUMBER("events", found->told));
    }
    if (found->enqueued > 0) {
        log_warning("catchup",
                    LOG_SPAN("account", account),
                    LOG_TEXT("walk", event_walk_name(list->walk)),
                    LOG_NUMBER("seen", found->seen),
                    LOG_NUMBER("enqueued", found->enqueued),
                    LOG_NUMBER("gaps", found->gaps),
                    LOG_NUMBER("held", found->held));
    }
}

/* An account that has left us shows no events any more: then that is all there is to
 * know. Else the key has no leave to read them, which stays the job's fault. */
static enum outcome look_at_account(struct handling *handling,
                                    const struct wish *wish,
                                    struct fault *fault)
{
    struct fault forbidden = *fault;
    struct sql_rows rows;
    enum outcome outcome = apply_account(handling, wish->account, NULL, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(handling->db,
                              "SELECT 1 FROM stripe_accounts WHERE stripe_account_id = ?"
                              " AND deauthorized_at IS NULL",
                              SQL_VALUES(SQL_SPAN(wish->account)),
                              handling->arena,
                              &rows,
                              fault);
    }
    if (outcome == OUTCOME_DONE && rows.count > 0) {
        *fault = forbidden;
        return OUTCOME_NEVER;
    }
    return outcome;
}

/* Proves in some seconds that what was enqueued has arrived. */
static enum outcome look_again(struct handling *handling,
                               const struct wish *wish,
                               struct fault *fault)
{
    struct arena *arena = handling->arena;
    struct span id = handling->job->id;
    if (wish->again > 0) {
        while (id.len > 0 && id.at[id.len - 1] != ':') {
            id.len--;
        }
        id.len--;
    }
    long long again = (long long)wish->again + 1;
    struct follow_up job = {
        .id = span_of(again == 1
                          ? arena_format(arena, "%.*s:again", SPAN_ARGS(id))
                          : arena_format(arena, "%.*s:again%lld", SPAN_ARGS(id), again)),
        .kind = handling->job->kind,
        .lane = handling->job->lane,
        .tenant = handling->job->tenant,
        .payload = span_of(
            arena_format(arena,
                         "{\"account\":\"%.*s\",\"amicale_id\":%lld,\"again\":%lld}",
                         SPAN_ARGS(wish->account),
                         (long long)wish->amicale_id,
                         again)),
        .delay_ms = (int64_t)AGAIN_FIRST_MS << wish->again,
    };
    return producer_enqueue(handling, &job, 1, NULL, fault);
}

/* Nobody walks the list of an account that has left, so nothing may go by how far it was
 * complete. */
static enum outcome forget_accounts(struct handling *handling, struct fault *fault)
{
    return mariadb_run(handling->db,
                       "DELETE FROM event_cursors WHERE account <> ''"
                       " AND NOT EXISTS (SELECT 1 FROM stripe_accounts"
                       " WHERE stripe_account_id = event_cursors.account"
                       " AND deauthorized_at IS NULL)",
                       NULL,
                       0,
                       handling->arena,
                       NULL,
                       fault);
}

/* Each account once in its period, when its last walk is that long ago. */
static enum outcome plan_accounts(struct handling *handling, struct fault *fault)
{
    struct arena *arena = handling->arena;
    int64_t period_s = handling->settings->books.catchup_accounts_s;
    int64_t now_ms = clock_wall_ms(handling->clock);
    struct span period = periodic_moment(period_s, now_ms, arena, NULL);
    int64_t last = 0;
    for (;;) {
        struct sql_rows rows;
        enum outcome outcome = mariadb_run(
            handling->db,
            "SELECT a.id, a.stripe_account_id, a.amicale_id FROM stripe_accounts a"
            " LEFT JOIN event_cursors c ON c.account = a.stripe_account_id"
            " AND c.walk = 'accounts'"
            " WHERE a.id > ? AND a.stripe_account_id IS NOT NULL"
            " AND a.deauthorized_at IS NULL"
            " AND (c.walked_at IS NULL OR c.walked_at <= ?) ORDER BY a.id LIMIT 100",
            SQL_VALUES(SQL_I64(last), sql_moment(arena, now_ms - period_s * 1000)),
            arena,
            &rows,
            fault);
        struct follow_up *jobs = ARENA_ARRAY(arena, struct follow_up, ACCOUNTS_AT_ONCE);
        for (size_t i = 0; outcome == OUTCOME_DONE && i < rows.count; i++) {
            last = sql_i64(&rows, i, 0);
            jobs[i] = account_job(handling,
                                  period,
                                  sql_text(&rows, i, 1),
                                  sql_i64(&rows, i, 2));
        }
        if (outcome == OUTCOME_DONE && rows.count > 0) {
            outcome = producer_enqueue(handling, jobs, rows.count, NULL, fault);
        }
        if (outcome != OUTCOME_DONE || rows.count < ACCOUNTS_AT_ONCE) {
            return outcome;
        }
    }
}

static struct follow_up account_job(struct handling *handling,
                                    struct span period,
                                    struct span account,
                                    int64_t amicale_id)
{
    struct arena *arena = handling->arena;
    struct follow_up job = {
        .id = span_of(arena_format(arena,
                                   "catchup:%.*s:%.*s",
                                   SPAN_ARGS(period),
                                   SPAN_ARGS(account))),
        .kind = handling->job->kind,
        .lane = handling->job->kind->lane,
        .payload = span_of(arena_format(arena,
                                        "{\"account\":\"%.*s\",\"amicale_id\":%lld}",
                                        SPAN_ARGS(account),
                                        (long long)amicale_id)),
    };
    if (amicale_id != 0) {
        job.tenant = span_of(arena_format(arena, "%lld", (long long)amicale_id));
    }
    follow_up_ref(&job, account);
    return job;
}
