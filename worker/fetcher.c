/* SPDX-License-Identifier: MIT
 * Takes jobs for idle slots, partition after partition. */
#include "worker/fetcher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "worker/attempt.h"
#include "worker/bell.h"
#include "worker/context.h"
#include "worker/crash_point.h"
#include "worker/handlers.h"
#include "worker/outage.h"
#include "worker/roster.h"
#include "worker/settler.h"
#include "worker/slots.h"

enum {
    IDLE_WAIT_MS = 1000, /* on the wake list */
    LIMITED_WAIT_MS =
        50, /* for a slot, while a kind fills its share and others may come */
    /* For the worker to become empty; less than the DRAIN_MS of take. */
    QUARANTINE_WAIT_MS = 30 * 1000,
    QUARANTINE_REST_MS = 10 * 1000, /* after it did not, or nothing was there */
    VERSIONS_TOLD_EVERY_MS = 60 * 1000,
    /* A beat gives back what it does not know once it was leased for 5 s. */
    TAKE_MOST_MS = 4000,
    FETCHER_ARENA_BYTES = 256 << 20,
};

/* What one round over the partitions came to. */
struct round {
    size_t taken;
    size_t
        put_aside; /* their record's version is unknown; others may stand behind them */
    bool quarantine_waits;
    bool limited; /* there may be more that found no slot */
};

struct fetcher {
    const struct context *context;
    struct roster *roster;
    struct settler *settler;
    struct slots *slots;
    struct redis *redis;
    struct outage outage;
    struct arena arena; /* of one round */
    struct take_kind *kinds;
    size_t kind_count;
    int turn; /* the partition that comes first in the next round */
    int64_t quarantine_at_ms; /* not before, monotonic */
    int64_t versions_told_ms;
    pthread_t thread;
    /* Rings when a slot becomes idle, when the settler is behind no more, and to stop. */
    struct bell *freed;
    _Atomic bool stopping;
    _Atomic int64_t alive_ms;
};

static void *fetcher_main(void *argument);
static void note_alive(struct fetcher *fetcher);
static enum outcome take_round(struct fetcher *fetcher,
                               struct round *out_round,
                               struct fault *fault);
static struct slots_room find_room(struct fetcher *fetcher);
static struct take plan_take(struct fetcher *fetcher,
                             enum take_quarantine quarantine,
                             bool *out_limited);
static enum outcome take_from(struct fetcher *fetcher,
                              struct partition partition,
                              const struct take *take,
                              struct taken *out_taken,
                              struct fault *fault);
static enum outcome give_back(struct fetcher *fetcher,
                              struct partition partition,
                              struct taken *taken,
                              int64_t took_ms,
                              struct fault *fault);
static void hand_out(struct fetcher *fetcher,
                     struct partition partition,
                     const struct taken *taken);
static void tell_versions(struct fetcher *fetcher, size_t waiting);
static void rest(struct fetcher *fetcher, const struct round *round, uint64_t seen);
static enum outcome wait_for_wake(struct fetcher *fetcher, struct fault *fault);
static void run_quarantine(struct fetcher *fetcher);
static bool wait_empty(struct fetcher *fetcher, int64_t limit_ms);

enum outcome fetcher_open(const struct context *context,
                          struct roster *roster,
                          struct settler *settler,
                          struct slots *slots,
                          struct fetcher **out_fetcher,
                          struct fault *fault)
{
    struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
    struct take_kind *wishes = calloc(context->kind_count, sizeof(*wishes));
    if (!fetcher || !wishes) {
        abort();
    }
    fetcher->context = context;
    fetcher->roster = roster;
    fetcher->settler = settler;
    fetcher->slots = slots;
    fetcher->kinds = wishes;
    fetcher->freed = slots_freed(slots);
    fetcher->outage = (struct outage){.who = "fetcher", .what = "redis"};
    fetcher->versions_told_ms = INT64_MIN / 2;
    for (size_t i = 0; i < context->kind_count; i++) {
        if (context_handler(context, &context->kinds[i])) {
            wishes[fetcher->kind_count++].kind = &context->kinds[i];
        }
    }
    arena_init(&fetcher->arena, FETCHER_ARENA_BYTES);
    atomic_init(&fetcher->stopping, false);
    atomic_init(&fetcher->alive_ms, clock_mono_ms(context->clock));
    settler_tell(settler, fetcher->freed);
    enum outcome outcome = redis_open(context->settings, &fetcher->redis, fault);
    if (outcome == OUTCOME_DONE) {
        int error = pthread_create(&fetcher->thread, NULL, fetcher_main, fetcher);
        if (error != 0) {
            outcome = fault_set(fault,
                                OUTCOME_NEVER,
                                "fetcher",
                                error,
                                "no thread for the fetcher");
        }
    }
    if (outcome != OUTCOME_DONE) {
        fetcher_close(fetcher);
        return outcome;
    }
    *out_fetcher = fetcher;
    return OUTCOME_DONE;
}

void fetcher_stop(struct fetcher *fetcher)
{
    if (!fetcher) {
        return;
    }
    atomic_store(&fetcher->stopping, true);
    bell_ring(fetcher->freed);
    pthread_join(fetcher->thread, NULL);
}

void fetcher_close(struct fetcher *fetcher)
{
    if (!fetcher) {
        return;
    }
    settler_tell(fetcher->settler, NULL); /* the slots close after this */
    redis_close(fetcher->redis);
    arena_done(&fetcher->arena);
    free(fetcher->kinds);
    free(fetcher);
}

int64_t fetcher_alive_ms(struct fetcher *fetcher)
{
    return atomic_load(&fetcher->alive_ms);
}

static void *fetcher_main(void *argument)
{
    struct fetcher *fetcher = argument;
    while (!atomic_load(&fetcher->stopping)) {
        note_alive(fetcher);
        uint64_t seen = bell_count(fetcher->freed);
        struct slots_room room = find_room(fetcher);
        if (room.live + room.general == 0) {
            (void)bell_wait(fetcher->freed, seen, IDLE_WAIT_MS);
            continue;
        }
        struct round round = {0};
        struct fault fault;
        enum outcome outcome = take_round(fetcher, &round, &fault);
        if (outcome != OUTCOME_DONE) {
            int64_t wait_ms =
                outage_lost(&fetcher->outage, fetcher->context->clock, &fault);
            (void)bell_wait(fetcher->freed, bell_count(fetcher->freed), wait_ms);
            continue;
        }
        outage_back(&fetcher->outage, fetcher->context->clock);
        if (round.quarantine_waits) {
            run_quarantine(fetcher);
        } else if (round.taken + round.put_aside == 0) {
            rest(fetcher, &round, seen);
        }
    }
    return NULL;
}

static void note_alive(struct fetcher *fetcher)
{
    atomic_store(&fetcher->alive_ms, clock_mono_ms(fetcher->context->clock));
}

/* Each partition is asked for what is idle still; the first one changes every time. */
static enum outcome take_round(struct fetcher *fetcher,
                               struct round *out_round,
                               struct fault *fault)
{
    int partitions = (int)fetcher->context->settings->redis.partitions;
    bool rests = clock_mono_ms(fetcher->context->clock) < fetcher->quarantine_at_ms;
    enum take_quarantine quarantine = rests ? QUARANTINE_NOT_NOW : QUARANTINE_ASK;
    struct round round = {0};
    for (int i = 0; i < partitions; i++) {
        struct partition partition = {.number = (fetcher->turn + i) % partitions,
                                      .count = partitions};
        struct take take = plan_take(fetcher, quarantine, &round.limited);
        if (take.live_slots + take.general_slots == 0) {
            break;
        }
        struct taken taken = {0};
        enum outcome outcome = take_from(fetcher, partition, &take, &taken, fault);
        if (outcome != OUTCOME_DONE) {
            arena_reset(&fetcher->arena);
            return outcome;
        }
        round.taken += taken.count;
        round.quarantine_waits |= taken.quarantine_waits;
        round.put_aside += taken.waiting_versions;
        arena_reset(&fetcher->arena);
    }
    fetcher->turn = (fetcher->turn + 1) % partitions;
    tell_versions(fetcher, round.put_aside);
    *out_round = round;
    return OUTCOME_DONE;
}

/* Idle slots, as far as the settler can be given more. */
static struct slots_room find_room(struct fetcher *fetcher)
{
    struct slots_room room = slots_room(fetcher->slots);
    if (settler_is_behind(fetcher->settler, true)) {
        room.live = 0;
    }
    if (settler_is_behind(fetcher->settler, false)) {
        room.general = 0;
    }
    return room;
}

static struct take plan_take(struct fetcher *fetcher,
                             enum take_quarantine quarantine,
                             bool *out_limited)
{
    struct slots_room room = find_room(fetcher);
    *out_limited |= room.general == 0;
    for (size_t i = 0; i < fetcher->kind_count; i++) {
        struct take_kind *row = &fetcher->kinds[i];
        row->most = slots_kind_room(fetcher->slots, row->kind);
        *out_limited |= row->most == 0;
    }
    return (struct take){.worker = fetcher->context->name,
                         .live_slots = room.live,
                         .general_slots = room.general,
                         .quarantine = quarantine,
                         .kinds = fetcher->kinds,
                         .kind_count = fetcher->kind_count,
                         .lease_ms = fetcher->context->settings->worker.lease_ms};
}

static enum outcome take_from(struct fetcher *fetcher,
                              struct partition partition,
                              const struct take *take,
                              struct taken *out_taken,
                              struct fault *fault)
{
    const struct context *context = fetcher->context;
    struct arena *arena = &fetcher->arena;
    struct command command = queue_take(arena, partition, take);
    struct reply reply;
    int64_t asked_ms = clock_mono_ms(context->clock);
    enum outcome outcome = redis_call(fetcher->redis, &command, arena, &reply, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = queue_read_take(&reply,
                                  context->kinds,
                                  context->kind_count,
                                  arena,
                                  out_taken,
                                  fault);
    }
    if (outcome != OUTCOME_DONE || out_taken->count == 0) {
        return outcome;
    }
    int64_t took_ms = clock_mono_ms(context->clock) - asked_ms;
    if (took_ms > TAKE_MOST_MS) {
        return give_back(fetcher, partition, out_taken, took_ms, fault);
    }
    hand_out(fetcher, partition, out_taken);
    return OUTCOME_DONE;
}

/* The reply came so late (Redis or this process stood still) that a beat may have given
 * the jobs to others. Those that nobody has yet go back to their turns. */
static enum outcome give_back(struct fetcher *fetcher,
                              struct partition partition,
                              struct taken *taken,
                              int64_t took_ms,
                              struct fault *fault)
{
    struct command command =
        queue_release(&fetcher->arena, partition, taken->jobs, taken->count);
    struct reply reply;
    log_warning("take_late",
                LOG_NUMBER("jobs", taken->count),
                LOG_NUMBER("took_ms", took_ms));
    taken->count = 0;
    return redis_call(fetcher->redis, &command, &fetcher->arena, &reply, fault);
}

/* Jobs of one group stand together in the reply. All go on the roster before the first
 * one starts, so that a beat claims every one. */
static void hand_out(struct fetcher *fetcher,
                     struct partition partition,
                     const struct taken *taken)
{
    size_t count = taken->count;
    struct attempt **attempts = ARENA_ARRAY(&fetcher->arena, struct attempt *, count);
    for (size_t i = 0; i < count; i++) {
        const struct job *job = &taken->jobs[i];
        attempts[i] =
            attempt_new(job, partition, context_handler(fetcher->context, job->kind));
        roster_add(fetcher->roster, attempts[i]);
    }
    if (count > 0) {
        CRASH_POINT("taken");
    }
    size_t first = 0;
    for (size_t i = 0; i < count; i++) {
        bool ends = i + 1 == count || taken->jobs[i + 1].group != taken->jobs[i].group;
        attempts[i]->next = ends ? NULL : attempts[i + 1];
        if (ends) {
            slots_give(fetcher->slots, attempts[first]);
            first = i + 1;
        }
    }
}

/* Records of a later release wait for its workers; somebody should know. */
static void tell_versions(struct fetcher *fetcher, size_t waiting)
{
    int64_t now_ms = clock_mono_ms(fetcher->context->clock);
    if (waiting == 0 || now_ms - fetcher->versions_told_ms < VERSIONS_TOLD_EVERY_MS) {
        return;
    }
    fetcher->versions_told_ms = now_ms;
    log_warning("unknown_versions",
                LOG_NUMBER("jobs", waiting),
                LOG_NUMBER("known", JOB_RECORD_VERSION));
}

/* Nothing could be taken. Where slots were lacking, one that becomes idle changes that,
 * so the slots are listened to; else only Redis can bring something. */
static void rest(struct fetcher *fetcher, const struct round *round, uint64_t seen)
{
    if (round->limited) {
        (void)bell_wait(fetcher->freed, seen, LIMITED_WAIT_MS);
        return;
    }
    struct fault fault;
    enum outcome outcome = wait_for_wake(fetcher, &fault);
    if (outcome != OUTCOME_DONE) {
        int64_t wait_ms = outage_lost(&fetcher->outage, fetcher->context->clock, &fault);
        (void)bell_wait(fetcher->freed, bell_count(fetcher->freed), wait_ms);
    }
    arena_reset(&fetcher->arena);
}

/* One wake list at a time can be waited on, so partitions share the second. Whatever
 * makes a job ready, the janitor's sweep included, pushes to it. */
static enum outcome wait_for_wake(struct fetcher *fetcher, struct fault *fault)
{
    int partitions = (int)fetcher->context->settings->redis.partitions;
    struct partition partition = {.number = fetcher->turn, .count = partitions};
    int64_t wait_ms = IDLE_WAIT_MS / partitions;
    struct command command = queue_wait(&fetcher->arena, partition, wait_ms);
    struct reply reply;
    return redis_call_waiting(fetcher->redis,
                              &command,
                              wait_ms,
                              &fetcher->arena,
                              &reply,
                              fault);
}

/* Alone means that a crash takes nobody else along: nothing runs, nothing waits to be
 * settled. The script sees to it that one worker at a time does this, while the others go
 * on; one that did not become empty leaves it to them for a while. */
static void run_quarantine(struct fetcher *fetcher)
{
    const struct clock *clock = fetcher->context->clock;
    if (!wait_empty(fetcher, QUARANTINE_WAIT_MS)) {
        fetcher->quarantine_at_ms = clock_mono_ms(clock) + QUARANTINE_REST_MS;
        return;
    }
    int partitions = (int)fetcher->context->settings->redis.partitions;
    for (int i = 0; i < partitions && !atomic_load(&fetcher->stopping); i++) {
        struct partition partition = {.number = i, .count = partitions};
        bool limited = false;
        struct take take = plan_take(fetcher, QUARANTINE_TAKE, &limited);
        struct taken taken = {0};
        struct fault fault;
        enum outcome outcome = take_from(fetcher, partition, &take, &taken, &fault);
        arena_reset(&fetcher->arena);
        if (outcome != OUTCOME_DONE) {
            fetcher->quarantine_at_ms = clock_mono_ms(clock) + QUARANTINE_REST_MS;
            return; /* the next round tells the log and waits for Redis */
        }
        if (taken.count > 0) {
            (void)wait_empty(fetcher, INT64_MAX);
            return;
        }
    }
    fetcher->quarantine_at_ms = clock_mono_ms(clock) + IDLE_WAIT_MS; /* another has it */
}

/* Until this worker holds nothing; false at the limit, or when it is to stop. */
static bool wait_empty(struct fetcher *fetcher, int64_t limit_ms)
{
    const struct clock *clock = fetcher->context->clock;
    int64_t begun_ms = clock_mono_ms(clock);
    while (!atomic_load(&fetcher->stopping) &&
           clock_mono_ms(clock) - begun_ms < limit_ms) {
        note_alive(fetcher);
        if (roster_wait_empty(fetcher->roster, LIMITED_WAIT_MS)) {
            return true;
        }
    }
    return false;
}
