/* SPDX-License-Identifier: MIT
 * How jobs, lanes and rows are written. */
#include "ctl/show.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/queue.h"
#include "common/model/money.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

enum { DAY_BYTES = 11, MINUTE_BYTES = 20 };

static void put_words(struct json_writer *json, const char *key, struct span words);
static void put_history(struct json_writer *json, struct span history);
static void add_history_text(struct ctl *ctl, struct span history);
static void add_field(struct ctl *ctl, const char *name, struct span value);
static bool is_moment(const char *column);
static bool is_flag(const char *column);
static bool is_json(struct span value);

void show_job_json(struct ctl *ctl,
                   struct json_writer *json,
                   const struct job_record *record,
                   bool whole)
{
    json_open(json, NULL, '{');
    json_put_string(json, "id", record->id);
    json_put_string(json, "kind", record->kind);
    json_put_string(json, "lane", record->lane);
    json_put_string(json, "tenant", record->tenant);
    json_put_string(json, "state", span_of(job_state_name(record->state)));
    json_put_optional(json, "outcome", record->outcome);
    json_put_integer(json, "attempt", record->attempt);
    json_put_integer(json, "max_attempts", record->max_attempts);
    json_put_integer(json, "crashes", record->crashes);
    json_put_integer(json, "deferrals", record->deferrals);
    json_put_optional(json, "enqueued_at", ctl_moment(ctl, record->enqueued_ms));
    json_put_optional(json, "at", ctl_moment(ctl, record->at_ms));
    json_put_optional(json, "worker", record->worker);
    json_put_optional(json, "fault", record->last_fault);
    put_words(json, "refs", record->refs);
    if (whole) {
        json_put_integer(json, "version", record->version);
        json_put_integer(json, "token", record->token);
        json_put_bool(json, "archived", record->archived);
        put_history(json, record->history);
    }
    json_close(json, '}');
}

void show_job_text(struct ctl *ctl, const struct job_record *record, int64_t now_ms)
{
    static const char *const when[JOB_STATE_COUNT] = {
        [JOB_READY] = "since",
        [JOB_LEASED] = "lease until",
        [JOB_SCHEDULED] = "due",
        [JOB_DONE] = "since",
        [JOB_DEAD] = "since",
    };
    struct arena *arena = &ctl->arena;
    text_addf(&ctl->out, "job %.*s\n", SPAN_ARGS(record->id));
    add_field(ctl, "kind", record->kind);
    add_field(ctl, "lane", record->lane);
    add_field(ctl, "tenant", record->tenant);
    bool told = record->outcome.len > 0 &&
                (record->state == JOB_DONE || record->state == JOB_DEAD) &&
                !span_is(record->outcome, "done");
    const char *state = job_state_name(record->state);
    struct span outcome = record->outcome;
    add_field(ctl,
              "state",
              span_of(told ? arena_format(arena, "%s (%.*s)", state, SPAN_ARGS(outcome))
                           : state));
    struct span moment = ctl_moment(ctl, record->at_ms);
    struct span away = ctl_when(ctl, record->at_ms, now_ms);
    add_field(ctl,
              when[record->state],
              span_of(arena_format(arena,
                                   "%.*s (%.*s%s)",
                                   SPAN_ARGS(moment),
                                   SPAN_ARGS(away),
                                   record->at_ms > now_ms ? "" : " ago")));
    add_field(ctl, "enqueued", ctl_moment(ctl, record->enqueued_ms));
    add_field(ctl,
              "attempts",
              span_of(arena_format(arena,
                                   "%d of %d failed, %d crashes, %d deferrals",
                                   record->attempt,
                                   record->max_attempts,
                                   record->crashes,
                                   record->deferrals)));
    add_field(ctl, "worker", record->worker);
    add_field(ctl, "fault", record->last_fault);
    add_field(ctl, "refs", record->refs);
    if (record->state == JOB_DEAD) {
        add_field(ctl, "archived", record->archived ? SPAN("yes") : SPAN("not yet"));
    }
    add_history_text(ctl, record->history);
}

void show_lane_json(struct json_writer *json, const struct lane_counts *lane)
{
    json_open(json, NULL, '{');
    json_put_string(json, "lane", lane->lane);
    json_put_string(json, "kind", lane->kind);
    for (int state = 0; state < JOB_STATE_COUNT; state++) {
        json_put_integer(json, job_state_name((enum job_state)state), lane->count[state]);
    }
    if (lane->oldest_ready_ms >= 0) {
        json_put_integer(json, "oldest_ready_ms", lane->oldest_ready_ms);
    } else {
        json_put_null(json, "oldest_ready_ms");
    }
    json_put_bool(json, "paused", lane->paused);
    json_put_optional(json, "waits_for", lane->waits_for);
    json_close(json, '}');
}

void show_lanes_text(struct ctl *ctl, const struct lane_counts *lanes, size_t count)
{
    static const struct table_column columns[] = {
        {"LANE", false, false},
        {"KIND", false, false},
        {"READY", true, false},
        {"LEASED", true, false},
        {"SCHED", true, false},
        {"DONE", true, false},
        {"DEAD", true, false},
        {"OLDEST", true, false},
        {"", false, true},
    };
    struct table table;
    table_init(&table, &ctl->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < count; i++) {
        const struct lane_counts *lane = &lanes[i];
        table_cell(&table, lane->lane);
        table_cell(&table, lane->kind);
        for (int state = 0; state < JOB_STATE_COUNT; state++) {
            table_number(&table, lane->count[state]);
        }
        table_cell(&table,
                   lane->oldest_ready_ms >= 0 ? ctl_age(ctl, lane->oldest_ready_ms)
                                              : SPAN("-"));
        struct span waits = lane->waits_for;
        table_cell(
            &table,
            lane->paused ? SPAN("paused")
            : waits.len
                ? span_of(arena_format(&ctl->arena, "waits for %.*s", SPAN_ARGS(waits)))
                : SPAN(""));
    }
    table_print(&table, &ctl->out);
}

void show_row_json(struct ctl *ctl,
                   struct json_writer *json,
                   const char *key,
                   const struct section *section,
                   const struct sql_rows *rows,
                   size_t row)
{
    json_open(json, key, '{');
    for (size_t i = 0; section->columns[i]; i++) {
        const char *column = section->columns[i];
        const struct sql_value *value = sql_at(rows, row, i);
        if (value->type == SQL_NULL) {
            json_put_null(json, column);
        } else if (value->type == SQL_INTEGER && is_flag(column)) {
            json_put_bool(json, column, value->integer != 0);
        } else if (value->type == SQL_INTEGER) {
            json_put_integer(json, column, value->integer);
        } else if (is_moment(column)) {
            json_put_string(json, column, show_sql_moment(ctl, value->text));
        } else if (is_json(value->text)) {
            json_put_raw(json, column, value->text);
        } else {
            json_put_string(json, column, value->text);
        }
    }
    json_close(json, '}');
}

/* Fields that are not there are left out: the page is for a small screen. */
void show_row_text(struct ctl *ctl,
                   const struct section *section,
                   const struct sql_rows *rows,
                   size_t row)
{
    text_addf(&ctl->out, "\n%s\n", section->title);
    for (size_t i = 0; section->columns[i]; i++) {
        const char *column = section->columns[i];
        const struct sql_value *value = sql_at(rows, row, i);
        if (value->type == SQL_INTEGER && is_flag(column)) {
            add_field(ctl, column, value->integer ? SPAN("yes") : SPAN("no"));
        } else if (value->type == SQL_INTEGER) {
            add_field(
                ctl,
                column,
                span_of(arena_format(&ctl->arena, "%lld", (long long)value->integer)));
        } else if (value->type == SQL_TEXT) {
            add_field(ctl,
                      column,
                      is_moment(column) ? show_sql_moment(ctl, value->text)
                                        : value->text);
        }
    }
}

struct span show_sql_moment(struct ctl *ctl, struct span moment)
{
    if (moment.len < sizeof("2026-11-22 10:05:00") - 1) {
        return moment;
    }
    char *stamp = arena_format(&ctl->arena, "%.*sZ", SPAN_ARGS(moment));
    stamp[sizeof("2026-11-22") - 1] = 'T';
    return span_of(stamp);
}

struct span show_paris(struct ctl *ctl, struct span moment, int64_t now_ms)
{
    char today[DAY_BYTES];
    char day[DAY_BYTES];
    char minute[MINUTE_BYTES];
    int64_t at_ms = 0;
    if (!clock_parse(show_sql_moment(ctl, moment), &at_ms)) {
        return SPAN("");
    }
    clock_paris_day(now_ms, today);
    clock_paris_day(at_ms, day);
    clock_paris_minute(at_ms, minute);
    bool is_today = strcmp(day, today) == 0;
    return span_of(arena_format(&ctl->arena,
                                "%s%s%s:%02d",
                                is_today ? "" : day,
                                is_today ? "" : " ",
                                strchr(minute, ' ') + 1,
                                (int)(at_ms / 1000 % 60)));
}

struct span show_amount(struct ctl *ctl, int64_t minor, struct span currency)
{
    char text[MONEY_TEXT_BYTES];
    if (!span_is(currency, "eur")) {
        return span_of(
            arena_format(&ctl->arena, "%s", money_text(minor, currency, text)));
    }
    return span_of(arena_format(&ctl->arena,
                                "%s%lld.%02lld",
                                minor < 0 ? "-" : "",
                                llabs(minor) / 100,
                                llabs(minor) % 100));
}

void show_put_id(struct json_writer *json,
                 const char *key,
                 const struct sql_rows *rows,
                 size_t row,
                 size_t column)
{
    if (sql_is_null(rows, row, column)) {
        json_put_null(json, key);
    } else {
        json_put_integer(json, key, sql_i64(rows, row, column));
    }
}

static void put_words(struct json_writer *json, const char *key, struct span words)
{
    json_open(json, key, '[');
    while (words.len > 0) {
        json_put_string(json, NULL, span_cut(words, ' ', &words));
    }
    json_close(json, ']');
}

/* Lines of JSON by our own scripts; one that is not JSON is shown as what it is. */
static void put_history(struct json_writer *json, struct span history)
{
    json_open(json, "history", '[');
    while (history.len > 0) {
        struct span line = span_cut(history, '\n', &history);
        if (is_json(line)) {
            json_put_raw(json, NULL, line);
        } else {
            json_put_string(json, NULL, line);
        }
    }
    json_close(json, ']');
}

static void add_history_text(struct ctl *ctl, struct span history)
{
    if (history.len > 0) {
        text_add_string(&ctl->out, "  history\n");
    }
    while (history.len > 0) {
        struct span line = span_cut(history, '\n', &history);
        struct cJSON *document = NULL;
        struct fault fault;
        if (json_parse(line, &document, &fault) != OUTCOME_DONE) {
            text_addf(&ctl->out, "    %.*s\n", SPAN_ARGS(line));
            continue;
        }
        int64_t at_ms = 0;
        (void)json_integer(document, "at", &at_ms);
        struct span by = json_string(document, "by");
        struct span worker = by.len ? by : json_string(document, "worker");
        struct span text = json_string(document, "text");
        struct span moment = ctl_moment(ctl, at_ms);
        text_addf(&ctl->out,
                  "    %.*s %.*s %.*s%s",
                  SPAN_ARGS(moment),
                  SPAN_ARGS(json_string(document, "outcome")),
                  SPAN_ARGS(worker),
                  text.len ? "\n      " : "");
        ctl_add_line(&ctl->out, text);
        text_add_char(&ctl->out, '\n');
        json_free(document);
    }
}

static void add_field(struct ctl *ctl, const char *name, struct span value)
{
    if (value.len > 0) {
        text_addf(&ctl->out, "  %-16s ", name);
        ctl_add_line(&ctl->out, value);
        text_add_char(&ctl->out, '\n');
    }
}

static bool is_moment(const char *column)
{
    size_t len = strlen(column);
    return len > 3 && strcmp(column + len - 3, "_at") == 0;
}

static bool is_flag(const char *column)
{
    static const char *const flags[] = {"livemode",
                                        "body_kept",
                                        "is_release",
                                        "charges_enabled",
                                        "payouts_enabled",
                                        "onboarding_completed"};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(column, flags[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_json(struct span value)
{
    struct fault fault;
    return value.len > 1 && (value.at[0] == '{' || value.at[0] == '[') &&
           json_check(value, &fault) == OUTCOME_DONE;
}
