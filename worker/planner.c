/* SPDX-License-Identifier: MIT
 * Enqueues the jobs of the periods that it is in, and sleeps until the next. */
#include "worker/planner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "worker/bell.h"
#include "worker/context.h"
#include "worker/handlers.h"
#include "worker/outage.h"
#include "worker/periodic.h"
#include "worker/producer.h"

enum {
    LOOK_MOST_MS = 30 * 1000, /* the clock may be set meanwhile, Redis may forget */
    PLANNER_ARENA_BYTES = 64 << 20,
};

struct planner {
    const struct context *context;
    struct redis *redis;
    struct outage outage;
    struct arena arena; /* of one round */
    pthread_t thread;
    bool started;
    struct bell bell; /* rings to stop */
    _Atomic bool stopping;
};

static void *planner_main(void *argument);
static enum outcome plan_all(struct planner *planner,
                             int64_t *out_wait_ms,
                             struct fault *fault);
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
    planner->outage = (struct outage){.who = "planner", .what = "redis"};
    arena_init(&planner->arena, PLANNER_ARENA_BYTES);
    bell_init(&planner->bell);
    atomic_init(&planner->stopping, false);
    enum outcome outcome = redis_open(context->settings, &planner->redis, fault);
    if (outcome == OUTCOME_DONE) {
        int error = pthread_create(&planner->thread, NULL, planner_main, planner);
        planner->started = error == 0;
        if (error != 0) {
            outcome = fault_set(fault,
                                OUTCOME_NEVER,
                                "planner",
                                error,
                                "no thread for the planner");
        }
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
    atomic_store(&planner->stopping, true);
    bell_ring(&planner->bell);
    if (planner->started) {
        pthread_join(planner->thread, NULL);
    }
    redis_close(planner->redis);
    arena_done(&planner->arena);
    bell_done(&planner->bell);
    free(planner);
}

static void *planner_main(void *argument)
{
    struct planner *planner = argument;
    const struct clock *clock = planner->context->clock;
    while (!atomic_load(&planner->stopping)) {
        uint64_t seen = bell_count(&planner->bell);
        if (atomic_load(&planner->stopping)) {
            break;
        }
        int64_t wait_ms = LOOK_MOST_MS;
        struct fault fault;
        if (plan_all(planner, &wait_ms, &fault) == OUTCOME_DONE) {
            outage_back(&planner->outage, clock);
        } else {
            wait_ms = outage_lost(&planner->outage, clock, &fault);
        }
        arena_reset(&planner->arena);
        (void)bell_wait(&planner->bell, seen, wait_ms);
    }
    return NULL;
}

/* A job that Redis refuses does not keep the others from being enqueued. */
static enum outcome plan_all(struct planner *planner,
                             int64_t *out_wait_ms,
                             struct fault *fault)
{
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
