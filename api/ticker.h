/* SPDX-License-Identifier: MIT
 *
 * ticker - a thread of its own that does one thing again and again until it is stopped.
 *
 * Owns:    its thread, from ticker_start to ticker_stop
 * Callers: accounts and pulse, whose neighbours can only be asked by waiting for them
 * Blocks:  ticker_stop for at most TICKER_STOP_MS; a thread that hangs in its neighbour
 *          longer is left behind, which is only right when the process ends
 */
#ifndef API_TICKER_H
#define API_TICKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { TICKER_STOP_MS = 1000 };

/* Does it once and says how long to wait before the next time. */
typedef int64_t (*ticker_fn)(void *context);

struct ticker {
    bool started;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stop;
    ticker_fn tick;
    void *context;
};

void ticker_start(struct ticker *ticker, ticker_fn tick, void *context);
/* Whether the thread has ended (or was never started, in a ticker that is zeroed), so that
 * what it used may be freed. */
bool ticker_stop(struct ticker *ticker);

#endif
