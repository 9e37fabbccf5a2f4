/* SPDX-License-Identifier: MIT
 *
 * queue_calls - the questions to the queue, asked of every partition and put together.
 *
 * Owns:    nothing; answers live in the run's arena
 * Callers: ctl
 * Blocks:  as redis does
 * Faults:  as redis'; they are left in ctl->fault
 */
#ifndef CTL_QUEUE_CALLS_H
#define CTL_QUEUE_CALLS_H

#include <stddef.h>

#include "common/base/fault.h"
#include "common/link/queue.h"

struct ctl;

/* Figures of the partitions added up: counts are sums, ages the oldest, a pause or a
 * neighbour that is down in one partition counts for all. */
MUST_USE enum outcome calls_stats(struct ctl *ctl, struct queue_stats *out_stats);

/* The record of this name, whichever partition it is in; *out_record is NULL when there
 * is none. (A follow-up lives where its parent does.) */
MUST_USE enum outcome calls_show(struct ctl *ctl,
                                 struct span id,
                                 struct job_record **out_record,
                                 struct partition *out_partition);
/* The records that carry a reference, newest first within a partition. */
enum { CALLS_MOST_FOUND = 50 };
MUST_USE enum outcome calls_find(struct ctl *ctl,
                                 struct span ref,
                                 struct job_record **out_records,
                                 size_t *out_count);

/* A job as it goes into the queue: its payload sealed, fingerprint and lane as its kind
 * says, of no tenant, with one reference (empty: none). In the run's arena. */
struct job_new calls_new_job(struct ctl *ctl,
                             struct span id,
                             const char *kind,
                             struct span payload,
                             struct span ref);
/* 16 or 32 random hexadecimal digits, for the name of a job. In the run's arena. */
struct span calls_random_hex(struct ctl *ctl, size_t digits);

/* What an operator does, with the job that writes it to the audit log. */
struct made_deed {
    struct deed deed;
    struct job_new audit;
};
/* `refs` of the audit job: what it was done to. In the run's arena. */
struct made_deed *calls_make_deed(struct ctl *ctl,
                                  const char *verb,
                                  struct span what,
                                  struct span why);

#endif
