/* SPDX-License-Identifier: MIT
 * The days that reconcile is asked for, counted as days since 1970. */
#include "ctl/window.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400 };

static bool day_number(struct span day, int64_t *out_number);
static void day_text(int64_t number, char out[WINDOW_DAY_BYTES]);

const char *window_read(struct span from,
                        struct span to,
                        const char *today,
                        int64_t usual,
                        struct window *out_window)
{
    int64_t now = 0;
    int64_t first = 0;
    int64_t last = 0;
    bool known = day_number(span_of(today), &now);
    assert(known && usual >= 1 && usual <= WINDOW_MOST_DAYS);
    if (to.len > 0 && !day_number(to, &last)) {
        return "--to is a day that exists, as 2026-11-22";
    }
    if (from.len > 0 && !day_number(from, &first)) {
        return "--from is a day that exists, as 2026-11-22";
    }
    last = to.len > 0 ? last : now;
    first = from.len > 0 ? first : last - (usual - 1);
    if (last > now || first > now) {
        return "days that are still to come cannot be reconciled";
    }
    if (first > last) {
        return "--from is behind --to";
    }
    if (last - first >= WINDOW_MOST_DAYS) {
        return "at most 366 days are reconciled at once";
    }
    day_text(first, out_window->from);
    day_text(last, out_window->to);
    return NULL;
}

/* strptime takes the 31st of any month, and short years: what it read must be what was
 * written. */
static bool day_number(struct span day, int64_t *out_number)
{
    char text[WINDOW_DAY_BYTES];
    char again[WINDOW_DAY_BYTES];
    struct tm parts = {.tm_year = 0};
    if (day.len != WINDOW_DAY_BYTES - 1) {
        return false;
    }
    memcpy(text, day.at, day.len);
    text[day.len] = '\0';
    const char *end = strptime(text, "%Y-%m-%d", &parts);
    if (!end || *end != '\0' || parts.tm_year < 70) {
        return false;
    }
    int64_t number = (int64_t)timegm(&parts) / DAY_S;
    day_text(number, again);
    *out_number = number;
    return strcmp(text, again) == 0;
}

static void day_text(int64_t number, char out[WINDOW_DAY_BYTES])
{
    time_t seconds = (time_t)(number * DAY_S);
    struct tm parts;
    struct tm *known = gmtime_r(&seconds, &parts);
    assert(known);
    size_t len = strftime(out, WINDOW_DAY_BYTES, "%Y-%m-%d", known);
    assert(len == WINDOW_DAY_BYTES - 1);
}
