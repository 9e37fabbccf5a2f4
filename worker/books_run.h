/* SPDX-License-Identifier: MIT
 *
 * books_run - the row of one reconciliation: begun, on its way, finished or failed.
 *
 * Owns:    the rows of reconciliation_runs
 * Callers: handle_books_plan, handle_books_reconcile, books_mirror, books_compare
 * Blocks:  as long as MariaDB does
 * Units:   milliseconds of wall time, as MariaDB's clock has it
 * Faults:  as MariaDB's; LATER while catch-up has not been through the platform's events,
 *          and while runs of another plan are on their way
 *
 * A run's name is its job's. A run that begins again, after a crash or by an operator's
 * wish, has the same row, and while it is on its way it compares until the same moment as
 * it did first. One plan is on its way at a time, from its copy until its last run has
 * ended: what one copies, and marks as stirred, would not be what the other compares.
 */
#ifndef WORKER_BOOKS_RUN_H
#define WORKER_BOOKS_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "worker/books_window.h"

struct handling;

struct books_run {
    int64_t id; /* 0: there is no such row */
    struct span name;
    int64_t amicale_id; /* 0: what belongs to none */
    struct span from_day;
    struct span to_day;
    struct books_window window; /* what is compared */
    struct books_window payouts; /* the same for what is the account's own */
    int64_t until_ms; /* what happened from then on is not */
    int64_t payouts_until_ms;
    int64_t copied_ms; /* rows of ours that changed since may be newer than the copy */
    int64_t began_ms; /* this attempt */
};

/* Makes the plan's row, or finds it. `name`, `from_day` and `to_day` are given. */
MUST_USE enum outcome books_run_plan(struct handling *handling,
                                     struct books_run *run,
                                     struct fault *fault);
/* One row for each amicale (0: all of them, else that one), named <plan>:<amicale>.
 * out_ids: their amicales, in the handling's arena. */
MUST_USE enum outcome books_run_children(struct handling *handling,
                                         const struct books_run *plan,
                                         int64_t amicale_id,
                                         int64_t **out_ids,
                                         size_t *out_count,
                                         struct fault *fault);
/* Finds the row that a plan made; begins it again. */
MUST_USE enum outcome books_run_find(struct handling *handling,
                                     struct span name,
                                     struct books_run *out_run,
                                     struct fault *fault);
/* So many more were looked at. */
MUST_USE enum outcome books_run_checked(struct handling *handling,
                                        int64_t run_id,
                                        int64_t count,
                                        struct fault *fault);
/* `note` says what could not be compared; empty: nothing. */
MUST_USE enum outcome books_run_finish(struct handling *handling,
                                       const struct books_run *run,
                                       struct span totals,
                                       struct span note,
                                       struct fault *fault);
/* The line that says so. */
void books_run_tell(struct handling *handling,
                    const struct books_run *run,
                    int64_t took_ms);
/* Writes down why it did not finish, if MariaDB lets it, and that it failed when it will
 * not be tried again. Returns the outcome that it was given. */
MUST_USE enum outcome books_run_fail(struct handling *handling,
                                     struct span name,
                                     enum outcome outcome,
                                     const struct fault *why);

#endif
