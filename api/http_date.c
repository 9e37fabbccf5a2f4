/* SPDX-License-Identifier: MIT
 * Reads the Date header by way of RFC 3339. */
#include "api/http_date.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

enum { LENGTH = 29, MONTH_AT = 8, TIME_AT = 17 };

static int month_of(const char *name);

bool http_date_read(struct span header, int64_t *out_wall_ms)
{
    static const char shape[] = "???, ?? ??? ???? ??:??:?? GMT";
    struct span text = span_trim(header);
    if (text.len != LENGTH) {
        return false;
    }
    for (size_t i = 0; i < LENGTH; i++) {
        if (shape[i] != '?' && shape[i] != text.at[i]) {
            return false;
        }
    }
    char stamp[CLOCK_STAMP_BYTES];
    int len = snprintf(stamp,
                       sizeof(stamp),
                       "%.4s-%02d-%.2sT%.8sZ",
                       text.at + 12,
                       month_of(text.at + MONTH_AT),
                       text.at + 5,
                       text.at + TIME_AT);
    return len > 0 && clock_parse((struct span){stamp, (size_t)len}, out_wall_ms);
}

/* 0: it is none, and no date has it. */
static int month_of(const char *name)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int month = 0; month < 12; month++) {
        if (memcmp(months + (ptrdiff_t)3 * month, name, 3) == 0) {
            return month + 1;
        }
    }
    return 0;
}
