/* SPDX-License-Identifier: MIT
 * Who waits for which job, and until when. Looking at the jobs is waiting_look.c's. */
#include "api/waiting.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/counters.h"
#include "api/door.h"
#include "api/loop.h"
#include "api/request.h"
#include "api/waiting_state.h"
#include "common/base/digest.h"

static bool was_heard_early(const struct waiting *waiting, uint64_t hash);
static struct waiter *make_waiter(struct request *request, const struct wait *wait);
static struct awaited *get_job(struct waiting *waiting, struct span id);
static struct awaited *find_job(const struct waiting *waiting,
                                struct span id,
                                uint64_t hash);
static uint64_t hash_of(const struct waiting *waiting, struct span id);
static void put_in_slot(struct waiting *waiting, struct waiter *waiter);
static void take_from_slot(struct waiting *waiting, struct waiter *waiter);
static struct waiter **slot_of(struct waiting *waiting, int64_t until_ms);
static void on_left(struct request *request, void *context);
static void answer_slot(struct waiting *waiting, struct waiter **slot, int64_t now_ms);
static void answer_those(struct waiting *waiting,
                         struct awaited *job,
                         bool once_only,
                         enum waited waited,
                         const struct job_result *result);
static void take_off(struct waiting *waiting, struct waiter *waiter);
static void leave_table(struct waiting *waiting, struct awaited *job);
static void answer_one(struct waiter *waiter,
                       enum waited waited,
                       const struct job_result *result);

struct waiting *waiting_open(struct loop *loop)
{
    struct waiting *waiting = calloc(1, sizeof(*waiting));
    if (!waiting) {
        abort();
    }
    size_t rows = 64;
    while (rows < (size_t)loop->door->connections_most) {
        rows *= 2;
    }
    waiting->loop = loop;
    waiting->rows_mask = rows - 1;
    waiting->rows = calloc(rows, sizeof(struct awaited *));
    if (!waiting->rows) {
        abort();
    }
    waiting->slot_done = loop_mono_ms(loop) / WAITING_TICK_MS - 1;
    digest_random(&waiting->seed, sizeof(waiting->seed));
    waiting_open_looks(waiting);
    return waiting;
}

void waiting_close(struct waiting *waiting)
{
    if (!waiting) {
        return;
    }
    waiting_close_looks(waiting);
    for (size_t i = 0; i <= waiting->rows_mask; i++) {
        assert(!waiting->rows[i]); /* every connection was shut, so every client left */
    }
    free(waiting->rows);
    free(waiting);
}

void waiting_add(struct request *request, const struct wait *wait)
{
    struct waiting *waiting = request->loop->waiting;
    assert(job_id_is_valid(wait->job_id));
    struct waiter *waiter = make_waiter(request, wait);
    struct awaited *job = get_job(waiting, wait->job_id);
    waiter->job = job;
    waiter->next = job->waiters;
    job->waiters = waiter;
    put_in_slot(waiting, waiter);
    request->left = on_left;
    request->left_context = waiter;
    if (wait->look_now || was_heard_early(waiting, job->hash)) {
        waiting_want(waiting, job);
    }
}

/* A quick job's message may come over its connection before the reply of its enqueuing
 * over the other one. */
static bool was_heard_early(const struct waiting *waiting, uint64_t hash)
{
    for (size_t i = 0; i < WAITING_EARLY; i++) {
        if (waiting->early[i] == hash) {
            return true;
        }
    }
    return false;
}

/* Nobody waits for long for a client that has left already. */
static struct waiter *make_waiter(struct request *request, const struct wait *wait)
{
    int64_t now = loop_mono_ms(request->loop);
    bool past = wait->until_ms < now || !request->connection;
    assert(wait->until_ms - now <= WAITING_MOST_MS);
    struct waiter *waiter = malloc(sizeof(*waiter));
    if (!waiter) {
        abort();
    }
    *waiter = (struct waiter){.request = request,
                              .until_ms = past ? now : wait->until_ms,
                              .answer = wait->answer,
                              .context = wait->context,
                              .once = wait->once};
    return waiter;
}

/* The one that is known, or a new one. */
static struct awaited *get_job(struct waiting *waiting, struct span id)
{
    uint64_t hash = hash_of(waiting, id);
    struct awaited *job = find_job(waiting, id, hash);
    if (job) {
        return job;
    }
    job = malloc(sizeof(*job) + id.len);
    if (!job) {
        abort();
    }
    *job = (struct awaited){.hash = hash, .id_len = id.len};
    memcpy(job->id, id.at, id.len);
    struct awaited **row = &waiting->rows[hash & waiting->rows_mask];
    job->next = *row;
    *row = job;
    counter_add(&waiting->loop->counters->jobs_awaited, 1);
    job->tick = (uint8_t)(waiting->round_next++ % WAITING_ROUND);
    struct awaited **first = &waiting->round[job->tick];
    job->behind = *first;
    if (*first) {
        (*first)->before = job;
    }
    *first = job;
    return job;
}

static struct awaited *find_job(const struct waiting *waiting,
                                struct span id,
                                uint64_t hash)
{
    struct awaited *job = waiting->rows[hash & waiting->rows_mask];
    while (job &&
           (job->hash != hash || !span_equal((struct span){job->id, job->id_len}, id))) {
        job = job->next;
    }
    return job;
}

/* FNV-1a from a seed that nobody knows, then the finaliser of splitmix64. */
static uint64_t hash_of(const struct waiting *waiting, struct span id)
{
    uint64_t hash = waiting->seed;
    for (size_t i = 0; i < id.len; i++) {
        hash = (hash ^ (unsigned char)id.at[i]) * 0x100000001b3U;
    }
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9U;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebU;
    return hash ^ (hash >> 31);
}

static void put_in_slot(struct waiting *waiting, struct waiter *waiter)
{
    struct waiter **slot = slot_of(waiting, waiter->until_ms);
    waiter->before = NULL;
    waiter->behind = *slot;
    if (*slot) {
        (*slot)->before = waiter;
    }
    *slot = waiter;
}

static void take_from_slot(struct waiting *waiting, struct waiter *waiter)
{
    if (waiter->before) {
        waiter->before->behind = waiter->behind;
    } else {
        *slot_of(waiting, waiter->until_ms) = waiter->behind;
    }
    if (waiter->behind) {
        waiter->behind->before = waiter->before;
    }
}

/* The tick at which the moment is over. */
static struct waiter **slot_of(struct waiting *waiting, int64_t until_ms)
{
    return &waiting->slots[until_ms / WAITING_TICK_MS % WAITING_SLOTS];
}

static void on_left(struct request *request, void *context)
{
    struct waiter *waiter = context;
    take_off(request->loop->waiting, waiter);
    answer_one(waiter, WAITED_LEFT, NULL);
}

void waiting_hear(struct waiting *waiting, struct span job_id)
{
    uint64_t hash = hash_of(waiting, job_id);
    struct awaited *job = find_job(waiting, job_id, hash);
    if (!job) {
        waiting->early[waiting->early_next++ % WAITING_EARLY] = hash;
        return;
    }
    if (job->looking) {
        job->again = true;
    } else {
        waiting_want(waiting, job);
    }
}

void waiting_look_at_all(struct waiting *waiting)
{
    for (int tick = 0; tick < WAITING_ROUND; tick++) {
        for (struct awaited *job = waiting->round[tick]; job; job = job->behind) {
            waiting_want(waiting, job);
        }
    }
}

void waiting_tick(struct waiting *waiting, int64_t now_ms)
{
    /* A stall of the loop is caught up with one round. */
    int64_t last = now_ms / WAITING_TICK_MS - 1;
    int64_t first = waiting->slot_done + 1;
    first = last - first >= WAITING_SLOTS ? last - WAITING_SLOTS + 1 : first;
    waiting->slot_done = last > waiting->slot_done ? last : waiting->slot_done;
    for (int64_t tick = first; tick <= last; tick++) {
        answer_slot(waiting, &waiting->slots[tick % WAITING_SLOTS], now_ms);
    }
    for (int i = 0; waiting->draining && i < WAITING_SLOTS; i++) {
        answer_slot(waiting, &waiting->slots[i], now_ms);
    }
    waiting->round_at = (waiting->round_at + 1) % WAITING_ROUND;
    struct awaited *job = waiting->round[waiting->round_at];
    for (; job; job = job->behind) {
        waiting_want(waiting, job);
    }
}

void waiting_drain(struct waiting *waiting)
{
    waiting->draining = true;
}

/* A callback may change the slot, so those that are due are taken off first. A single look
 * is over soon by itself: a loop that drains lets it end. */
static void answer_slot(struct waiting *waiting, struct waiter **slot, int64_t now_ms)
{
    struct waiter *due = NULL;
    struct waiter *behind = NULL;
    for (struct waiter *at = *slot; at; at = behind) {
        behind = at->behind;
        if (at->until_ms <= now_ms || (waiting->draining && !at->once)) {
            take_off(waiting, at);
            at->next = due;
            due = at;
        }
    }
    while (due) {
        struct waiter *next = due->next;
        answer_one(due, due->until_ms <= now_ms ? WAITED_LATE : WAITED_LEAVING, NULL);
        due = next;
    }
}

void waiting_seen(struct waiting *waiting,
                  struct awaited *job,
                  const struct job_result *result)
{
    bool settled =
        result->known && (result->state == JOB_DONE || result->state == JOB_DEAD);
    job->seen = *result;
    job->seen.kind = job->seen.result = (struct span){NULL, 0};
    if (!result->known) {
        answer_those(waiting, job, false, WAITED_GONE, result);
    } else if (settled && result->left_out) {
        waiting_want(waiting, job);
    } else if (settled) {
        answer_those(waiting, job, false, WAITED_SETTLED, result);
    } else {
        answer_those(waiting, job, true, WAITED_SEEN, result);
    }
}

void waiting_unseen(struct waiting *waiting, struct awaited *job)
{
    answer_those(waiting, job, true, WAITED_UNSEEN, NULL);
}

/* All that wait for the job, or only those who wanted a single look. They are taken off
 * first: what a callback adds waits for the next look. */
static void answer_those(struct waiting *waiting,
                         struct awaited *job,
                         bool once_only,
                         enum waited waited,
                         const struct job_result *result)
{
    struct waiter *those = NULL;
    struct waiter *next = NULL;
    for (struct waiter *at = job->waiters; at; at = next) {
        next = at->next;
        if (at->once || !once_only) {
            take_off(waiting, at);
            at->next = those;
            those = at;
        }
    }
    while (those) {
        next = those->next;
        answer_one(those, waited, result);
        those = next;
    }
}

static void take_off(struct waiting *waiting, struct waiter *waiter)
{
    struct awaited *job = waiter->job;
    struct waiter **at = &job->waiters;
    while (*at != waiter) {
        at = &(*at)->next;
    }
    *at = waiter->next;
    take_from_slot(waiting, waiter);
    waiter->job = NULL;
    waiter->seen = job->seen;
    waiter->request->left = NULL;
    if (!job->waiters) {
        leave_table(waiting, job);
        waiting_free_unused(job);
    }
}

static void leave_table(struct waiting *waiting, struct awaited *job)
{
    struct awaited **at = &waiting->rows[job->hash & waiting->rows_mask];
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
    counter_add(&waiting->loop->counters->jobs_awaited, -1);
    if (job->before) {
        job->before->behind = job->behind;
    } else {
        waiting->round[job->tick] = job->behind;
    }
    if (job->behind) {
        job->behind->before = job->before;
    }
}

void waiting_free_unused(struct awaited *job)
{
    if (!job->waiters && !job->wanted && !job->looking) {
        free(job);
    }
}

/* The last act for a waiter. What was seen last counts when nothing newer is there. */
static void answer_one(struct waiter *waiter,
                       enum waited waited,
                       const struct job_result *result)
{
    struct waiter told = *waiter;
    free(waiter);
    told.answer(told.request,
                told.context,
                told.request->connection ? waited : WAITED_LEFT,
                result ? result : &told.seen);
}
