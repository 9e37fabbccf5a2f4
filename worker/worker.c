/* SPDX-License-Identifier: MIT
 * Starts the threads, watches over them, and leaves in good order. */
#include "worker/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "worker/beat.h"
#include "worker/context.h"
#include "worker/fetcher.h"
#include "worker/janitor.h"
#include "worker/planner.h"
#include "worker/roster.h"
#include "worker/settler.h"
#include "worker/slots.h"

enum {
    TICK_MS = 500,
    LAST_SETTLE_MS = 2000, /* for the settler, once the drain's time is over */
    /* The fetcher's and the settler's loops turn every second; longer than this without,
     * beyond what a command may take, and systemd should know. */
    ALIVE_WITHIN_MS = 10 * 1000,
    NAME_BYTES = 320,
    LEAVE_ARENA_BYTES = 64 << 20,
};

struct worker {
    struct context context;
    char name[NAME_BYTES];
    struct seal_ring *ring, *pii;
    struct redis *redis; /* for the last words */
    struct roster *roster;
    struct settler *settler;
    struct slots *slots;
    struct fetcher *fetcher;
    struct janitor *janitor, *archivist;
    struct planner *planner; /* NULL: worker.plans is off */
    bool settler_stopped;
    int64_t watchdog_ms; /* 0: systemd does not watch */
    int64_t watchdog_at_ms; /* of the next sign of life */
};

static void fill_context(struct worker *worker,
                         const struct settings *settings,
                         const struct worker_options *options);
static enum outcome open_threads(struct worker *worker, struct fault *fault);
static int watch(struct worker *worker);
static int wait_signal(int64_t limit_ms);
static void tick_watchdog(struct worker *worker);
static void leave(struct worker *worker, bool stuck);
static bool drain(struct worker *worker, int64_t limit_ms);
static void say_goodbye(struct worker *worker, bool stuck);
static enum outcome give_back(struct worker *worker,
                              struct arena *arena,
                              size_t *out_count,
                              struct fault *fault);

void worker_block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP); /* nothing is reopened: it is read and dropped */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

enum outcome worker_open(const struct settings *settings,
                         const struct worker_options *options,
                         struct worker **out_worker,
                         struct fault *fault)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker) {
        abort();
    }
    fill_context(worker, settings, options);
    enum outcome outcome =
        worker_open_rings(settings, &worker->ring, &worker->pii, fault);
    if (outcome == OUTCOME_DONE) {
        worker->context.ring = worker->ring;
        worker->context.pii = worker->pii;
        outcome = open_threads(worker, fault);
    }
    if (outcome != OUTCOME_DONE) {
        worker_close(worker);
        return outcome;
    }
    *out_worker = worker;
    return OUTCOME_DONE;
}

int worker_run(struct worker *worker)
{
    log_info("started",
             LOG_SPAN("worker", worker->context.name),
             LOG_TEXT("version", TOCSIN_VERSION),
             LOG_NUMBER("slots", worker->context.settings->worker.slots));
    notify_send("READY=1");
    int status = watch(worker);
    notify_send("STOPPING=1");
    leave(worker, status == WORKER_STUCK);
    return status;
}

/* In the order in which jobs pass through. */
void worker_close(struct worker *worker)
{
    if (!worker) {
        return;
    }
    planner_close(worker->planner);
    janitor_close(worker->janitor);
    janitor_close(worker->archivist);
    fetcher_close(worker->fetcher);
    slots_close(worker->slots);
    if (!worker->settler_stopped) {
        (void)settler_stop(worker->settler, LAST_SETTLE_MS);
    }
    settler_close(worker->settler);
    roster_free(worker->roster);
    redis_close(worker->redis);
    seal_close(worker->pii);
    seal_close(worker->ring);
    free(worker);
}

static void fill_context(struct worker *worker,
                         const struct settings *settings,
                         const struct worker_options *options)
{
    char host[256] = "localhost";
    (void)gethostname(host, sizeof(host) - 1);
    int64_t started_ms = clock_wall_ms(&clock_system);
    snprintf(worker->name,
             sizeof(worker->name),
             "%s:%d:%lld",
             host,
             (int)getpid(),
             (long long)started_ms);
    worker->watchdog_ms = notify_watchdog_ms();
    worker->context = (struct context){.settings = settings,
                                       .clock = &clock_system,
                                       .name = span_of(worker->name),
                                       .started_ms = started_ms,
                                       .kinds = options->kinds,
                                       .kind_count = options->kind_count,
                                       .handlers = options->handlers,
                                       .handler_count = options->handler_count};
}

/* Against the stream, so that each thread finds the next one there. The fetcher is last:
 * a worker that cannot start has taken no job, and worker_close, which wants a fetcher
 * that was stopped, finds none. */
static enum outcome open_threads(struct worker *worker, struct fault *fault)
{
    const struct context *context = &worker->context;
    worker->roster = roster_new();
    enum outcome outcome = redis_open(context->settings, &worker->redis, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = settler_open(context, worker->roster, &worker->settler, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome =
            slots_open(context, worker->roster, worker->settler, &worker->slots, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = janitor_open(context, JANITOR_QUEUE, &worker->janitor, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = janitor_open(context, JANITOR_ARCHIVE, &worker->archivist, fault);
    }
    if (outcome == OUTCOME_DONE && context->settings->worker.plans) {
        outcome = planner_open(context, &worker->planner, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = fetcher_open(context,
                               worker->roster,
                               worker->settler,
                               worker->slots,
                               &worker->fetcher,
                               fault);
    }
    return outcome;
}

/* Until a signal, or a handler that will not come back. Returns the exit status. */
static int watch(struct worker *worker)
{
    for (;;) {
        int number = wait_signal(TICK_MS);
        if (number == SIGTERM || number == SIGINT) {
            log_info("leaving", LOG_NUMBER("signal", number));
            return 0;
        }
        int64_t now_ms = clock_mono_ms(worker->context.clock);
        if (roster_watch(worker->roster, now_ms, WORKER_MOST_LIMITS)) {
            log_error("stuck", LOG_NUMBER("limits", WORKER_MOST_LIMITS));
            return WORKER_STUCK;
        }
        tick_watchdog(worker);
    }
}

/* The signal that came, 0 when none did. */
static int wait_signal(int64_t limit_ms)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    struct timespec limit = {(time_t)(limit_ms / 1000),
                             (long)(limit_ms % 1000) * 1000000};
    int number = sigtimedwait(&set, NULL, &limit);
    return number > 0 ? number : 0;
}

static void tick_watchdog(struct worker *worker)
{
    int64_t now_ms = clock_mono_ms(worker->context.clock);
    if (worker->watchdog_ms == 0 || now_ms < worker->watchdog_at_ms) {
        return;
    }
    const struct settings *settings = worker->context.settings;
    int64_t oldest_ms = now_ms - ALIVE_WITHIN_MS - settings->redis.connect_ms -
                        settings->redis.command_ms;
    if (fetcher_alive_ms(worker->fetcher) >= oldest_ms &&
        settler_alive_ms(worker->settler) >= oldest_ms) {
        notify_send("WATCHDOG=1");
        worker->watchdog_at_ms = now_ms + worker->watchdog_ms;
    }
}

/* Takes no more, lets what runs finish, and parts from Redis. When handlers still run
 * after that, the process ends under them: their jobs were given back a moment ago. */
static void leave(struct worker *worker, bool stuck)
{
    int64_t begun_ms = clock_mono_ms(worker->context.clock);
    int64_t drain_ms = worker->context.settings->worker.drain_ms;
    fetcher_stop(worker->fetcher);
    bool idle = drain(worker, drain_ms);
    int64_t left_ms = begun_ms + drain_ms - clock_mono_ms(worker->context.clock);
    size_t unsettled = settler_stop(worker->settler,
                                    left_ms > LAST_SETTLE_MS ? left_ms : LAST_SETTLE_MS);
    worker->settler_stopped = true;
    if (unsettled > 0) {
        log_error("unsettled", LOG_NUMBER("jobs", unsettled));
    }
    say_goodbye(worker, stuck);
    log_info("left",
             LOG_NUMBER("took_ms", clock_mono_ms(worker->context.clock) - begun_ms),
             LOG_NUMBER("cut_off", !idle));
    if (!idle) {
        _exit(stuck ? WORKER_STUCK : 0);
    }
}

/* False when something was still running at the limit, or when a second signal came. */
static bool drain(struct worker *worker, int64_t limit_ms)
{
    const struct clock *clock = worker->context.clock;
    int64_t deadline_ms = clock_mono_ms(clock) + limit_ms;
    for (;;) {
        int64_t left_ms = deadline_ms - clock_mono_ms(clock);
        int64_t slice_ms = left_ms < 0 ? 0 : left_ms < TICK_MS ? left_ms : TICK_MS;
        if (slots_wait_idle(worker->slots, slice_ms)) {
            return true;
        }
        int number = wait_signal(0);
        if (left_ms <= 0 || number == SIGTERM || number == SIGINT) {
            return false;
        }
        notify_send("WATCHDOG=1");
    }
}

/* Gives back what is not finished, then the last beat. A stuck worker does not send one:
 * it is to be taken for dead, with the job that it is stuck in. */
static void say_goodbye(struct worker *worker, bool stuck)
{
    struct arena arena;
    arena_init(&arena, LEAVE_ARENA_BYTES);
    struct fault fault;
    size_t released = 0;
    enum outcome outcome = give_back(worker, &arena, &released, &fault);
    if (outcome == OUTCOME_DONE && !stuck) {
        outcome = beat_send(&worker->context,
                            worker->roster,
                            worker->redis,
                            BEAT_LEAVING,
                            &arena,
                            &fault);
    }
    if (outcome != OUTCOME_DONE) {
        log_error("goodbye_failed", LOG_FAULT(&fault));
    } else if (released > 0) {
        log_warning("released", LOG_NUMBER("jobs", released));
    }
    arena_done(&arena);
}

static enum outcome give_back(struct worker *worker,
                              struct arena *arena,
                              size_t *out_count,
                              struct fault *fault)
{
    int partitions = (int)worker->context.settings->redis.partitions;
    int64_t now_ms = clock_mono_ms(worker->context.clock);
    for (int i = 0; i < partitions; i++) {
        struct partition partition = {.number = i, .count = partitions};
        size_t count = 0;
        struct job *jobs = roster_unfinished(worker->roster,
                                             partition,
                                             now_ms,
                                             WORKER_MOST_LIMITS,
                                             arena,
                                             &count);
        if (count == 0) {
            continue;
        }
        struct command command = queue_release(arena, partition, jobs, count);
        struct reply reply;
        enum outcome outcome = redis_call(worker->redis, &command, arena, &reply, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        *out_count += count;
    }
    return OUTCOME_DONE;
}
