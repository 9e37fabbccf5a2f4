/* SPDX-License-Identifier: MIT
 *
 * waiting - a loop's requests that wait for jobs: each is answered when its job is
 * settled, when its time is up, or when the loop drains.
 *
 * Owns:    the requests given to it, until their callback; where their jobs stand
 * Callers: asking, jobs, subscriber, loop; all of the same loop
 * Blocks:  never
 * Units:   moments are the loop's monotonic clock in milliseconds
 * Order:   waiting_open; waiting_close after redis_async_close
 *
 * A message that a job is settled makes its record be looked at in the same turn of the
 * loop. Messages may get lost, so every job is also looked at each WAITING_LOOK_MS,
 * whether there are messages or not; the looks are spread evenly over the ticks and go in
 * batches. While Redis is away the looks fail and go on. Several requests may wait for one
 * job. There are never more of them than connections.
 */
#ifndef API_WAITING_H
#define API_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

struct job_result;
struct loop;
struct request;
struct waiting;

enum {
    WAITING_MOST_MS = 25000,
    WAITING_TICK_MS = 50, /* of the loop */
    WAITING_LOOK_MS = 450,
};

/* How it ended. */
enum waited {
    WAITED_SETTLED, /* the job is done or dead */
    WAITED_SEEN, /* it is in another state, and one look was all that was wanted */
    WAITED_GONE, /* Redis knows no such job */
    WAITED_UNSEEN, /* Redis did not answer, and one look was all that was wanted */
    WAITED_LATE, /* its time is up */
    WAITED_LEAVING, /* the loop drains */
    WAITED_LEFT, /* its client has left: drop the request */
};

/* Must answer or drop the request. `job` is what was seen last: not `known` when nothing
 * was; its texts are borrowed until the callback returns. Never called from within
 * waiting_add. */
typedef void (*waiting_answer_fn)(struct request *request,
                                  void *context,
                                  enum waited waited,
                                  const struct job_result *job);

struct wait {
    struct span job_id; /* copied */
    int64_t until_ms; /* at most WAITING_MOST_MS ahead */
    bool look_now; /* it may have been settled already */
    bool once; /* look once, and be told whatever was seen */
    waiting_answer_fn answer;
    void *context;
};

struct waiting *waiting_open(struct loop *loop);
void waiting_close(struct waiting *waiting); /* NULL does nothing */

/* The request's `left` is taken over until the callback. */
void waiting_add(struct request *request, const struct wait *wait);
/* A message says that the job is settled. */
void waiting_hear(struct waiting *waiting, struct span job_id);
/* Messages may have been missed: everything is looked at now. */
void waiting_look_at_all(struct waiting *waiting);
/* Every WAITING_TICK_MS. */
void waiting_tick(struct waiting *waiting, int64_t now_ms);
/* Whoever waits, and whoever still comes to wait, is told so at the next tick. */
void waiting_drain(struct waiting *waiting);

#endif
