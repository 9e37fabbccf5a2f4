/* SPDX-License-Identifier: MIT
 *
 * window - the days that reconcile is asked for. Pure.
 *
 * Owns:    nothing
 * Callers: ctl (reconcile), tests
 * Blocks:  never
 * Units:   days in Europe/Paris, "2026-11-22"
 */
#ifndef CTL_WINDOW_H
#define CTL_WINDOW_H

#include <stdint.h>

#include "common/base/text.h"

enum { WINDOW_DAY_BYTES = 11, WINDOW_MOST_DAYS = 366 };

struct window {
    char from[WINDOW_DAY_BYTES];
    char to[WINDOW_DAY_BYTES]; /* the last day, within the window */
};

/* Without an end, up to `today`; without a beginning, `usual` days (1 to WINDOW_MOST_DAYS)
 * up to the end. NULL, or what is wrong with what was given, for people. */
const char *window_read(struct span from,
                        struct span to,
                        const char *today,
                        int64_t usual,
                        struct window *out_window);

#endif
