/* SPDX-License-Identifier: MIT
 *
 * periodic - jobs that come with each period: what they share, and the table of them.
 *
 * Owns:    the rows of periodic_runs
 * Callers: planner (enqueues), handlers (the table's rows name handle_periodic)
 * Blocks:  as handlers do
 * Faults:  as handlers'
 *
 * Such a job is named by its period: catchup:2026-11-22T10:05 (the minute in UTC in which
 * the period begins, with the second when periods are shorter than a minute),
 * reconcile:2026-11-22T10:10, books:2026-11-22 (the day in Paris), erase:2026-11-22 (the
 * day in UTC). Every worker's planner enqueues the name when the period begins; the queue
 * knows it already, so it is there once, without a leader. Redis forgets names:
 * periodic_runs is the authority, and what is finished there is not done again.
 *
 * The first period is the one in which a worker starts: its jobs run at once.
 */
#ifndef WORKER_PERIODIC_H
#define WORKER_PERIODIC_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct handled;
struct handling;
struct settings;

struct periodic {
    const char *kind; /* of common/model/job.c */
    const char *prefix; /* "catchup" */
    /* The name of the period that `now_ms` lies in, behind the prefix and a colon; in the
     * arena. Sets how long it lasts from now, at least. */
    struct span (*period)(const struct settings *settings,
                          int64_t now_ms,
                          struct arena *arena,
                          int64_t *out_left_ms);
    /* The job's payload for the period of that name; NULL: "{}". */
    struct span (*payload)(const struct settings *settings,
                           struct span period,
                           struct arena *arena);
    /* It may run again after a crash, and must then find what it did. Jobs that must
     * follow it are enqueued by its own hand (worker/producer.h): those in out_handled are
     * lost in a crash between its end and its settlement. */
    enum outcome (*run)(struct handling *handling,
                        struct handled *out_handled,
                        struct fault *fault);
};
/* "2026-11-22T10:05", with ":30" when periods are shorter than a minute: when the period
 * began that now_ms lies in; in the arena. out_left_ms may be NULL. */
struct span periodic_moment(int64_t period_s,
                            int64_t now_ms,
                            struct arena *arena,
                            int64_t *out_left_ms);

extern const struct periodic periodics[];
extern const size_t periodics_count;

/* A handle_fn: nothing when the name is finished; else the row's run, and then it is. */
enum outcome handle_periodic(struct handling *handling,
                             struct handled *out_handled,
                             struct fault *fault);

#endif
