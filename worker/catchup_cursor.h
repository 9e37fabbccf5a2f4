/* SPDX-License-Identifier: MIT
 *
 * catchup_cursor - how far the walk through one list of events has come, and who walks it.
 *
 * Owns:    the rows of event_cursors
 * Callers: catchup_walk
 * Blocks:  as long as MariaDB does
 * Order:   take; page after page; end, or leave
 * Faults:  as MariaDB's; LATER when another walk has taken the list over
 *
 * A list has one walk at a time. Whoever has taken it holds it with every page; who was
 * killed holds it until stripe.total_ms and a minute are over, or until the same job takes
 * it in its next run.
 */
#ifndef WORKER_CATCHUP_CURSOR_H
#define WORKER_CATCHUP_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/model/event.h"
#include "common/model/job.h"
#include "worker/catchup.h"

struct handling;

/* An event by which a list is entered. */
struct catchup_mark {
    char id[EVENT_ID_BYTES + 1]; /* empty: none */
    int64_t created_ms;
};

struct catchup_cursor {
    const struct catchup_list *list;
    char
        walker[JOB_ID_BYTES + 48]; /* the job's id, a space, and what is this run's own */
    struct catchup_mark mark; /* the walk may begin behind it */
    int64_t walked_ms; /* when the last walk began that came to its end; 0: none */
    int64_t gaps; /* that it found */
};

/* Takes the list for this run of the job, and reads the row; *out_taken is false while
 * another walks it. */
MUST_USE enum outcome catchup_cursor_take(struct handling *handling,
                                          const struct catchup_list *list,
                                          struct catchup_cursor *out_cursor,
                                          bool *out_taken,
                                          struct fault *fault);
/* A page was looked at. Without a mark the one that is kept stays. */
MUST_USE enum outcome catchup_cursor_page(struct handling *handling,
                                          const struct catchup_cursor *cursor,
                                          const struct catchup_mark *mark,
                                          const struct catchup_found *part,
                                          struct fault *fault);
/* The list was walked to its end, and is everybody's again. */
MUST_USE enum outcome catchup_cursor_end(struct handling *handling,
                                         const struct catchup_cursor *cursor,
                                         int64_t begun_ms,
                                         const struct catchup_mark *mark,
                                         const struct catchup_found *found,
                                         struct fault *fault);
/* It was not, for that reason (NULL: nothing was to be done). Beside the fault that is
 * returned: when MariaDB does not take it that one says enough. */
void catchup_cursor_leave(struct handling *handling,
                          const struct catchup_cursor *cursor,
                          const struct fault *why);

#endif
