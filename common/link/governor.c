/* SPDX-License-Identifier: MIT
 * The bucket in Redis, and each slot's own pace when Redis is away. */
#include "common/link/governor.h"

#include "common/base/clock.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"

enum { GOVERNOR_ARENA_BYTES = 1 << 20, REDIS_REST_MS = 1000 };

static int64_t book_locally(struct governor *governor, int64_t now_ms);

struct governor governor_make(const struct settings *settings, struct redis *redis)
{
    return (struct governor){.redis = redis,
                             .rate_per_s = settings->stripe.rate_per_s,
                             .local_gap_ms = settings->worker.slots * 1000 /
                                             settings->stripe.rate_per_s};
}

int64_t governor_book(struct governor *governor, bool live, int64_t most_ms)
{
    if (!governor->redis) {
        return 0;
    }
    int64_t now_ms = clock_mono_ms(&clock_system);
    if (now_ms < governor->ask_at_ms) {
        return book_locally(governor, now_ms);
    }
    struct arena arena;
    arena_init(&arena, GOVERNOR_ARENA_BYTES);
    struct command command = queue_govern(&arena, governor->rate_per_s, live, most_ms);
    struct reply reply = {0};
    struct fault fault; /* the fetcher and the settler tell that Redis is away */
    enum outcome outcome = redis_call(governor->redis, &command, &arena, &reply, &fault);
    bool answered = outcome == OUTCOME_DONE && reply.type == REPLY_INTEGER;
    int64_t wait_ms = reply.integer;
    arena_done(&arena);
    if (!answered) {
        governor->ask_at_ms = clock_mono_ms(&clock_system) + REDIS_REST_MS;
        return book_locally(governor, now_ms);
    }
    return wait_ms > 0 ? wait_ms : 0;
}

void governor_refused(struct governor *governor)
{
    if (!governor->redis) {
        return;
    }
    struct arena arena;
    arena_init(&arena, GOVERNOR_ARENA_BYTES);
    struct command command = queue_govern_refused(&arena, governor->rate_per_s);
    struct reply reply;
    struct fault fault;
    if (redis_call(governor->redis, &command, &arena, &reply, &fault) != OUTCOME_DONE) {
        governor->ask_at_ms = clock_mono_ms(&clock_system) + REDIS_REST_MS;
    }
    arena_done(&arena);
}

static int64_t book_locally(struct governor *governor, int64_t now_ms)
{
    int64_t at_ms = governor->local_next_ms > now_ms ? governor->local_next_ms : now_ms;
    governor->local_next_ms = at_ms + governor->local_gap_ms;
    return at_ms - now_ms;
}
