/* SPDX-License-Identifier: MIT
 * Settles finished jobs in batches and beats; the only thread that frees attempts. */
#include "worker/settler.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "worker/attempt.h"
#include "worker/beat.h"
#include "worker/bell.h"
#include "worker/context.h"
#include "worker/crash_point.h"
#include "worker/outage.h"
#include "worker/roster.h"
#include "worker/settled_line.h"
#include "worker/settler_line.h"

enum {
    GATHER_MS = 1, /* how long a batch that is not full waits for company */
    REFUSED_WAIT_MS = 5 * 1000, /* for whoever sees to what Redis refuses */
    SETTLER_ARENA_BYTES = 256 << 20,
};

struct settler {
    const struct context *context;
    struct roster *roster;
    struct redis *redis;
    struct outage outage;
    struct arena arena; /* of one command and its reply */
    int64_t beat_at_ms;
    int64_t retry_at_ms; /* while Redis is away: not before */
    bool singly; /* Redis refused a batch: one by one until the line is empty */
    pthread_t thread;
    _Atomic int64_t alive_ms;
    _Atomic int64_t give_up_ms; /* monotonic; INT64_MAX until settler_stop */
    struct bell bell;
    pthread_mutex_t mutex; /* guards the line */
    struct settler_line line;
    struct bell *shortened; /* NULL: nobody wants to know */
    bool kept_back[2]; /* work of all lanes, what is live: the line was long for it */
};

static void *settler_main(void *argument);
static bool is_over(struct settler *settler);
static void wait_for_work(struct settler *settler, uint64_t seen);
static void beat_when_due(struct settler *settler);
static void settle_line(struct settler *settler);
static struct settler_batch pick_batch(struct settler *settler);
static void put_back(struct settler *settler, const struct settler_batch *batch);
static enum outcome send_batch(struct settler *settler,
                               const struct settler_batch *batch,
                               struct settled *out_settled,
                               struct fault *fault);
static void batch_failed(struct settler *settler,
                         const struct settler_batch *batch,
                         enum outcome outcome,
                         const struct fault *fault);
static void refused(struct settler *settler,
                    const struct settler_batch *batch,
                    const struct fault *fault);
static void leave(struct settler *settler, struct attempt *attempt);
static size_t waiting(struct settler *settler);

enum outcome settler_open(const struct context *context,
                          struct roster *roster,
                          struct settler **out_settler,
                          struct fault *fault)
{
    struct settler *settler = calloc(1, sizeof(*settler));
    if (!settler) {
        abort();
    }
    settler->context = context;
    settler->roster = roster;
    settler->outage = (struct outage){.who = "settler", .what = "redis"};
    atomic_init(&settler->give_up_ms, INT64_MAX);
    atomic_init(&settler->alive_ms, clock_mono_ms(context->clock));
    arena_init(&settler->arena, SETTLER_ARENA_BYTES);
    bell_init(&settler->bell);
    pthread_mutex_init(&settler->mutex, NULL);
    enum outcome outcome = redis_open(context->settings, &settler->redis, fault);
    if (outcome == OUTCOME_DONE) {
        int error = pthread_create(&settler->thread, NULL, settler_main, settler);
        if (error != 0) {
            outcome = fault_set(fault,
                                OUTCOME_NEVER,
                                "settler",
                                error,
                                "no thread for the settler");
        }
    }
    if (outcome != OUTCOME_DONE) {
        settler_close(settler);
        return outcome;
    }
    *out_settler = settler;
    return OUTCOME_DONE;
}

size_t settler_stop(struct settler *settler, int64_t limit_ms)
{
    if (!settler) {
        return 0;
    }
    atomic_store(&settler->give_up_ms, clock_mono_ms(settler->context->clock) + limit_ms);
    bell_ring(&settler->bell);
    pthread_join(settler->thread, NULL);
    return waiting(settler);
}

void settler_close(struct settler *settler)
{
    if (!settler) {
        return;
    }
    while (waiting(settler) > 0) {
        leave(settler, settler_line_pick(&settler->line, 1).attempts[0]);
    }
    redis_close(settler->redis);
    arena_done(&settler->arena);
    pthread_mutex_destroy(&settler->mutex);
    bell_done(&settler->bell);
    free(settler);
}

void settler_add(struct settler *settler, struct attempt *attempt)
{
    pthread_mutex_lock(&settler->mutex);
    settler_line_add(&settler->line, attempt);
    pthread_mutex_unlock(&settler->mutex);
    bell_ring(&settler->bell);
}

bool settler_is_behind(struct settler *settler, bool live)
{
    pthread_mutex_lock(&settler->mutex);
    bool behind = settler_line_is_long(&settler->line, live);
    settler->kept_back[live] |= behind;
    pthread_mutex_unlock(&settler->mutex);
    return behind;
}

void settler_tell(struct settler *settler, struct bell *shortened)
{
    pthread_mutex_lock(&settler->mutex);
    settler->shortened = shortened;
    pthread_mutex_unlock(&settler->mutex);
}

int64_t settler_alive_ms(struct settler *settler)
{
    return atomic_load(&settler->alive_ms);
}

static void *settler_main(void *argument)
{
    struct settler *settler = argument;
    while (!is_over(settler)) {
        atomic_store(&settler->alive_ms, clock_mono_ms(settler->context->clock));
        uint64_t seen = bell_count(&settler->bell);
        beat_when_due(settler);
        settle_line(settler);
        wait_for_work(settler, seen);
    }
    return NULL;
}

/* Over when it was told to stop and the line is empty, or its time is up. */
static bool is_over(struct settler *settler)
{
    int64_t give_up_ms = atomic_load(&settler->give_up_ms);
    return give_up_ms != INT64_MAX &&
           (waiting(settler) == 0 ||
            clock_mono_ms(settler->context->clock) >= give_up_ms);
}

/* Until something finishes or the next beat is due; after a failure, until the next try
 * is. Then a moment more, so that what finishes together is settled together. */
static void wait_for_work(struct settler *settler, uint64_t seen)
{
    int64_t now_ms = clock_mono_ms(settler->context->clock);
    if (settler->retry_at_ms > now_ms) {
        seen =
            bell_count(&settler->bell); /* jobs that finish do not hurry the next try */
        (void)bell_wait(&settler->bell, seen, settler->retry_at_ms - now_ms);
        return;
    }
    int64_t idle_ms = settler->beat_at_ms - now_ms;
    if (waiting(settler) == 0 && idle_ms > 0) {
        (void)bell_wait(&settler->bell, seen, idle_ms);
    }
    int64_t deadline_ms = clock_mono_ms(settler->context->clock) + GATHER_MS;
    size_t line = waiting(settler);
    while (line > 0 && line < SETTLE_MOST &&
           clock_mono_ms(settler->context->clock) < deadline_ms) {
        seen = bell_count(&settler->bell);
        (void)bell_wait(&settler->bell, seen, GATHER_MS);
        line = waiting(settler);
    }
}

static void beat_when_due(struct settler *settler)
{
    const struct context *context = settler->context;
    int64_t now_ms = clock_mono_ms(context->clock);
    if (now_ms < settler->beat_at_ms || now_ms < settler->retry_at_ms) {
        return;
    }
    struct fault fault;
    enum outcome outcome = beat_send(context,
                                     settler->roster,
                                     settler->redis,
                                     BEAT_STAYING,
                                     &settler->arena,
                                     &fault);
    arena_reset(&settler->arena);
    now_ms = clock_mono_ms(context->clock);
    if (outcome == OUTCOME_DONE) {
        outage_back(&settler->outage, context->clock);
        settler->beat_at_ms = now_ms + context->settings->worker.beat_ms;
    } else {
        settler->retry_at_ms =
            now_ms + outage_lost(&settler->outage, context->clock, &fault);
    }
}

static void settle_line(struct settler *settler)
{
    const struct clock *clock = settler->context->clock;
    while (waiting(settler) > 0 && clock_mono_ms(clock) >= settler->retry_at_ms) {
        atomic_store(&settler->alive_ms, clock_mono_ms(clock));
        struct settler_batch batch = pick_batch(settler);
        struct settled settled[SETTLE_MOST];
        struct fault fault;
        CRASH_POINT("settling");
        enum outcome outcome = send_batch(settler, &batch, settled, &fault);
        arena_reset(&settler->arena);
        if (outcome != OUTCOME_DONE) {
            batch_failed(settler, &batch, outcome, &fault);
            continue;
        }
        CRASH_POINT("settled");
        outage_back(&settler->outage, clock);
        for (size_t i = 0; i < batch.count; i++) {
            settled_line(batch.attempts[i], settled[i], clock_wall_ms(clock));
            leave(settler, batch.attempts[i]);
        }
        beat_when_due(settler);
    }
    settler->singly = settler->singly && waiting(settler) > 0;
}

static struct settler_batch pick_batch(struct settler *settler)
{
    pthread_mutex_lock(&settler->mutex);
    struct settler_batch batch =
        settler_line_pick(&settler->line, settler->singly ? 1 : SETTLE_MOST);
    for (int live = 0; live < 2; live++) {
        if (settler->kept_back[live] && !settler_line_is_long(&settler->line, live)) {
            settler->kept_back[live] = false;
            if (settler->shortened) {
                bell_ring(settler->shortened);
            }
        }
    }
    pthread_mutex_unlock(&settler->mutex);
    return batch;
}

static void put_back(struct settler *settler, const struct settler_batch *batch)
{
    pthread_mutex_lock(&settler->mutex);
    settler_line_put_back(&settler->line, batch);
    pthread_mutex_unlock(&settler->mutex);
}

static enum outcome send_batch(struct settler *settler,
                               const struct settler_batch *batch,
                               struct settled *out_settled,
                               struct fault *fault)
{
    assert(batch->count > 0); /* the line was not empty */
    struct settlement settlements[SETTLE_MOST];
    for (size_t i = 0; i < batch->count; i++) {
        settlements[i] = batch->attempts[i]->settlement;
    }
    struct command command = queue_settle(&settler->arena,
                                          batch->attempts[0]->partition,
                                          settlements,
                                          batch->count);
    struct reply reply;
    enum outcome outcome =
        redis_call(settler->redis, &command, &settler->arena, &reply, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = queue_read_settle(&reply, batch->count, out_settled, fault);
    }
    return outcome;
}

/* LATER and UNSURE wait in line: a settlement that did arrive is answered as stale. NEVER
 * is the fault of one of them, which is found by sending them singly; a script that stops
 * at an error keeps what it did before. */
static void batch_failed(struct settler *settler,
                         const struct settler_batch *batch,
                         enum outcome outcome,
                         const struct fault *fault)
{
    const struct clock *clock = settler->context->clock;
    if (outcome == OUTCOME_NEVER && batch->count == 1) {
        refused(settler, batch, fault);
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        batch->attempts[i]->unsure |= outcome != OUTCOME_LATER;
    }
    put_back(settler, batch);
    if (outcome == OUTCOME_NEVER) {
        settler->singly = true;
        return;
    }
    settler->retry_at_ms =
        clock_mono_ms(clock) + outage_lost(&settler->outage, clock, fault);
}

/* What Redis will not take (too large, say) goes once more as a bare NEVER, so that
 * somebody sees the job among the dead; an operator's retry finds its work done. If that
 * is refused too it goes as a bare LATER, so that the attempt counts and the job does not
 * run for ever. If even that is refused the job is let go, and a later beat gives it back. */
static void refused(struct settler *settler,
                    const struct settler_batch *batch,
                    const struct fault *fault)
{
    struct attempt *attempt = batch->attempts[0];
    log_error("settle_refused",
              LOG_SPAN("id", attempt->job.id),
              LOG_TEXT("kind", attempt->job.kind->name),
              LOG_TEXT("outcome", outcome_name(attempt->settlement.outcome)),
              LOG_FAULT(fault));
    static const struct {
        enum outcome outcome;
        int64_t delay_ms;
    } bare[] = {{OUTCOME_NEVER, 0}, {OUTCOME_LATER, REFUSED_WAIT_MS}};
    int times = attempt->refused++;
    if ((size_t)times >= sizeof(bare) / sizeof(bare[0])) {
        leave(settler, attempt);
        return;
    }
    attempt->fault = *fault;
    attempt->settlement = (struct settlement){.job = &attempt->job,
                                              .worker = settler->context->name,
                                              .outcome = bare[times].outcome,
                                              .fault = &attempt->fault,
                                              .delay_ms = bare[times].delay_ms,
                                              .took_ms = attempt->settlement.took_ms};
    put_back(settler, batch);
}

static void leave(struct settler *settler, struct attempt *attempt)
{
    roster_remove(settler->roster, attempt);
    attempt_free(attempt);
}

static size_t waiting(struct settler *settler)
{
    pthread_mutex_lock(&settler->mutex);
    size_t count = settler_line_count(&settler->line);
    pthread_mutex_unlock(&settler->mutex);
    return count;
}
