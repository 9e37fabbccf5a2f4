/* SPDX-License-Identifier: MIT
 * status, lanes and workers - how things are. */
#include "common/base/json.h"
#include "common/link/redis.h"
#include "ctl/ctl.h"
#include "ctl/queue_calls.h"
#include "ctl/show.h"
#include "ctl/status_books.h"
#include "ctl/table.h"
#include "ctl/verbs.h"

/* What status found out; a neighbour that is away leaves its part out. */
struct view {
    bool has_queue;
    struct queue_stats queue;
    struct text warnings; /* about how Redis keeps what it is given */
    bool has_books;
    struct status_books books;
};

static enum outcome read_queue(struct ctl *ctl, struct view *view);
static void status_json(struct ctl *ctl, const struct view *view);
static void put_neighbours(struct ctl *ctl,
                           struct json_writer *json,
                           const struct queue_stats *stats);
static void put_workers(struct json_writer *json, const struct queue_stats *stats);
static void put_pauses(struct ctl *ctl,
                       struct json_writer *json,
                       const struct queue_stats *stats);
static void status_text(struct ctl *ctl, const struct view *view);
static void queue_text(struct ctl *ctl, const struct view *view);
static void workers_text(struct ctl *ctl, const struct queue_stats *stats);

int verb_status(struct ctl *ctl)
{
    struct view view = {0};
    text_init(&view.warnings, 4096);
    int code = CTL_OK;
    if (read_queue(ctl, &view) != OUTCOME_DONE) {
        code = ctl_failed(ctl);
    }
    view.has_books = status_books_read(ctl, &view.books) == OUTCOME_DONE;
    if (!view.has_books) {
        code = ctl_failed(ctl);
    }
    if (ctl->json) {
        status_json(ctl, &view);
    } else {
        status_text(ctl, &view);
    }
    text_done(&view.warnings);
    return code;
}

int verb_lanes(struct ctl *ctl)
{
    struct queue_stats stats;
    if (calls_stats(ctl, &stats) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    if (!ctl->json) {
        show_lanes_text(ctl, stats.lanes, stats.lane_count);
        return CTL_OK;
    }
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_string(&json, "now", ctl_moment(ctl, stats.now_ms));
    json_open(&json, "lanes", '[');
    for (size_t i = 0; i < stats.lane_count; i++) {
        show_lane_json(&json, &stats.lanes[i]);
    }
    json_close(&json, ']');
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
    return CTL_OK;
}

int verb_workers(struct ctl *ctl)
{
    struct queue_stats stats;
    if (calls_stats(ctl, &stats) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    if (!ctl->json) {
        workers_text(ctl, &stats);
        return CTL_OK;
    }
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_string(&json, "now", ctl_moment(ctl, stats.now_ms));
    put_workers(&json, &stats);
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
    return CTL_OK;
}

static enum outcome read_queue(struct ctl *ctl, struct view *view)
{
    enum outcome outcome = calls_stats(ctl, &view->queue);
    if (outcome == OUTCOME_DONE) {
        outcome =
            redis_check_durability(ctl->redis, &ctl->arena, &view->warnings, &ctl->fault);
        /* Redis answers, but our user may not ask for that. */
        if (outcome == OUTCOME_NEVER) {
            text_add_string(&view->warnings, "how Redis keeps what it is given: ");
            text_add_string(&view->warnings, ctl->fault.text);
            outcome = OUTCOME_DONE;
        }
    }
    view->has_queue = outcome == OUTCOME_DONE;
    return outcome;
}

static void status_json(struct ctl *ctl, const struct view *view)
{
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_string(&json, "redis", view->has_queue ? SPAN("up") : SPAN("away"));
    json_put_string(&json, "mariadb", view->has_books ? SPAN("up") : SPAN("away"));
    if (view->has_queue) {
        const struct queue_stats *queue = &view->queue;
        json_put_string(&json, "now", ctl_moment(ctl, queue->now_ms));
        json_open(&json, "lanes", '[');
        for (size_t i = 0; i < queue->lane_count; i++) {
            show_lane_json(&json, &queue->lanes[i]);
        }
        json_close(&json, ']');
        put_neighbours(ctl, &json, queue);
        put_workers(&json, queue);
        put_pauses(ctl, &json, queue);
        json_open(&json, "totals", '{');
        for (size_t i = 0; i < queue->total_count; i++) {
            char *name = arena_copy(&ctl->arena, queue->totals[i].name);
            json_put_integer(&json, name, queue->totals[i].count);
        }
        json_close(&json, '}');
        json_open(&json, "warnings", '[');
        struct span lines = text_span(&view->warnings);
        while (lines.len > 0) {
            json_put_string(&json, NULL, span_cut(lines, '\n', &lines));
        }
        json_close(&json, ']');
    }
    if (view->has_books) {
        status_books_json(ctl, &json, &view->books);
    }
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
}

static void put_neighbours(struct ctl *ctl,
                           struct json_writer *json,
                           const struct queue_stats *stats)
{
    json_open(json, "neighbours", '[');
    for (size_t i = 0; i < stats->neighbour_count; i++) {
        const struct neighbour_state *neighbour = &stats->neighbours[i];
        json_open(json, NULL, '{');
        json_put_string(json, "name", neighbour->name);
        json_put_bool(json, "down", neighbour->down_since_ms != 0);
        json_put_optional(json, "down_since", ctl_moment(ctl, neighbour->down_since_ms));
        json_put_integer(json, "failures", neighbour->failures);
        json_put_optional(json, "fault", neighbour->fault);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_workers(struct json_writer *json, const struct queue_stats *stats)
{
    json_open(json, "workers", '[');
    for (size_t i = 0; i < stats->worker_count; i++) {
        const struct worker_state *worker = &stats->workers[i];
        struct fault fault;
        json_open(json, NULL, '{');
        json_put_string(json, "name", worker->name);
        json_put_integer(json, "beat_age_ms", worker->beat_age_ms);
        if (json_check(worker->about, &fault) == OUTCOME_DONE) {
            json_put_raw(json, "about", worker->about);
        } else {
            json_put_null(json, "about");
        }
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_pauses(struct ctl *ctl,
                       struct json_writer *json,
                       const struct queue_stats *stats)
{
    json_open(json, "pauses", '[');
    for (size_t i = 0; i < stats->pause_count; i++) {
        const struct pause_state *pause = &stats->pauses[i];
        json_open(json, NULL, '{');
        json_put_string(json, "what", pause->what);
        json_put_string(json, "by", pause->by);
        json_put_string(json, "why", pause->why);
        json_put_string(json, "since", ctl_moment(ctl, pause->since_ms));
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void status_text(struct ctl *ctl, const struct view *view)
{
    if (view->has_queue) {
        queue_text(ctl, view);
    } else {
        text_add_string(&ctl->out, "queue      away\n");
    }
    if (view->has_books) {
        status_books_text(ctl, &view->books);
    } else {
        text_add_string(&ctl->out, "books      away\n");
    }
}

static void queue_text(struct ctl *ctl, const struct view *view)
{
    const struct queue_stats *queue = &view->queue;
    int64_t sums[JOB_STATE_COUNT] = {0};
    for (size_t i = 0; i < queue->lane_count; i++) {
        for (int state = 0; state < JOB_STATE_COUNT; state++) {
            sums[state] += queue->lanes[i].count[state];
        }
    }
    text_add_string(&ctl->out, "queue     ");
    for (int state = 0; state < JOB_STATE_COUNT; state++) {
        text_addf(&ctl->out,
                  " %lld %s%s",
                  (long long)sums[state],
                  job_state_name((enum job_state)state),
                  state + 1 < JOB_STATE_COUNT ? "," : "\n");
    }
    text_addf(&ctl->out, "workers    %zu\n", queue->worker_count);
    for (size_t i = 0; i < queue->neighbour_count; i++) {
        const struct neighbour_state *neighbour = &queue->neighbours[i];
        if (neighbour->down_since_ms != 0) {
            struct span age = ctl_age(ctl, queue->now_ms - neighbour->down_since_ms);
            text_addf(&ctl->out,
                      "down       %.*s for %.*s: ",
                      SPAN_ARGS(neighbour->name),
                      SPAN_ARGS(age));
            ctl_add_line(&ctl->out, neighbour->fault);
            text_add_char(&ctl->out, '\n');
        }
    }
    for (size_t i = 0; i < queue->pause_count; i++) {
        const struct pause_state *pause = &queue->pauses[i];
        struct span age = ctl_age(ctl, queue->now_ms - pause->since_ms);
        text_addf(&ctl->out,
                  "paused     %.*s for %.*s by %.*s: ",
                  SPAN_ARGS(pause->what),
                  SPAN_ARGS(age),
                  SPAN_ARGS(pause->by));
        ctl_add_line(&ctl->out, pause->why);
        text_add_char(&ctl->out, '\n');
    }
    struct span lines = text_span(&view->warnings);
    while (lines.len > 0) {
        struct span line = span_cut(lines, '\n', &lines);
        text_addf(&ctl->out, "warning    %.*s\n", SPAN_ARGS(line));
    }
}

static void workers_text(struct ctl *ctl, const struct queue_stats *stats)
{
    static const struct table_column columns[] = {
        {"WORKER", false, false},
        {"BEAT", true, false},
        {"UP", true, false},
        {"SLOTS", true, false},
        {"HOLDS", true, false},
        {"OVERRAN", true, false},
        {"VERSION", false, true},
    };
    static const char *const numbers[] = {"slots", "held", "overruns"};
    struct table table;
    table_init(&table, &ctl->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < stats->worker_count; i++) {
        const struct worker_state *worker = &stats->workers[i];
        struct cJSON *about = NULL;
        struct fault fault;
        if (json_parse(worker->about, &about, &fault) != OUTCOME_DONE) {
            about = NULL;
        }
        int64_t started_ms = 0;
        bool told = json_integer(about, "started_ms", &started_ms);
        table_cell(&table, worker->name);
        table_cell(&table, ctl_age(ctl, worker->beat_age_ms));
        table_cell(&table, told ? ctl_age(ctl, stats->now_ms - started_ms) : SPAN("-"));
        for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++) {
            int64_t number = 0;
            if (json_integer(about, numbers[j], &number)) {
                table_number(&table, number);
            } else {
                table_cell(&table, SPAN("-"));
            }
        }
        table_cell(&table, arena_span(&ctl->arena, json_string(about, "version")));
        json_free(about);
    }
    table_print(&table, &ctl->out);
}
