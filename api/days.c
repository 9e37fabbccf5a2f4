/* SPDX-License-Identifier: MIT
 * Ranges of days, counted as days since 1970. */
#include "api/days.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "api/fields.h"
#include "api/request.h"

enum { DAY_S = 86400 };

static int64_t day_number(struct span day);
static void day_text(int64_t number, char out[DAY_BYTES]);

bool days_range(struct span from,
                struct span to,
                const char *today,
                struct days *out_days)
{
    int64_t last = day_number(to.len > 0 ? to : span_of(today));
    int64_t first = from.len > 0 ? day_number(from) : last - (DAYS_USUAL - 1);
    if (first > last || last - first >= DAYS_MOST) {
        return false;
    }
    day_text(first, out_days->from);
    day_text(last, out_days->to);
    return true;
}

void days_refuse(struct request *request)
{
    fields_refuse(request,
                  "from",
                  FIELD_BAD_FORMAT,
                  request->english
                      ? SPAN("At most 366 days, and the end not before the beginning.")
                      : SPAN("Une période de 366 jours au plus, dont la fin ne précède"
                             " pas le début."));
}

static int64_t day_number(struct span day)
{
    char text[DAY_BYTES];
    struct tm parts = {.tm_year = 0};
    assert(day.len == DAY_BYTES - 1);
    memcpy(text, day.at, day.len);
    text[day.len] = '\0';
    const char *end = strptime(text, "%Y-%m-%d", &parts);
    assert(end && *end == '\0');
    return (int64_t)timegm(&parts) / DAY_S;
}

static void day_text(int64_t number, char out[DAY_BYTES])
{
    time_t seconds = (time_t)(number * DAY_S);
    struct tm parts;
    struct tm *known = gmtime_r(&seconds, &parts);
    assert(known);
    size_t len = strftime(out, DAY_BYTES, "%Y-%m-%d", known);
    assert(len == DAY_BYTES - 1);
}
