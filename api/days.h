/* SPDX-License-Identifier: MIT
 *
 * days - the range of days that a request asks for.
 *
 * Owns:    nothing
 * Callers: handlers that read sales
 * Blocks:  never
 * Units:   days as "YYYY-MM-DD", Europe/Paris
 */
#ifndef API_DAYS_H
#define API_DAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

struct request;

enum { DAY_BYTES = 11, DAYS_MOST = 366, DAYS_USUAL = 30 };

struct days {
    char from[DAY_BYTES];
    char to[DAY_BYTES]; /* the last one, in the range */
};

/* Both are days that exist (fields.h: FIELD_IS_DAY), or empty. Without an end it is
 * `today`, without a beginning DAYS_USUAL days up to the end. False when the end is before
 * the beginning, or the range has more than DAYS_MOST days. */
bool days_range(struct span from,
                struct span to,
                const char *today,
                struct days *out_days);
/* Answers the request whose range was not good: `from` is to blame. */
void days_refuse(struct request *request);

#endif
