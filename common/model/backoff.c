/* SPDX-License-Identifier: MIT
 * Exponential backoff with full jitter. */
#include "common/model/backoff.h"

#include <assert.h>

static int64_t not_before(int64_t wait_ms, uint64_t seed, int64_t retry_after_ms);
static uint64_t mix(uint64_t number);
static int64_t spread(uint64_t seed, int64_t most);

int64_t backoff_ms(const struct kind *kind,
                   int failures,
                   uint64_t seed,
                   int64_t retry_after_ms)
{
    assert(failures >= 0 && kind->base_ms > 0 && kind->cap_ms >= kind->base_ms);
    int64_t window = kind->base_ms;
    for (int i = 0; i < failures && window < kind->cap_ms; i++) {
        window *= 2;
    }
    if (window > kind->cap_ms) {
        window = kind->cap_ms;
    }
    int64_t wait = spread(seed, window);
    if (wait < BACKOFF_LEAST_MS) {
        wait = BACKOFF_LEAST_MS;
    }
    return not_before(wait, seed, retry_after_ms);
}

/* FNV-1a over the id, then mixed with the number of failures. */
uint64_t backoff_seed(struct span job_id, int failures)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < job_id.len; i++) {
        hash = (hash ^ (unsigned char)job_id.at[i]) * 0x100000001b3U;
    }
    return mix(hash + (uint64_t)failures);
}

int64_t backoff_deferred_ms(bool paused,
                            int deferrals,
                            uint64_t seed,
                            int64_t retry_after_ms)
{
    int64_t window = BACKOFF_DEFERRED_FIRST_MS;
    for (int i = 0; !paused && i < deferrals && window < BACKOFF_DEFERRED_MOST_MS; i++) {
        window *= 2;
    }
    if (window > BACKOFF_DEFERRED_MOST_MS) {
        window = BACKOFF_DEFERRED_MOST_MS;
    }
    int64_t wait = BACKOFF_DEFERRED_LEAST_MS;
    wait += spread(seed, window - BACKOFF_DEFERRED_LEAST_MS);
    return not_before(wait, seed, retry_after_ms);
}

/* The wait, or the other side's wish and up to a tenth more when that is longer. */
static int64_t not_before(int64_t wait_ms, uint64_t seed, int64_t retry_after_ms)
{
    if (retry_after_ms <= 0) {
        return wait_ms;
    }
    int64_t floor = retry_after_ms < BACKOFF_RETRY_AFTER_MOST_MS
                        ? retry_after_ms
                        : BACKOFF_RETRY_AFTER_MOST_MS;
    floor += spread(mix(seed), floor / 10);
    return wait_ms > floor ? wait_ms : floor;
}

/* The finaliser of splitmix64. */
static uint64_t mix(uint64_t number)
{
    number += 0x9e3779b97f4a7c15U;
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9U;
    number = (number ^ (number >> 27)) * 0x94d049bb133111ebU;
    return number ^ (number >> 31);
}

/* Uniform from 0 to most, both included. */
static int64_t spread(uint64_t seed, int64_t most)
{
    return (int64_t)(mix(seed) % ((uint64_t)most + 1));
}
