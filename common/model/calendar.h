/* SPDX-License-Identifier: MIT
 *
 * calendar - which year's calendar a sale is of.
 *
 * Owns:    nothing; pure
 * Callers: worker
 * Blocks:  never
 */
#ifndef COMMON_MODEL_CALENDAR_H
#define COMMON_MODEL_CALENDAR_H

#include <stdint.h>

/* `fixed` unless it is 0 (books.calendar_year); else the year after the sale's from July
 * on and the sale's before, by the day in Europe/Paris. */
int calendar_year(int64_t sold_ms, int64_t fixed);

#endif
