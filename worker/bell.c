/* SPDX-License-Identifier: MIT
 * A counter with a condition: whoever waits names the count that it saw last. */
#include "worker/bell.h"

#include <errno.h>
#include <time.h>

static struct timespec after_ms(int64_t limit_ms);

void bell_init(struct bell *bell)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&bell->rung, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&bell->mutex, NULL);
    bell->count = 0;
}

void bell_done(struct bell *bell)
{
    pthread_cond_destroy(&bell->rung);
    pthread_mutex_destroy(&bell->mutex);
}

void bell_ring(struct bell *bell)
{
    pthread_mutex_lock(&bell->mutex);
    bell->count++;
    pthread_cond_broadcast(&bell->rung);
    pthread_mutex_unlock(&bell->mutex);
}

uint64_t bell_count(struct bell *bell)
{
    pthread_mutex_lock(&bell->mutex);
    uint64_t count = bell->count;
    pthread_mutex_unlock(&bell->mutex);
    return count;
}

bool bell_wait(struct bell *bell, uint64_t seen, int64_t limit_ms)
{
    struct timespec deadline = after_ms(limit_ms);
    int error = 0;
    pthread_mutex_lock(&bell->mutex);
    while (bell->count == seen && error != ETIMEDOUT) {
        error = pthread_cond_timedwait(&bell->rung, &bell->mutex, &deadline);
    }
    bool rang = bell->count != seen;
    pthread_mutex_unlock(&bell->mutex);
    return rang;
}

static struct timespec after_ms(int64_t limit_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t nanoseconds = (int64_t)at.tv_nsec + limit_ms % 1000 * 1000000;
    at.tv_sec += (time_t)(limit_ms / 1000 + nanoseconds / 1000000000);
    at.tv_nsec = (long)(nanoseconds % 1000000000);
    return at;
}
