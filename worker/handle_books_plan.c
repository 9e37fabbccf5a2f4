/* SPDX-License-Identifier: MIT
 * books.plan: copies the platform's movements of some days, has each amicale compared, and
 * compares what belongs to none. */
#include "worker/books.h"

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/link/mariadb.h"
#include "worker/books_compare.h"
#include "worker/books_mirror.h"
#include "worker/books_run.h"
#include "worker/crash_point.h"
#include "worker/handlers.h"
#include "worker/producer.h"

/* What moved shortly before or after a window belongs to objects inside it. */
enum { EDGE_MS = 24 * 3600 * 1000 };

static enum outcome read_payload(struct handling *handling,
                                 struct books_run *run,
                                 int64_t *out_amicale_id,
                                 struct fault *fault);
static enum outcome plan(struct handling *handling,
                         struct books_run *run,
                         int64_t amicale_id,
                         struct fault *fault);
static enum outcome copy(struct handling *handling,
                         const struct books_run *run,
                         struct fault *fault);
static enum outcome enqueue(struct handling *handling,
                            const struct books_run *run,
                            int64_t amicale_id,
                            struct fault *fault);

enum outcome handle_books_plan(struct handling *handling,
                               struct handled *out_handled,
                               struct fault *fault)
{
    (void)out_handled; /* there are more jobs than follow-ups */
    struct books_run run = {0};
    int64_t amicale_id = 0;
    enum outcome outcome = read_payload(handling, &run, &amicale_id, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct span name = run.name;
    outcome = plan(handling, &run, amicale_id, fault);
    return outcome == OUTCOME_DONE ? outcome
                                   : books_run_fail(handling, name, outcome, fault);
}

static enum outcome read_payload(struct handling *handling,
                                 struct books_run *run,
                                 int64_t *out_amicale_id,
                                 struct fault *fault)
{
    struct arena *arena = handling->arena;
    struct cJSON *payload = NULL;
    struct books_window window;
    enum outcome outcome = json_parse(handling->payload, &payload, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    run->name = arena_span(arena, json_string(payload, "run"));
    run->from_day = arena_span(arena, json_string(payload, "from"));
    run->to_day = arena_span(arena, json_string(payload, "to"));
    if (!json_integer(payload, "amicale_id", out_amicale_id)) {
        *out_amicale_id = 0;
    }
    json_free(payload);
    if (!span_equal(run->name, handling->job->id) ||
        !books_window_of_days(run->from_day, run->to_day, &window)) {
        return fault_set(fault, OUTCOME_NEVER, "books", 0, "the plan names no days");
    }
    return OUTCOME_DONE;
}

/* What belongs to no amicale is left alone when one was asked for. */
static enum outcome plan(struct handling *handling,
                         struct books_run *run,
                         int64_t amicale_id,
                         struct fault *fault)
{
    struct span totals = SPAN("");
    int64_t began_ms = clock_mono_ms(handling->clock);
    enum outcome outcome = books_run_plan(handling, run, fault);
    CRASH_POINT("books_begun");
    if (outcome == OUTCOME_DONE) {
        outcome = copy(handling, run, fault);
    }
    CRASH_POINT("books_copied");
    if (outcome == OUTCOME_DONE) {
        outcome = enqueue(handling, run, amicale_id, fault);
    }
    CRASH_POINT("books_planned");
    if (outcome == OUTCOME_DONE && amicale_id == 0) {
        outcome = books_compare(handling, run, true, &totals, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = books_run_finish(handling, run, totals, SPAN(""), fault);
    }
    if (outcome == OUTCOME_DONE) {
        books_run_tell(handling, run, clock_mono_ms(handling->clock) - began_ms);
    }
    return outcome;
}

static enum outcome copy(struct handling *handling,
                         const struct books_run *run,
                         struct fault *fault)
{
    struct books_window wide = {run->window.from_ms - EDGE_MS,
                                run->window.to_ms + EDGE_MS};
    const struct books_copy copy = {.window = wide, .run_id = run->id};
    if (run->window.to_ms == run->window.from_ms) {
        return OUTCOME_DONE; /* nothing will be compared */
    }
    enum outcome outcome = books_mirror_copy(handling, &copy, NULL, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = books_mirror_attribute(handling, wide, fault);
    }
    return outcome == OUTCOME_DONE
               ? books_mirror_stir(handling, SPAN(""), run->until_ms, NULL, fault)
               : outcome;
}

static enum outcome enqueue(struct handling *handling,
                            const struct books_run *run,
                            int64_t amicale_id,
                            struct fault *fault)
{
    struct arena *arena = handling->arena;
    int64_t *ids = NULL;
    size_t count = 0;
    enum outcome outcome =
        books_run_children(handling, run, amicale_id, &ids, &count, fault);
    if (outcome != OUTCOME_DONE || count == 0) {
        return outcome;
    }
    const struct kind *kind = kind_find(SPAN("books.reconcile"));
    struct follow_up *jobs = ARENA_ARRAY(arena, struct follow_up, count);
    for (size_t i = 0; i < count; i++) {
        char *name =
            arena_format(arena, "%.*s:%lld", SPAN_ARGS(run->name), (long long)ids[i]);
        jobs[i] = (struct follow_up){
            .id = span_of(name),
            .kind = kind,
            .lane = kind->lane,
            .tenant = span_of(arena_format(arena, "%lld", (long long)ids[i])),
            .payload = span_of(arena_format(arena, "{\"run\":\"%s\"}", name)),
        };
    }
    return producer_enqueue(handling, jobs, count, NULL, fault);
}
