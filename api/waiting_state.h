/* SPDX-License-Identifier: MIT
 *
 * waiting_state - what waiting.c and waiting_look.c share: the inside of a struct waiting.
 *
 * Owns:    as waiting.h says
 * Callers: these two files alone
 * Blocks:  never
 */
#ifndef API_WAITING_STATE_H
#define API_WAITING_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/waiting.h"
#include "common/base/arena.h"
#include "common/link/queue.h"

struct event;

enum {
    WAITING_ROUND = WAITING_LOOK_MS / WAITING_TICK_MS, /* ticks until a job's next look */
    WAITING_SLOTS = 512, /* ticks of deadlines; more than WAITING_MOST_MS */
    WAITING_EARLY = 256, /* a power of two */
};

/* One request that waits. */
struct waiter {
    struct waiter *next; /* of its job, or of those that are being answered */
    struct waiter *before; /* in the slot of its deadline */
    struct waiter *behind;
    struct awaited *job;
    struct job_result seen; /* of the job, once it is taken off */
    struct request *request;
    int64_t until_ms;
    waiting_answer_fn answer;
    void *context;
    bool once;
};

/* A job that somebody waits for. Without waiters it is in no list but those that its flags
 * name, and goes once these are down. */
struct awaited {
    struct awaited *next; /* in its row of the table */
    struct awaited *before; /* in the round */
    struct awaited *behind;
    struct awaited *next_wanted;
    struct waiter *waiters;
    uint64_t hash;
    bool wanted; /* it is to be looked at at the end of this turn */
    bool looking; /* a look is under way */
    bool again; /* settled since that look was sent */
    uint8_t tick; /* of the round */
    struct job_result seen; /* its texts are not kept */
    size_t id_len;
    char id[];
};

/* One call under way. */
struct look {
    struct waiting *waiting;
    struct look *next_spare;
    size_t count;
    struct awaited *jobs[RESULTS_MOST_JOBS];
};

struct waiting {
    struct loop *loop;
    uint64_t seed; /* of the table's hash */
    size_t rows_mask;
    struct awaited **rows;
    struct awaited *round[WAITING_ROUND];
    unsigned round_at;
    unsigned round_next; /* the tick of the next job that comes */
    struct waiter *slots[WAITING_SLOTS];
    int64_t slot_done; /* ticks before it are over */
    bool draining;
    uint64_t early[WAITING_EARLY]; /* hashes of jobs heard of before anybody waited */
    unsigned early_next;

    struct awaited *wanted;
    struct event *turn_end;
    int partitions;
    struct look **open; /* one for each partition, while looks are put together */
    struct look *spare;
    struct arena arena; /* of the call that is being made */
};

/* waiting.c: what a look found, and that it failed. The job is not there afterwards,
 * unless a flag of it is up. */
void waiting_seen(struct waiting *waiting,
                  struct awaited *job,
                  const struct job_result *result);
void waiting_unseen(struct waiting *waiting, struct awaited *job);
/* Once it is neither waited for nor in use. */
void waiting_free_unused(struct awaited *job);

/* waiting_look.c */
void waiting_open_looks(struct waiting *waiting);
void waiting_close_looks(struct waiting *waiting);
/* At the end of this turn. */
void waiting_want(struct waiting *waiting, struct awaited *job);

#endif
