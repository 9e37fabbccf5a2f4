/* SPDX-License-Identifier: MIT
 *
 * run_sums - the sums that a reconciliation compared, side by side.
 *
 * Owns:    nothing; cells live in the run's arena
 * Callers: ctl (run_report), tests
 * Blocks:  never
 * Units:   cents
 * Order:   run_sums_init, run_sums_add for each row of the run, run_sums_print
 *
 * reconciliation_runs.totals is {"books": {name: cents}, "stripe": {name: cents}}. Sums
 * that are nothing on both sides are left out.
 */
#ifndef CTL_RUN_SUMS_H
#define CTL_RUN_SUMS_H

#include <stdint.h>

#include "common/base/text.h"
#include "ctl/table.h"

struct ctl;

struct run_sums {
    struct ctl *ctl;
    struct table table;
};

void run_sums_init(struct run_sums *sums, struct ctl *ctl);
/* `amicale` 0: what belongs to none. Totals that are not JSON add nothing. */
void run_sums_add(struct run_sums *sums, int64_t amicale, struct span totals);
/* Nothing when there are none. */
void run_sums_print(const struct run_sums *sums);

#endif
