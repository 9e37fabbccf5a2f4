/* SPDX-License-Identifier: MIT
 * Next year's calendars are sold in autumn, what is left of them in spring. */
#include "common/model/calendar.h"

#include <assert.h>

#include "common/base/clock.h"
#include "common/base/text.h"

enum { FIRST_MONTH = 7 };

int calendar_year(int64_t sold_ms, int64_t fixed)
{
    char day[11];
    int64_t year = 0;
    int64_t month = 0;
    struct span rest;
    if (fixed != 0) {
        return (int)fixed;
    }
    struct span year_text = span_cut(span_of(clock_paris_day(sold_ms, day)), '-', &rest);
    bool good =
        span_to_i64(year_text, &year) && span_to_i64(span_cut(rest, '-', &rest), &month);
    assert(good);
    return (int)year + (month >= FIRST_MONTH ? 1 : 0);
}
