/* SPDX-License-Identifier: MIT
 * Turns days in Europe/Paris into moments. */
#include "worker/books_window.h"

#include <string.h>

#include "common/base/clock.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS, DAY_CHARS = 10, MOST_AHEAD_H = 2 };

static bool first_moment(struct span day, int64_t *out_ms);
static bool is_in(struct span day, int64_t at_ms);

bool books_window_of_days(struct span from, struct span to, struct books_window *out)
{
    struct books_window window;
    int64_t last_ms = 0;
    if (!first_moment(from, &window.from_ms) || !first_moment(to, &last_ms) ||
        last_ms < window.from_ms) {
        return false;
    }
    /* The day after it begins 23 to 25 hours later. */
    window.to_ms = last_ms + DAY_MS - HOUR_MS;
    while (is_in(to, window.to_ms)) {
        window.to_ms += HOUR_MS;
    }
    *out = window;
    return true;
}

struct books_window books_window_until(struct books_window window, int64_t until_ms)
{
    if (window.to_ms > until_ms) {
        window.to_ms = until_ms > window.from_ms ? until_ms : window.from_ms;
    }
    return window;
}

/* Paris is ahead of UTC by whole hours, and clocks change long after midnight. */
static bool first_moment(struct span day, int64_t *out_ms)
{
    char stamp[CLOCK_STAMP_BYTES] = "";
    int64_t midnight_ms = 0;
    if (day.len != DAY_CHARS) {
        return false;
    }
    memcpy(stamp, day.at, DAY_CHARS);
    strcpy(stamp + DAY_CHARS, "T00:00:00Z");
    if (!clock_parse(span_of(stamp), &midnight_ms)) {
        return false;
    }
    for (int64_t hours = MOST_AHEAD_H; hours >= 0; hours--) {
        int64_t at_ms = midnight_ms - hours * HOUR_MS;
        if (is_in(day, at_ms)) {
            *out_ms = at_ms;
            return true;
        }
    }
    return false;
}

static bool is_in(struct span day, int64_t at_ms)
{
    char found[11];
    return span_is(day, clock_paris_day(at_ms, found));
}
