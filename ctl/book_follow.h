/* SPDX-License-Identifier: MIT
 *
 * book_follow - waits until a reconciliation has ended, and shows how far it is.
 *
 * Owns:    the disposition of SIGINT while it waits
 * Callers: ctl (reconcile)
 * Blocks:  until the run has ended, nobody can run it, or SIGINT
 * Faults:  as redis' and mariadb's
 *
 * What it says on the way goes to standard error. The run does not need it: it goes on
 * when nobody follows it.
 */
#ifndef CTL_BOOK_FOLLOW_H
#define CTL_BOOK_FOLLOW_H

#include <stdbool.h>

#include "common/base/text.h"

struct ctl;

/* CTL_OK: every row of it has ended; or some are stuck, which was said: their jobs died
 * without a word. Else a message said why it is not known how it ends, and how to look
 * again. */
int book_follow(struct ctl *ctl, struct span name, bool *out_stuck);

#endif
