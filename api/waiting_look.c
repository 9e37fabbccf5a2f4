/* SPDX-License-Identifier: MIT
 * Looks at jobs that are waited for: gathered in a turn of the loop, sent in batches. */
#include <assert.h>
#include <stdlib.h>

#include <event2/event.h>

#include "api/counters.h"
#include "api/door.h"
#include "api/loop.h"
#include "api/redis_async.h"
#include "api/waiting_state.h"
#include "common/base/log.h"
#include "common/base/settings.h"

enum { CALL_ARENA_BYTES = 1 << 20 };

static void on_turn_end(evutil_socket_t fd, short what, void *context);
static void add_to_look(struct waiting *waiting, struct awaited *job);
static struct look *take_look(struct waiting *waiting);
static void send_look(struct waiting *waiting, int partition);
static void on_reply(void *context,
                     enum outcome outcome,
                     const struct reply *reply,
                     const struct fault *fault);
static void end_look(struct look *look,
                     enum outcome outcome,
                     const struct job_result *results);

void waiting_open_looks(struct waiting *waiting)
{
    const struct loop *loop = waiting->loop;
    waiting->partitions = (int)loop->door->settings->redis.partitions;
    waiting->open = calloc((size_t)waiting->partitions, sizeof(struct look *));
    waiting->turn_end = event_new(loop->base, -1, 0, on_turn_end, waiting);
    if (!waiting->open || !waiting->turn_end) {
        abort();
    }
    arena_init(&waiting->arena, CALL_ARENA_BYTES);
}

void waiting_close_looks(struct waiting *waiting)
{
    while (waiting->wanted) {
        struct awaited *job = waiting->wanted;
        waiting->wanted = job->next_wanted;
        job->wanted = false;
        waiting_free_unused(job);
    }
    while (waiting->spare) {
        struct look *next = waiting->spare->next_spare;
        free(waiting->spare);
        waiting->spare = next;
    }
    event_free(waiting->turn_end);
    arena_done(&waiting->arena);
    free(waiting->open);
}

void waiting_want(struct waiting *waiting, struct awaited *job)
{
    if (job->wanted || job->looking) {
        return;
    }
    job->wanted = true;
    job->next_wanted = waiting->wanted;
    waiting->wanted = job;
    event_active(waiting->turn_end, 0, 0);
}

static void on_turn_end(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct waiting *waiting = context;
    struct awaited *wanted = waiting->wanted;
    waiting->wanted = NULL;
    while (wanted) {
        struct awaited *job = wanted;
        wanted = job->next_wanted;
        job->wanted = false;
        if (job->waiters) {
            add_to_look(waiting, job);
        } else {
            waiting_free_unused(job);
        }
    }
    for (int i = 0; i < waiting->partitions; i++) {
        if (waiting->open[i]) {
            send_look(waiting, i);
        }
    }
}

static void add_to_look(struct waiting *waiting, struct awaited *job)
{
    struct span id = {job->id, job->id_len};
    int partition = queue_partition_of(id, waiting->partitions).number;
    if (!waiting->open[partition]) {
        waiting->open[partition] = take_look(waiting);
    }
    struct look *look = waiting->open[partition];
    job->looking = true;
    job->again = false;
    look->jobs[look->count++] = job;
    if (look->count == RESULTS_MOST_JOBS) {
        send_look(waiting, partition);
    }
}

static struct look *take_look(struct waiting *waiting)
{
    struct look *look = waiting->spare;
    if (look) {
        waiting->spare = look->next_spare;
    } else {
        look = malloc(sizeof(*look));
        if (!look) {
            abort();
        }
    }
    look->waiting = waiting;
    look->count = 0;
    return look;
}

static void send_look(struct waiting *waiting, int partition)
{
    struct look *look = waiting->open[partition];
    struct partition which = {.number = partition, .count = waiting->partitions};
    struct span ids[RESULTS_MOST_JOBS];
    struct fault fault;
    waiting->open[partition] = NULL;
    for (size_t i = 0; i < look->count; i++) {
        ids[i] = (struct span){look->jobs[i]->id, look->jobs[i]->id_len};
    }
    struct command command = queue_results(&waiting->arena, which, ids, look->count);
    enum outcome outcome = redis_async_send(waiting->loop->redis,
                                            &command,
                                            waiting->loop->door->settings->api.redis_ms,
                                            on_reply,
                                            look,
                                            &fault);
    arena_reset(&waiting->arena);
    counter_add(&waiting->loop->counters->looks, (int64_t)look->count);
    if (outcome != OUTCOME_DONE) {
        end_look(look, outcome, NULL);
    }
}

/* That Redis is away is told by its link. */
static void on_reply(void *context,
                     enum outcome outcome,
                     const struct reply *reply,
                     const struct fault *fault)
{
    struct look *look = context;
    struct job_result results[RESULTS_MOST_JOBS];
    struct fault bad;
    if (outcome == OUTCOME_DONE) {
        outcome = queue_read_results(reply, look->count, results, &bad);
        fault = &bad;
    }
    if (outcome == OUTCOME_NEVER && loop_may_warn(look->waiting->loop)) {
        log_warning("jobs that are waited for cannot be looked at", LOG_FAULT(fault));
    }
    end_look(look, outcome, results);
}

/* Callbacks may add waiters, and clients leave: a job stays at least until its turn here,
 * since it is marked as being looked at. */
static void end_look(struct look *look,
                     enum outcome outcome,
                     const struct job_result *results)
{
    struct waiting *waiting = look->waiting;
    for (size_t i = 0; i < look->count; i++) {
        struct awaited *job = look->jobs[i];
        bool again = job->again;
        job->looking = false;
        if (!job->waiters) {
            waiting_free_unused(job);
            continue;
        }
        if (again) {
            waiting_want(waiting, job);
        }
        if (outcome == OUTCOME_DONE) {
            waiting_seen(waiting, job, &results[i]);
        } else {
            waiting_unseen(waiting, job);
        }
    }
    look->next_spare = waiting->spare;
    waiting->spare = look;
}
