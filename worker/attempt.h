/* SPDX-License-Identifier: MIT
 *
 * attempt - one run of one job, from Redis' answer to the settlement that goes back.
 *
 * Owns:    its arena, in which the job, the opened payload, what the handler makes and
 *          the settlement live
 * Callers: fetcher (makes it), slots (run it), settler (sends it and frees it)
 * Blocks:  attempt_run as long as the handler does
 * Order:   attempt_new, roster_add, attempt_run, settler_add; freed once Redis has
 *          answered
 *
 *      fetcher            slot                                settler
 *      attempt_new -----> open payload -> handler -> seal ---> settle -> attempt_free
 *
 * At any moment one thread works on it, except that its job, which never changes, may be
 * read by whoever holds the roster.
 */
#ifndef WORKER_ATTEMPT_H
#define WORKER_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/link/queue.h"

struct context;
struct handled;
struct handler;
struct mailer;
struct mariadb;
struct redis;
struct stripe;

enum { ATTEMPT_ARENA_BYTES = 64 << 20 };

/* Where the attempt is. Written under the roster's lock. */
enum attempt_step { ATTEMPT_TAKEN, ATTEMPT_RUNNING, ATTEMPT_FINISHED };

struct attempt {
    struct arena arena;
    struct job job; /* its texts are in the arena */
    struct partition partition;
    const struct handler *handler;
    struct attempt *next; /* in its group, later in the settler's line */

    /* The roster's. */
    struct attempt *newer, *older;
    enum attempt_step step;
    int slot;
    int64_t begun_ms; /* monotonic; of the handler's start */
    bool overran; /* it was reported */
    bool lost; /* its lease went to somebody else */

    /* What came of it. */
    struct fault fault;
    struct settlement settlement;
    bool unsure; /* it was sent once and may have been recorded */
    int refused; /* how often Redis would not take its settlement */
};

/* A slot's own tools. */
struct hands {
    const struct context *context;
    struct mariadb *db;
    struct redis *redis;
    struct stripe *stripe;
    struct mailer *mailer;
};

struct attempt *attempt_new(const struct job *job,
                            struct partition partition,
                            const struct handler *handler);
void attempt_free(struct attempt *attempt); /* NULL does nothing */

/* Runs one job; its settlement is ready afterwards. */
void attempt_run(const struct hands *hands, struct attempt *attempt);
/* Concludes a job whose lease was lost before it ran; its token is stale. */
void attempt_skip(const struct hands *hands, struct attempt *attempt);
/* Concludes a job without trying it: another one of its group has just found out that a
 * neighbour is away, as `fault` says. */
void attempt_defer(const struct hands *hands,
                   struct attempt *attempt,
                   const struct fault *fault);
/* Runs a whole group (linked by `next`) in one go. False when that did not work and they
 * have to be run one by one; then nothing has happened. When a neighbour is away they are
 * concluded together: each alone would wait for it as long. */
bool attempt_run_group(const struct hands *hands, struct attempt *group);

#endif
