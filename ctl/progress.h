/* SPDX-License-Identifier: MIT
 *
 * progress - how far something has come, on standard error.
 *
 * Owns:    the last line of the terminal, from the first progress_show to progress_end
 * Callers: ctl (reconcile), tests
 * Blocks:  as the terminal does
 *
 * A terminal has one line with a bar that moves; anything else gets a line whenever
 * something has changed, at most one every two seconds. Nothing when it is silent.
 */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

enum { PROGRESS_WIDTH = 79 }; /* the last column would wrap */

struct progress {
    bool silent;
    bool terminal;
    bool shown; /* a bar stands on the last line */
    bool told; /* a line was written */
    int64_t told_ms; /* when, by the monotonic clock */
    int64_t told_done;
    int64_t told_total;
};

/* `silent`: show nothing. */
void progress_init(struct progress *progress, bool silent);
/* `what` is what is being done: "amicales". */
void progress_show(struct progress *progress,
                   const char *what,
                   int64_t done,
                   int64_t total,
                   int64_t mono_ms);
/* A line above the bar, for what is not progress. */
void progress_say(struct progress *progress, struct span line);
/* Takes the bar off the terminal. */
void progress_end(struct progress *progress);

/* "[#####.....]  12 of 24 amicales", as wide as PROGRESS_WIDTH at most. Pure. */
void progress_bar(const char *what, int64_t done, int64_t total, struct text *out);

#endif
