/* SPDX-License-Identifier: MIT
 *
 * batch_watch - a loop's requests that watch batches: each is told what changes, until all
 * is done, its time is up, or nobody is there any more.
 *
 * Owns:    the order of the looks; a watch lives in its request's arena
 * Callers: sync (Prefer: wait), batches (streams), loop; all of the same loop
 * Blocks:  never
 * Units:   moments are the loop's monotonic clock in milliseconds
 *
 * A look is a question to MariaDB, on a reader's thread. It comes again after `every_ms`
 * when something had changed, and ever later, up to `slowest_ms`, while nothing does. At
 * most WATCH_LOOKS of a loop are on their way at once, so that a crowd that watches does
 * not fill the line for those who ask.
 * While MariaDB is away the looks fail and go on. Each look also sees whether the session
 * is still one: a stream lives longer than what is believed of it.
 */
#ifndef API_BATCH_WATCH_H
#define API_BATCH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "api/batch_view.h"

struct loop;
struct request;

enum { WATCH_LOOKS = 32 };

enum watched {
    WATCHED_CHANGED, /* the watch goes on */
    WATCHED_QUIET, /* nothing was told for `quiet_ms`; it goes on */
    WATCHED_DONE, /* no sale waits any more */
    WATCHED_LATE, /* its time is up */
    WATCHED_LEAVING, /* the loop drains */
    WATCHED_ENDED, /* the session has ended */
    WATCHED_LEFT, /* the client has left: drop the request */
};

/* Must answer, end or drop the request, but for the first two. */
typedef void (*watch_fn)(struct request *request, void *context, enum watched watched);

struct watch {
    struct batch_view *view;
    int64_t until_ms;
    int64_t every_ms;
    int64_t slowest_ms;
    int64_t quiet_ms; /* 0: it need not be told so */
    watch_fn tell;
    void *context;
    /* its own */
    struct request *request;
    struct watch *before;
    struct watch *behind;
    int64_t pace_ms;
    int64_t next_ms;
    int64_t told_ms;
    bool looking; /* a thread has it */
    bool alone; /* the loop closes: those beside it may be freed by a thread */
    bool changed;
    bool ended;
};

/* `watch` has its upper half filled. It is told at once when nothing waits; never from
 * within. The request's `left` is taken over until it is over. */
void batch_watch_add(struct request *request, struct watch *watch);
/* Every WAITING_TICK_MS. */
void batch_watch_tick(struct loop *loop, int64_t now_ms);
/* Before the loop's mailbox closes: who looks is freed by its thread from then on, and
 * nobody refers to another one any more. */
void batch_watch_close(struct loop *loop);

#endif
