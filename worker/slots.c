/* SPDX-License-Identifier: MIT
 * A thread a slot, each with a place where the fetcher puts its next group. */
#include "worker/slots.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/redis.h"
#include "common/model/job.h"
#include "worker/attempt.h"
#include "worker/bell.h"
#include "worker/context.h"
#include "worker/mailer.h"
#include "worker/roster.h"
#include "worker/settler.h"
#include "common/link/stripe.h"

struct slot {
    struct slots *slots;
    int number;
    bool live_only;
    bool started;
    pthread_t thread;
    struct hands hands;

    /* Under the lock. */
    pthread_cond_t given;
    struct attempt *group;
    const struct kind *kind; /* of what runs; NULL: idle */
};

struct slots {
    const struct context *context;
    struct roster *roster;
    struct settler *settler;
    pthread_mutex_t mutex;
    bool closing;
    int busy;
    struct bell freed;
    struct slot *list;
    int count;
    int general;
};

static enum outcome slot_open(struct slots *slots,
                              struct slot *slot,
                              struct fault *fault);
static void slot_close(struct slot *slot);
static struct slot *find_idle(struct slots *slots, bool live_only);
static void *slot_main(void *argument);
static struct attempt *wait_given(struct slot *slot);
static void run_group(struct slot *slot, struct attempt *group);
static bool begin_all(struct slot *slot, struct attempt *group);
static void run_single(struct slot *slot, struct attempt *attempt);
static void finish(struct slot *slot, struct attempt *attempt);
static void become_idle(struct slot *slot);

int slots_live_share(int count)
{
    int share = (count + 3) / 4;
    return count > 1 ? share : 0; /* a single slot serves every lane */
}

int slots_kind_share(int general, const struct kind *kind)
{
    int share = general > 1 ? general / 2 : 1;
    return kind->group_max > 1 && share > GROUP_SLOTS ? GROUP_SLOTS : share;
}

enum outcome slots_open(const struct context *context,
                        struct roster *roster,
                        struct settler *settler,
                        struct slots **out_slots,
                        struct fault *fault)
{
    int count = (int)context->settings->worker.slots;
    int live = slots_live_share(count);
    struct slots *slots = calloc(1, sizeof(*slots));
    struct slot *list = calloc((size_t)count, sizeof(*list));
    if (!slots || !list) {
        abort();
    }
    *slots = (struct slots){.context = context,
                            .roster = roster,
                            .settler = settler,
                            .list = list,
                            .count = count,
                            .general = count - live};
    pthread_mutex_init(&slots->mutex, NULL);
    bell_init(&slots->freed);
    for (int i = 0; i < count; i++) {
        list[i].slots = slots;
        list[i].number = i;
        list[i].live_only = i < live;
        pthread_cond_init(&list[i].given, NULL);
    }
    enum outcome outcome = OUTCOME_DONE;
    for (int i = 0; outcome == OUTCOME_DONE && i < count; i++) {
        outcome = slot_open(slots, &list[i], fault);
    }
    if (outcome != OUTCOME_DONE) {
        slots_close(slots);
        return outcome;
    }
    *out_slots = slots;
    return OUTCOME_DONE;
}

void slots_close(struct slots *slots)
{
    if (!slots) {
        return;
    }
    pthread_mutex_lock(&slots->mutex);
    slots->closing = true;
    for (int i = 0; i < slots->count; i++) {
        pthread_cond_signal(&slots->list[i].given);
    }
    pthread_mutex_unlock(&slots->mutex);
    for (int i = 0; i < slots->count; i++) {
        slot_close(&slots->list[i]);
    }
    bell_done(&slots->freed);
    pthread_mutex_destroy(&slots->mutex);
    free(slots->list);
    free(slots);
}

struct slots_room slots_room(struct slots *slots)
{
    struct slots_room room = {0};
    pthread_mutex_lock(&slots->mutex);
    for (int i = 0; i < slots->count; i++) {
        const struct slot *slot = &slots->list[i];
        room.live += !slot->kind && slot->live_only;
        room.general += !slot->kind && !slot->live_only;
    }
    pthread_mutex_unlock(&slots->mutex);
    return room;
}

int slots_kind_room(struct slots *slots, const struct kind *kind)
{
    int held = 0;
    pthread_mutex_lock(&slots->mutex);
    for (int i = 0; i < slots->count; i++) {
        held += slots->list[i].kind == kind && !slots->list[i].live_only;
    }
    pthread_mutex_unlock(&slots->mutex);
    int room = slots_kind_share(slots->general, kind) - held;
    return room > 0 ? room : 0;
}

void slots_give(struct slots *slots, struct attempt *group)
{
    pthread_mutex_lock(&slots->mutex);
    struct slot *slot = NULL;
    if (group->job.lane == LANE_LIVE) {
        slot = find_idle(slots, true);
    }
    if (!slot) {
        slot = find_idle(slots, false);
    }
    assert(slot); /* slots_room said so, and only the fetcher gives */
    slot->group = group;
    slot->kind = group->job.kind;
    slots->busy++;
    pthread_cond_signal(&slot->given);
    pthread_mutex_unlock(&slots->mutex);
}

struct bell *slots_freed(struct slots *slots)
{
    return &slots->freed;
}

bool slots_wait_idle(struct slots *slots, int64_t limit_ms)
{
    const struct clock *clock = slots->context->clock;
    int64_t deadline_ms = clock_mono_ms(clock) + limit_ms;
    for (;;) {
        uint64_t seen = bell_count(&slots->freed);
        pthread_mutex_lock(&slots->mutex);
        bool idle = slots->busy == 0;
        pthread_mutex_unlock(&slots->mutex);
        int64_t left_ms = deadline_ms - clock_mono_ms(clock);
        if (idle || left_ms <= 0) {
            return idle;
        }
        (void)bell_wait(&slots->freed, seen, left_ms);
    }
}

/* The connections open on first need, so this fails on wrong settings only. */
static enum outcome slot_open(struct slots *slots, struct slot *slot, struct fault *fault)
{
    const struct settings *settings = slots->context->settings;
    slot->hands.context = slots->context;
    enum outcome outcome = mariadb_open(settings, MARIADB_WRITER, &slot->hands.db, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = redis_open(settings, &slot->hands.redis, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = stripe_open(settings, slot->hands.redis, &slot->hands.stripe, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mailer_open(settings, &slot->hands.mailer, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    int error = pthread_create(&slot->thread, NULL, slot_main, slot);
    if (error != 0) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "slots",
                         error,
                         "no thread for slot %d",
                         slot->number);
    }
    slot->started = true;
    return OUTCOME_DONE;
}

static void slot_close(struct slot *slot)
{
    if (slot->started) {
        pthread_join(slot->thread, NULL);
    }
    mailer_close(slot->hands.mailer);
    stripe_close(slot->hands.stripe);
    redis_close(slot->hands.redis);
    mariadb_close(slot->hands.db);
    pthread_cond_destroy(&slot->given);
}

static struct slot *find_idle(struct slots *slots, bool live_only)
{
    for (int i = 0; i < slots->count; i++) {
        struct slot *slot = &slots->list[i];
        if (!slot->kind && slot->live_only == live_only) {
            return slot;
        }
    }
    return NULL;
}

static void *slot_main(void *argument)
{
    struct slot *slot = argument;
    for (;;) {
        struct attempt *group = wait_given(slot);
        if (!group) {
            break;
        }
        run_group(slot, group);
        become_idle(slot);
    }
    return NULL;
}

/* NULL when the slots close. */
static struct attempt *wait_given(struct slot *slot)
{
    struct slots *slots = slot->slots;
    pthread_mutex_lock(&slots->mutex);
    while (!slot->group && !slots->closing) {
        pthread_cond_wait(&slot->given, &slots->mutex);
    }
    struct attempt *group = slot->group;
    slot->group = NULL;
    pthread_mutex_unlock(&slots->mutex);
    return group;
}

/* All in one go when the kind can and there are several, else, and when that did not
 * work, one after another, until one finds a neighbour away. Each is settled on its own,
 * as soon as it is done. */
static void run_group(struct slot *slot, struct attempt *group)
{
    bool held = begin_all(slot, group);
    bool whole = held && group->next && attempt_run_group(&slot->hands, group);
    struct fault away = {0};
    while (group) {
        struct attempt *next = group->next;
        if (!whole && away.neighbour) {
            attempt_defer(&slot->hands, group, &away);
        } else if (!whole) {
            run_single(slot, group);
        }
        if (group->settlement.deferred) {
            away = group->fault;
        }
        finish(slot, group);
        group = next;
    }
}

/* False when one of them is this worker's no more. */
static bool begin_all(struct slot *slot, struct attempt *group)
{
    int64_t now_ms = clock_mono_ms(slot->slots->context->clock);
    bool held = true;
    for (struct attempt *each = group; each; each = each->next) {
        held = roster_begin(slot->slots->roster, each, slot->number, now_ms) && held;
    }
    return held;
}

/* Behind others of its group it may have waited for longer than its lease. */
static void run_single(struct slot *slot, struct attempt *attempt)
{
    int64_t now_ms = clock_mono_ms(slot->slots->context->clock);
    if (roster_begin(slot->slots->roster, attempt, slot->number, now_ms)) {
        attempt_run(&slot->hands, attempt);
    } else {
        attempt_skip(&slot->hands, attempt);
    }
}

static void finish(struct slot *slot, struct attempt *attempt)
{
    roster_finish(slot->slots->roster, attempt);
    settler_add(slot->slots->settler, attempt);
}

static void become_idle(struct slot *slot)
{
    struct slots *slots = slot->slots;
    pthread_mutex_lock(&slots->mutex);
    slot->kind = NULL;
    slots->busy--;
    pthread_mutex_unlock(&slots->mutex);
    bell_ring(&slots->freed);
}
