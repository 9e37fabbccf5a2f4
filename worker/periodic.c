/* SPDX-License-Identifier: MIT
 * Names the periods, and runs what is named by them once. */
#include "worker/periodic.h"

#include <assert.h>

#include "common/base/clock.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/queue.h"
#include "worker/books.h"
#include "worker/crash_point.h"
#include "worker/handle_payment_reconcile.h"
#include "worker/handlers.h"

enum { MINUTE_S = 60, HOUR_MS = 3600 * 1000 };

static struct span catchup_period(const struct settings *settings,
                                  int64_t now_ms,
                                  struct arena *arena,
                                  int64_t *out_left_ms);
static struct span reconcile_period(const struct settings *settings,
                                    int64_t now_ms,
                                    struct arena *arena,
                                    int64_t *out_left_ms);
static struct span every(const char *prefix,
                         int64_t period_s,
                         int64_t now_ms,
                         struct arena *arena,
                         int64_t *out_left_ms);
static struct span books_period(const struct settings *settings,
                                int64_t now_ms,
                                struct arena *arena,
                                int64_t *out_left_ms);
static int64_t paris_hour(int64_t now_ms);
static struct span books_payload(const struct settings *settings,
                                 struct span period,
                                 struct arena *arena);
static struct span erase_period(const struct settings *settings,
                                int64_t now_ms,
                                struct arena *arena,
                                int64_t *out_left_ms);
static const struct periodic *find_row(const char *kind);
static enum outcome begin(struct handling *handling,
                          bool *out_finished,
                          struct fault *fault);
static enum outcome finish(struct handling *handling, struct fault *fault);

const struct periodic periodics[] = {
    {"events.catchup", "catchup", catchup_period, NULL, handle_events_catchup},
    {"payment.reconcile", "reconcile", reconcile_period, NULL, reconcile_plan},
    {"books.plan", "books", books_period, books_payload, handle_books_plan},
    {"personal_data.erase", "erase", erase_period, NULL, handle_personal_data_erase},
};
const size_t periodics_count = sizeof(periodics) / sizeof(periodics[0]);

enum outcome handle_periodic(struct handling *handling,
                             struct handled *out_handled,
                             struct fault *fault)
{
    const struct periodic *row = find_row(handling->job->kind->name);
    bool finished = false;
    enum outcome outcome = begin(handling, &finished, fault);
    if (outcome != OUTCOME_DONE || finished) {
        return outcome;
    }
    CRASH_POINT("period_begun");
    outcome = row->run(handling, out_handled, fault);
    CRASH_POINT("period_ran");
    return outcome == OUTCOME_DONE ? finish(handling, fault) : outcome;
}

static struct span catchup_period(const struct settings *settings,
                                  int64_t now_ms,
                                  struct arena *arena,
                                  int64_t *out_left_ms)
{
    return every("catchup", settings->books.catchup_s, now_ms, arena, out_left_ms);
}

static struct span reconcile_period(const struct settings *settings,
                                    int64_t now_ms,
                                    struct arena *arena,
                                    int64_t *out_left_ms)
{
    return every("reconcile", settings->books.reconcile_s, now_ms, arena, out_left_ms);
}

static struct span every(const char *prefix,
                         int64_t period_s,
                         int64_t now_ms,
                         struct arena *arena,
                         int64_t *out_left_ms)
{
    struct span moment = periodic_moment(period_s, now_ms, arena, out_left_ms);
    return span_of(arena_format(arena, "%s:%.*s", prefix, SPAN_ARGS(moment)));
}

/* Periods are counted from 1970, so all workers with the same setting agree. */
struct span periodic_moment(int64_t period_s,
                            int64_t now_ms,
                            struct arena *arena,
                            int64_t *out_left_ms)
{
    int64_t period_ms = period_s * 1000;
    int64_t begin_ms = now_ms / period_ms * period_ms;
    char stamp[CLOCK_STAMP_BYTES];
    size_t digits = period_s < MINUTE_S ? 19 : 16; /* of 2026-11-22T10:05:30 */
    if (out_left_ms) {
        *out_left_ms = begin_ms + period_ms - now_ms;
    }
    return arena_span(arena, (struct span){clock_stamp(begin_ms, stamp), digits});
}

/* Before the hour of the day it is still the day before. Paris is whole hours from UTC,
 * so the name holds until the next one begins. */
static struct span books_period(const struct settings *settings,
                                int64_t now_ms,
                                struct arena *arena,
                                int64_t *out_left_ms)
{
    int64_t hour = paris_hour(now_ms);
    int64_t at_ms = now_ms;
    if (hour < settings->books.daily_hour) {
        at_ms -= (hour + 2) * HOUR_MS; /* in the evening, also when clocks change */
    }
    char day[11];
    *out_left_ms = HOUR_MS - now_ms % HOUR_MS;
    return span_of(arena_format(arena, "books:%s", clock_paris_day(at_ms, day)));
}

static int64_t paris_hour(int64_t now_ms)
{
    char minute[20]; /* 22/11/2026 11:05 */
    int64_t hour = 0;
    struct span digits = {clock_paris_minute(now_ms, minute) + 11, 2};
    bool good = span_to_i64(digits, &hour);
    assert(good);
    return hour;
}

static struct span books_payload(const struct settings *settings,
                                 struct span period,
                                 struct arena *arena)
{
    struct span day;
    (void)span_cut(period, ':', &day);
    int64_t noon_ms = 0;
    bool good =
        clock_parse(span_of(arena_format(arena, "%.*sT12:00:00Z", SPAN_ARGS(day))),
                    &noon_ms);
    assert(good);
    char from[11];
    return span_of(arena_format(
        arena,
        "{\"run\":\"%.*s\",\"from\":\"%s\",\"to\":\"%.*s\",\"amicale_id\":null}",
        SPAN_ARGS(period),
        clock_paris_day(noon_ms - settings->books.window_days * 24 * HOUR_MS, from),
        SPAN_ARGS(day)));
}

/* The day in UTC. */
static struct span erase_period(const struct settings *settings,
                                int64_t now_ms,
                                struct arena *arena,
                                int64_t *out_left_ms)
{
    (void)settings;
    struct span day = periodic_moment(24 * HOUR_MS / 1000, now_ms, arena, out_left_ms);
    day.len = sizeof("2026-11-22") - 1;
    return span_of(arena_format(arena, "erase:%.*s", SPAN_ARGS(day)));
}

static const struct periodic *find_row(const char *kind)
{
    for (size_t i = 0; i < periodics_count; i++) {
        if (span_is(span_of(kind), periodics[i].kind)) {
            return &periodics[i];
        }
    }
    assert(!"handlers name handle_periodic for kinds of the table alone");
    return NULL;
}

/* What begins again after a crash keeps its row, with the moment of the last begin. */
static enum outcome begin(struct handling *handling,
                          bool *out_finished,
                          struct fault *fault)
{
    struct sql_value name = SQL_SPAN(handling->job->id);
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        handling->db,
        "INSERT INTO periodic_runs (name, kind, started_at) VALUES (?, ?, ?)"
        " ON DUPLICATE KEY UPDATE started_at ="
        " IF(finished_at IS NULL, VALUES(started_at), started_at)",
        SQL_VALUES(name,
                   SQL_STRING(handling->job->kind->name),
                   sql_moment(handling->arena, clock_wall_ms(handling->clock))),
        handling->arena,
        NULL,
        fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(
            handling->db,
            "SELECT finished_at IS NOT NULL FROM periodic_runs WHERE name = ?",
            SQL_VALUES(name),
            handling->arena,
            &rows,
            fault);
    }
    if (outcome == OUTCOME_DONE) {
        *out_finished = rows.count == 1 && sql_i64(&rows, 0, 0) == 1;
    }
    return outcome;
}

static enum outcome finish(struct handling *handling, struct fault *fault)
{
    return mariadb_run(
        handling->db,
        "UPDATE periodic_runs SET finished_at = ? WHERE name = ?",
        SQL_VALUES(sql_moment(handling->arena, clock_wall_ms(handling->clock)),
                   SQL_SPAN(handling->job->id)),
        handling->arena,
        NULL,
        fault);
}
