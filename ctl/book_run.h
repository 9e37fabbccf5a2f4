/* SPDX-License-Identifier: MIT
 *
 * book_run - one reconciliation: asked for, and looked at while it runs and afterwards.
 *
 * Owns:    nothing; what is read lives in the run's arena
 * Callers: ctl (reconcile, status)
 * Blocks:  as redis and mariadb do
 * Faults:  as theirs; left in ctl->fault
 *
 * A reconciliation is the job books.plan of its name with its row in reconciliation_runs,
 * and one job and row for each amicale, <name>:<amicale>, whose `plan` is that name.
 */
#ifndef CTL_BOOK_RUN_H
#define CTL_BOOK_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/mariadb.h"

struct ctl;
struct window;

/* How far it has come. */
struct book_run {
    bool known; /* its row is there; else nothing else counts */
    struct span state; /* of the plan: running, finished, failed */
    struct span fault;
    struct span from_day, to_day;
    struct span until; /* what happened from then on was not compared */
    struct span started_at, finished_at; /* of SQL; finished: the last of all rows */
    int64_t total; /* rows, the plan's own among them */
    int64_t finished;
    int64_t failed;
    int64_t opened, closed; /* findings, over all rows */
    int64_t checked;
    int64_t amicale; /* of a run that is of one; 0: of several, or of none */
};

/* What the queue says of jobs that will not write to their rows any more. */
struct book_jobs {
    bool plan_waits; /* the plan is there, and not dead */
    struct span plan_state;
    struct span plan_fault;
    int64_t dead; /* jobs of its amicales that are dead */
    struct span dead_name, dead_fault; /* of one of them */
    struct span held_up; /* "the lane backfill is paused"; empty: nothing does */
    bool has_worker;
};

/* Enqueues it, with the job that tells the audit log. */
MUST_USE enum outcome book_run_ask(struct ctl *ctl,
                                   const struct window *window,
                                   int64_t amicale,
                                   struct span why,
                                   struct span *out_name);
MUST_USE enum outcome book_run_read(struct ctl *ctl,
                                    struct span name,
                                    struct book_run *out_run);
/* running until every row has ended; then failed when one of them did, else finished. */
const char *book_run_state(const struct book_run *run);
MUST_USE enum outcome book_run_look(struct ctl *ctl,
                                    struct span name,
                                    struct book_jobs *out_jobs);
/* Its rows, the plan's own first: amicale, state, checked, opened, closed, totals,
 * fault. At most `most` behind the row `behind`, whose number is the last column. */
MUST_USE enum outcome book_run_rows(struct ctl *ctl,
                                    struct span name,
                                    int64_t behind,
                                    int64_t most,
                                    struct sql_rows *out_rows);
enum book_run_column {
    RUN_AMICALE,
    RUN_STATE,
    RUN_CHECKED,
    RUN_OPENED,
    RUN_CLOSED,
    RUN_TOTALS,
    RUN_FAULT,
    RUN_ROW,
};

#endif
