/* SPDX-License-Identifier: MIT
 * The list of held jobs, newest first, under one lock. */
#include "worker/roster.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/model/job.h"
#include "worker/attempt.h"
#include "worker/bell.h"

enum { ABOUT_MOST_JOBS = 64 };

struct roster {
    pthread_mutex_t mutex; /* guards the rest */
    struct attempt *newest, *oldest;
    size_t count;
    int64_t overruns; /* since the start */
    int64_t finished;
    struct bell emptied;
};

static bool is_beyond(const struct attempt *attempt, int64_t now_ms, int64_t limits);
static struct job *collect(struct roster *roster,
                           struct partition partition,
                           struct arena *arena,
                           bool (*wanted)(const struct attempt *attempt,
                                          int64_t now_ms,
                                          int64_t most_limits),
                           int64_t now_ms,
                           int64_t most_limits,
                           size_t *out_count);
static bool is_any(const struct attempt *attempt, int64_t now_ms, int64_t most_limits);
static bool is_unfinished(const struct attempt *attempt,
                          int64_t now_ms,
                          int64_t most_limits);

struct roster *roster_new(void)
{
    struct roster *roster = calloc(1, sizeof(*roster));
    if (!roster) {
        abort();
    }
    pthread_mutex_init(&roster->mutex, NULL);
    bell_init(&roster->emptied);
    return roster;
}

void roster_free(struct roster *roster)
{
    if (!roster) {
        return;
    }
    assert(roster->count == 0);
    bell_done(&roster->emptied);
    pthread_mutex_destroy(&roster->mutex);
    free(roster);
}

void roster_add(struct roster *roster, struct attempt *attempt)
{
    pthread_mutex_lock(&roster->mutex);
    attempt->step = ATTEMPT_TAKEN;
    attempt->newer = NULL;
    attempt->older = roster->newest;
    if (roster->newest) {
        roster->newest->newer = attempt;
    } else {
        roster->oldest = attempt;
    }
    roster->newest = attempt;
    roster->count++;
    pthread_mutex_unlock(&roster->mutex);
}

bool roster_begin(struct roster *roster,
                  struct attempt *attempt,
                  int slot,
                  int64_t now_ms)
{
    pthread_mutex_lock(&roster->mutex);
    attempt->step = ATTEMPT_RUNNING;
    attempt->slot = slot;
    attempt->begun_ms = now_ms;
    bool held = !attempt->lost;
    pthread_mutex_unlock(&roster->mutex);
    return held;
}

void roster_finish(struct roster *roster, struct attempt *attempt)
{
    pthread_mutex_lock(&roster->mutex);
    attempt->step = ATTEMPT_FINISHED;
    roster->finished++;
    pthread_mutex_unlock(&roster->mutex);
}

void roster_remove(struct roster *roster, struct attempt *attempt)
{
    pthread_mutex_lock(&roster->mutex);
    if (attempt->newer) {
        attempt->newer->older = attempt->older;
    } else {
        roster->newest = attempt->older;
    }
    if (attempt->older) {
        attempt->older->newer = attempt->newer;
    } else {
        roster->oldest = attempt->newer;
    }
    assert(roster->count > 0);
    bool empty = --roster->count == 0;
    pthread_mutex_unlock(&roster->mutex);
    if (empty) {
        bell_ring(&roster->emptied);
    }
}

size_t roster_count(struct roster *roster)
{
    pthread_mutex_lock(&roster->mutex);
    size_t count = roster->count;
    pthread_mutex_unlock(&roster->mutex);
    return count;
}

bool roster_wait_empty(struct roster *roster, int64_t limit_ms)
{
    uint64_t seen = bell_count(&roster->emptied);
    return roster_count(roster) == 0 || bell_wait(&roster->emptied, seen, limit_ms);
}

struct job *roster_held(struct roster *roster,
                        struct partition partition,
                        struct arena *arena,
                        size_t *out_count)
{
    return collect(roster, partition, arena, is_any, 0, 0, out_count);
}

struct job *roster_unfinished(struct roster *roster,
                              struct partition partition,
                              int64_t now_ms,
                              int64_t most_limits,
                              struct arena *arena,
                              size_t *out_count)
{
    return collect(roster,
                   partition,
                   arena,
                   is_unfinished,
                   now_ms,
                   most_limits,
                   out_count);
}

void roster_lost(struct roster *roster,
                 struct partition partition,
                 const int64_t *tokens,
                 size_t count)
{
    pthread_mutex_lock(&roster->mutex);
    for (struct attempt *at = roster->newest; at; at = at->older) {
        for (size_t i = 0; i < count; i++) {
            if (at->partition.number == partition.number && at->job.token == tokens[i] &&
                !at->lost) {
                at->lost = true;
                log_warning("lease_lost",
                            LOG_SPAN("id", at->job.id),
                            LOG_TEXT("kind", at->job.kind->name),
                            LOG_NUMBER("token", at->job.token));
            }
        }
    }
    pthread_mutex_unlock(&roster->mutex);
}

bool roster_watch(struct roster *roster, int64_t now_ms, int64_t most_limits)
{
    bool hopeless = false;
    pthread_mutex_lock(&roster->mutex);
    for (struct attempt *at = roster->newest; at; at = at->older) {
        if (is_beyond(at, now_ms, 1) && !at->overran) {
            at->overran = true;
            roster->overruns++;
            log_warning("overrun",
                        LOG_SPAN("id", at->job.id),
                        LOG_TEXT("kind", at->job.kind->name),
                        LOG_NUMBER("slot", at->slot),
                        LOG_NUMBER("running_ms", now_ms - at->begun_ms),
                        LOG_NUMBER("limit_ms", at->job.kind->limit_ms));
        }
        hopeless = hopeless || is_beyond(at, now_ms, most_limits);
    }
    pthread_mutex_unlock(&roster->mutex);
    return hopeless;
}

void roster_about(struct roster *roster, int64_t now_ms, struct json_writer *json)
{
    pthread_mutex_lock(&roster->mutex);
    json_put_integer(json, "held", (int64_t)roster->count);
    json_put_integer(json, "finished", roster->finished);
    json_put_integer(json, "overruns", roster->overruns);
    json_open(json, "running", '[');
    int told = 0;
    for (const struct attempt *at = roster->oldest; at && told < ABOUT_MOST_JOBS;
         at = at->newer) {
        if (at->step != ATTEMPT_RUNNING) {
            continue;
        }
        told++;
        json_open(json, NULL, '{');
        json_put_string(json, "id", at->job.id);
        json_put_string(json, "kind", span_of(at->job.kind->name));
        json_put_integer(json, "slot", at->slot);
        json_put_integer(json, "ms", now_ms - at->begun_ms);
        json_put_bool(json, "overran", at->overran);
        json_close(json, '}');
    }
    json_close(json, ']');
    pthread_mutex_unlock(&roster->mutex);
}

static bool is_beyond(const struct attempt *attempt, int64_t now_ms, int64_t limits)
{
    return attempt->step == ATTEMPT_RUNNING &&
           now_ms - attempt->begun_ms > attempt->job.kind->limit_ms * limits;
}

static struct job *collect(struct roster *roster,
                           struct partition partition,
                           struct arena *arena,
                           bool (*wanted)(const struct attempt *attempt,
                                          int64_t now_ms,
                                          int64_t most_limits),
                           int64_t now_ms,
                           int64_t most_limits,
                           size_t *out_count)
{
    pthread_mutex_lock(&roster->mutex);
    struct job *jobs = ARENA_ARRAY(arena, struct job, roster->count);
    size_t count = 0;
    for (const struct attempt *at = roster->oldest; at; at = at->newer) {
        if (at->partition.number == partition.number && wanted(at, now_ms, most_limits)) {
            jobs[count++] = at->job;
        }
    }
    pthread_mutex_unlock(&roster->mutex);
    *out_count = count;
    return jobs;
}

static bool is_any(const struct attempt *attempt, int64_t now_ms, int64_t most_limits)
{
    (void)attempt, (void)now_ms, (void)most_limits;
    return true;
}

static bool is_unfinished(const struct attempt *attempt,
                          int64_t now_ms,
                          int64_t most_limits)
{
    return attempt->step != ATTEMPT_FINISHED && !is_beyond(attempt, now_ms, most_limits);
}
