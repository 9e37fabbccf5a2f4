/* SPDX-License-Identifier: MIT
 * Finds what is due to be looked at, a hundred rows at a time, and makes jobs of it. */
#include "common/base/clock.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "worker/crash_point.h"
#include "worker/handle_payment_reconcile.h"
#include "worker/handlers.h"
#include "worker/producer.h"

enum { HOUR_MS = 3600 * 1000 };

/* The columns that each sort's SELECT begins with. */
enum column { ROW_ID, ROW_OBJECT, ROW_LOOKED_MS, ROW_AMICALE };

struct sort;

static enum outcome plan_sort(struct handling *handling,
                              const struct sort *sort,
                              struct fault *fault);
static enum outcome plan_round(struct handling *handling,
                               const struct sort *sort,
                               int64_t now_ms,
                               int64_t after,
                               struct sql_rows *out_rows,
                               struct fault *fault);
static struct follow_up look_job(struct handling *handling,
                                 const struct sort *sort,
                                 const struct sql_rows *rows,
                                 size_t row);
static enum outcome mark_rows(struct handling *handling,
                              const struct sort *sort,
                              const struct sql_rows *rows,
                              int64_t now_ms,
                              struct fault *fault);

#define MOMENT_MS(column) "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " column ") DIV 1000"
/* Of an open row: for so long and for a quarter of its age. The values are the moment
 * that is books.open_s ago, and now, twice. */
#define IS_DUE(row)                                                                      \
    row ".updated_at <= ? AND TIMESTAMPDIFF(MICROSECOND, " row ".updated_at, ?) * 4"     \
        " >= TIMESTAMPDIFF(MICROSECOND, " row ".created_at, ?)"
#define PAYMENT_COLUMNS                                                                  \
    "SELECT p.id, p.stripe_payment_intent_id, " MOMENT_MS(                               \
        "p.updated_at") ", p.amicale_id FROM payment_intents p WHERE "
#define MARK(table) "UPDATE " table " SET updated_at = ? WHERE id IN " SQL_100_PLACES

/* One row, one sort of what is due. */
static const struct sort {
    const char *key; /* of the payload */
    const char *select;
    const char *mark; /* so that it is not due any more; NULL: the look does */
    int64_t idle_ms; /* how long ago it was last looked at; 0: books.open_s */
    bool is_open; /* its statement has the values of IS_DUE; else that moment and an id */
} sorts[] = {
    {.key = "payment",
     .select = PAYMENT_COLUMNS
     "p.status IN ('requires_payment_method', 'requires_confirmation',"
     " 'requires_action', 'processing', 'requires_capture') AND " IS_DUE("p") //
     " AND p.stripe_payment_intent_id IS NOT NULL ORDER BY p.updated_at LIMIT 100",
     .mark = MARK("payment_intents"),
     .is_open = true},
    {.key = "payment",
     .select = PAYMENT_COLUMNS
     "p.collect_until <= ? AND p.id > ? AND p.updated_at <= p.collect_until"
     " AND p.status IN ('requires_payment_method', 'requires_confirmation',"
     " 'requires_action') AND p.stripe_payment_intent_id IS NOT NULL"
     " ORDER BY p.id LIMIT 100",
     .mark = MARK("payment_intents"),
     .idle_ms = 1},
    {.key = "refund",
     .select = "SELECT r.id, r.stripe_refund_id, " MOMENT_MS("r.updated_at") //
     ", p.amicale_id FROM refunds r LEFT JOIN payment_intents p ON p.id = r.payment_id"
     " WHERE r.status IN ('pending', 'requires_action') AND " IS_DUE("r") //
     " AND r.stripe_refund_id IS NOT NULL ORDER BY r.updated_at LIMIT 100",
     .mark = MARK("refunds"),
     .is_open = true},
    {.key = "account",
     .select =
         "SELECT a.id, a.stripe_account_id,"
         " COALESCE(" MOMENT_MS(
             "a.synced_at") ", 0), a.amicale_id"
                            " FROM stripe_accounts a WHERE a.onboarding_completed = FALSE"
                            " AND COALESCE(a.synced_at, '1970-01-01') <= ? AND a.id > ?"
                            " AND a.deauthorized_at IS NULL AND a.stripe_account_id IS "
                            "NOT NULL"
                            " ORDER BY a.id LIMIT 100",
     .idle_ms = HOUR_MS},
};

enum outcome reconcile_plan(struct handling *handling,
                            struct handled *out_handled,
                            struct fault *fault)
{
    (void)out_handled; /* what follows is enqueued before the period is finished */
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < sizeof(sorts) / sizeof(sorts[0]);
         i++) {
        outcome = plan_sort(handling, &sorts[i], fault);
    }
    return outcome;
}

/* In rounds, each in memory of its own. */
static enum outcome plan_sort(struct handling *handling,
                              const struct sort *sort,
                              struct fault *fault)
{
    struct arena arena;
    struct handling round = *handling;
    int64_t now_ms = clock_wall_ms(handling->clock);
    int64_t last = 0;
    bool more = true;
    enum outcome outcome = OUTCOME_DONE;
    arena_init(&arena, 16 << 20);
    round.arena = &arena;
    for (int i = 0; outcome == OUTCOME_DONE && more && i < RECONCILE_MOST_ROUNDS; i++) {
        struct sql_rows rows;
        outcome = plan_round(&round, sort, now_ms, last, &rows, fault);
        if (outcome == OUTCOME_DONE) {
            more = rows.count == RECONCILE_AT_ONCE;
            last = rows.count > 0 ? sql_i64(&rows, rows.count - 1, ROW_ID) : last;
        }
        arena_reset(&arena);
    }
    handling->answered |= round.answered;
    arena_done(&arena);
    return outcome;
}

/* Enqueued first and marked then: after a crash between the two the rows are found once
 * more, and their jobs have the same names. */
static enum outcome plan_round(struct handling *handling,
                               const struct sort *sort,
                               int64_t now_ms,
                               int64_t after,
                               struct sql_rows *out_rows,
                               struct fault *fault)
{
    struct arena *arena = handling->arena;
    int64_t idle_ms =
        sort->idle_ms != 0 ? sort->idle_ms : handling->settings->books.open_s * 1000;
    struct sql_value idle_since = sql_moment(arena, now_ms - idle_ms);
    struct sql_value now = sql_moment(arena, now_ms);
    struct sql_value values[] = {idle_since, sort->is_open ? now : SQL_I64(after), now};
    enum outcome outcome = mariadb_run(handling->db,
                                       sort->select,
                                       values,
                                       sort->is_open ? 3 : 2,
                                       arena,
                                       out_rows,
                                       fault);
    if (outcome != OUTCOME_DONE || out_rows->count == 0) {
        return outcome;
    }
    handling->answered |= NEIGHBOUR_MARIADB;
    struct follow_up *jobs = ARENA_ARRAY(arena, struct follow_up, out_rows->count);
    for (size_t i = 0; i < out_rows->count; i++) {
        jobs[i] = look_job(handling, sort, out_rows, i);
    }
    outcome = producer_enqueue(handling, jobs, out_rows->count, NULL, fault);
    CRASH_POINT("looks_enqueued");
    if (outcome == OUTCOME_DONE && sort->mark) {
        outcome = mark_rows(handling, sort, out_rows, now_ms, fault);
    }
    return outcome;
}

static struct follow_up look_job(struct handling *handling,
                                 const struct sort *sort,
                                 const struct sql_rows *rows,
                                 size_t row)
{
    struct arena *arena = handling->arena;
    struct span object = sql_text(rows, row, ROW_OBJECT);
    bool by_name = span_is(span_of(sort->key), "account");
    struct follow_up job = {
        .id = span_of(arena_format(arena,
                                   "reconcile:%.*s:%lld",
                                   SPAN_ARGS(object),
                                   (long long)sql_i64(rows, row, ROW_LOOKED_MS))),
        .kind = handling->job->kind,
        .lane = handling->job->kind->lane,
        .payload = span_of(
            by_name ? arena_format(arena, "{\"account\":\"%.*s\"}", SPAN_ARGS(object))
                    : arena_format(arena,
                                   "{\"%s\":%lld}",
                                   sort->key,
                                   (long long)sql_i64(rows, row, ROW_ID))),
    };
    if (!sql_is_null(rows, row, ROW_AMICALE)) {
        job.tenant = span_of(
            arena_format(arena, "%lld", (long long)sql_i64(rows, row, ROW_AMICALE)));
    }
    follow_up_ref(&job, object);
    return job;
}

static enum outcome mark_rows(struct handling *handling,
                              const struct sort *sort,
                              const struct sql_rows *rows,
                              int64_t now_ms,
                              struct fault *fault)
{
    struct sql_value values[1 + RECONCILE_AT_ONCE];
    values[0] = sql_moment(handling->arena, now_ms);
    for (size_t i = 0; i < RECONCILE_AT_ONCE; i++) {
        values[1 + i] = i < rows->count ? SQL_I64(sql_i64(rows, i, ROW_ID)) : SQL_NOTHING;
    }
    return mariadb_run(handling->db,
                       sort->mark,
                       values,
                       1 + RECONCILE_AT_ONCE,
                       handling->arena,
                       NULL,
                       fault);
}
