/* SPDX-License-Identifier: MIT
 *
 * sync_line - a loop's flushes on their way to Redis: each a request's many jobs, sent a
 * few at a time, in turns.
 *
 * Owns:    the order of the turns; a flush is its request's, until its `done`
 * Callers: sync, loop; all of the same loop
 * Blocks:  never
 * Order:   sync_line_open after ingest_open; sync_line_close after redis_async_close
 * Faults:  ingest's: LATER or UNSURE of the first job that Redis did not take
 *
 * When a village gets its network back, 200 phones bring 500 sales each within seconds. A
 * thousand jobs sent at once would hold the loop for as long as their command is written,
 * and whatever comes behind them (a card that is held to a phone) would wait until Redis
 * has taken them all. So a loop has at most SYNC_LINE_MOST of them on their way, and a
 * flush brings SYNC_LINE_TURN at a time. Every other turn is for one that has just come: a
 * small one is done with it. Of those that have more, SYNC_LINE_TOGETHER take turns and the
 * others wait behind them, so that they do not all end at the very end.
 */
#ifndef API_SYNC_LINE_H
#define API_SYNC_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/link/queue.h"

struct event_base;
struct ingest;
struct sync_flush;
struct sync_line;

enum { SYNC_LINE_TURN = 32, SYNC_LINE_MOST = 64, SYNC_LINE_TOGETHER = 8 };

struct sync_job {
    struct job_new job; /* what it points to lives as long as the flush */
    enum enqueue_verdict verdict; /* once it is taken */
    struct sync_flush *flush; /* the line's */
};

/* On DONE every job was taken; else some may have been. Never called from within
 * sync_line_add; may free the flush. */
typedef void (*sync_done_fn)(void *context,
                             enum outcome outcome,
                             const struct fault *fault);

struct sync_flush {
    struct sync_job *jobs;
    size_t count; /* at least 1 */
    sync_done_fn done;
    void *context;
    /* the line's */
    struct sync_line *line;
    size_t sent;
    size_t answered;
    enum outcome outcome; /* the worst so far */
    struct fault fault;
    struct sync_flush *next;
};

/* What is given is borrowed until sync_line_close. */
struct sync_line *sync_line_open(struct event_base *base, struct ingest *ingest);
/* Whoever still waits is told that we are leaving. NULL does nothing. */
void sync_line_close(struct sync_line *line);
void sync_line_add(struct sync_line *line, struct sync_flush *flush);

#endif
