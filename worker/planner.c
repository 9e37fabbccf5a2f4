/* SPDX-License-Identifier: MIT
 * Enqueues the jobs of the periods that it is in, and sleeps until the next. */
#include "worker/planner.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "worker/context.h"
#include "worker/handlers.h"
#include "worker/periodic.h"
#include "worker/producer.h"
#include "worker/rounds.h"

enum {
    LOOK_MOST_MS = 30 * 1000, /* the clock may be set meanwhile, Redis may forget */
    PLANNER_ARENA_BYTES = 64 << 20,
};

struct planner {
    const struct context *context;
    struct redis *redis;
    struct arena arena; /* of one round */
    struct rounds rounds;
};

static enum outcome plan_all(void *owner, int64_t *out_wait_ms, struct fault *fault);
static enum outcome plan(struct planner *planner,
                         const struct periodic *row,
                         int64_t *out_left_ms,
                         struct fault *fault);

enum outcome planner_open(const struct context *context,
                          struct planner **out_planner,
                          struct fault *fault)
{
    struct planner *planner = calloc(1, sizeof(*planner));
    if (!planner) {
        abort();
    }
    planner->context = context;
    planner->rounds = (struct rounds){.clock = context->clock,
                                      .outage = {.who = "planner", .what = "redis"},
                                      .round = plan_all,
                                      .owner = planner};
    arena_init(&planner->arena, PLANNER_ARENA_BYTES);
    enum outcome outcome = redis_open(context->settings, &planner->redis, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = rounds_start(&planner->rounds, fault);
    }
    if (outcome != OUTCOME_DONE) {
        planner_close(planner);
        return outcome;
    }
    *out_planner = planner;
    return OUTCOME_DONE;
}

void planner_close(struct planner *planner)
{
    if (!planner) {
        return;
    }
    rounds_stop(&planner->rounds);
    redis_close(planner->redis);
    arena_done(&planner->arena);
    free(planner);
}

/* A job that Redis refuses does not keep the others from being enqueued. */
static enum outcome plan_all(void *owner, int64_t *out_wait_ms, struct fault *fault)
{
    struct planner *planner = owner;
    int64_t wait_ms = LOOK_MOST_MS;
    enum outcome all = OUTCOME_DONE;
    for (size_t i = 0; i < periodics_count; i++) {
        const struct periodic *row = &periodics[i];
        int64_t left_ms = 0;
        const struct kind *kind = kind_find(span_of(row->kind));
        if (!kind || !context_handler(planner->context, kind)) {
            continue;
        }
        struct fault own;
        enum outcome outcome = plan(planner, row, &left_ms, &own);
        if (outcome != OUTCOME_DONE) {
            all = outcome;
            *fault = own;
        } else if (left_ms < wait_ms) {
            wait_ms = left_ms;
        }
    }
    arena_reset(&planner->arena);
    *out_wait_ms = wait_ms;
    return all;
}

/* Whether or not it was enqueued before: the queue knows, until it loses what it knew.
 * Workers may differ in what they put into the payload; the name alone counts. */
static enum outcome plan(struct planner *planner,
                         const struct periodic *row,
                         int64_t *out_left_ms,
                         struct fault *fault)
{
    const struct context *context = planner->context;
    struct arena *arena = &planner->arena;
    int64_t now_ms = clock_wall_ms(context->clock);
    struct span name = row->period(context->settings, now_ms, arena, out_left_ms);
    const struct kind *kind = kind_find(span_of(row->kind));
    const struct follow_up job = {
        .id = name,
        .kind = kind,
        .lane = kind->lane,
        .payload =
            row->payload ? row->payload(context->settings, name, arena) : SPAN("{}"),
    };
    struct handling handling = {.settings = context->settings,
                                .ring = context->ring,
                                .arena = arena,
                                .redis = planner->redis};
    enum enqueue_verdict verdict = ENQUEUE_KNOWN;
    enum outcome outcome = producer_enqueue(&handling, &job, 1, &verdict, fault);
    if (outcome == OUTCOME_DONE && verdict == ENQUEUE_NEW) {
        log_info("planned", LOG_SPAN("id", name), LOG_TEXT("kind", kind->name));
    }
    return outcome;
}
