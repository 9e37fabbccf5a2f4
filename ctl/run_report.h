/* SPDX-License-Identifier: MIT
 *
 * run_report - what a reconciliation found: the findings that are open, and the sums of
 * both sides, as text and as JSON.
 *
 * Owns:    nothing; what is read lives in the run's arena
 * Callers: ctl (reconcile)
 * Blocks:  as mariadb does
 * Faults:  as mariadb's; left in ctl->fault
 *
 * The shape in JSON is documented in docs/cli.md and is a promise to scripts.
 */
#ifndef CTL_RUN_REPORT_H
#define CTL_RUN_REPORT_H

#include "common/base/text.h"

struct ctl;

/* The run as it is now, and the exit code that fits it. */
int run_report(struct ctl *ctl, struct span name);

#endif
