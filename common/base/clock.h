/* SPDX-License-Identifier: MIT
 *
 * clock - the time, handed in so that tests can turn it.
 *
 * Owns:    nothing
 * Callers: every room
 * Blocks:  never
 * Units:   milliseconds. Records use wall time (UTC, since 1970); deadlines use the
 *          monotonic clock, which has no meaning outside the process.
 */
#ifndef COMMON_BASE_CLOCK_H
#define COMMON_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

struct clock {
    int64_t (*wall_ms)(const struct clock *clock);
    int64_t (*mono_ms)(const struct clock *clock);
};

extern const struct clock clock_system;

static inline int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock);
}

static inline int64_t clock_mono_ms(const struct clock *clock)
{
    return clock->mono_ms(clock);
}

/* "2026-11-22T10:05:00.123Z" (RFC 3339); `out` holds at least CLOCK_STAMP_BYTES. */
enum { CLOCK_STAMP_BYTES = 32 };
const char *clock_stamp(int64_t wall_ms, char out[CLOCK_STAMP_BYTES]);
/* RFC 3339 date-time with an offset (Z, +02:00); false when it is not one. */
bool clock_parse(struct span stamp, int64_t *out_wall_ms);
/* The day in Europe/Paris, "2026-11-22" (rule of the European Union since 1996). */
const char *clock_paris_day(int64_t wall_ms, char out[11]);
/* Day and time in Europe/Paris for people to read: "22/11/2026 11:05". */
const char *clock_paris_minute(int64_t wall_ms, char out[20]);
/* The same in words, for what must not be missed: "jeudi 3 décembre 2026 à 23 h 59". */
enum { CLOCK_WORDS_BYTES = 64 };
const char *clock_paris_words(int64_t wall_ms, char out[CLOCK_WORDS_BYTES]);

#endif
