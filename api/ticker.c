/* SPDX-License-Identifier: MIT
 * A thread that repeats one thing. */
#include "api/ticker.h"

#include <stdlib.h>
#include <time.h>

static void *run(void *context);
static struct timespec after(clockid_t clock, int64_t ms);

void ticker_start(struct ticker *ticker, ticker_fn tick, void *context)
{
    pthread_condattr_t monotonic;
    ticker->started = true;
    ticker->stop = false;
    ticker->tick = tick;
    ticker->context = context;
    if (pthread_condattr_init(&monotonic) != 0 ||
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&ticker->stopped, &monotonic) != 0 ||
        pthread_mutex_init(&ticker->lock, NULL) != 0 ||
        pthread_create(&ticker->thread, NULL, run, ticker) != 0) {
        abort(); /* the machine has no room for one more thread */
    }
    pthread_condattr_destroy(&monotonic);
}

bool ticker_stop(struct ticker *ticker)
{
    if (!ticker->started) {
        return true;
    }
    pthread_mutex_lock(&ticker->lock);
    ticker->stop = true;
    pthread_cond_signal(&ticker->stopped);
    pthread_mutex_unlock(&ticker->lock);
    struct timespec limit = after(CLOCK_REALTIME, TICKER_STOP_MS);
    if (pthread_timedjoin_np(ticker->thread, NULL, &limit) != 0) {
        return false;
    }
    pthread_cond_destroy(&ticker->stopped);
    pthread_mutex_destroy(&ticker->lock);
    return true;
}

static void *run(void *context)
{
    struct ticker *ticker = context;
    pthread_mutex_lock(&ticker->lock);
    while (!ticker->stop) {
        pthread_mutex_unlock(&ticker->lock);
        struct timespec next = after(CLOCK_MONOTONIC, ticker->tick(ticker->context));
        pthread_mutex_lock(&ticker->lock);
        int waited = 0;
        while (!ticker->stop && waited == 0) {
            waited = pthread_cond_timedwait(&ticker->stopped, &ticker->lock, &next);
        }
    }
    pthread_mutex_unlock(&ticker->lock);
    return NULL;
}

static struct timespec after(clockid_t clock, int64_t ms)
{
    struct timespec moment;
    clock_gettime(clock, &moment);
    moment.tv_sec += ms / 1000;
    moment.tv_nsec += (ms % 1000) * 1000000;
    if (moment.tv_nsec >= 1000000000) {
        moment.tv_sec++;
        moment.tv_nsec -= 1000000000;
    }
    return moment;
}
