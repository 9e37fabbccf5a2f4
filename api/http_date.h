/* SPDX-License-Identifier: MIT
 *
 * http_date - reads a Date header (RFC 9110, section 5.6.7).
 *
 * Owns:    nothing; pure
 * Callers: sync, tests
 * Blocks:  never
 * Units:   wall time in milliseconds, of whole seconds
 */
#ifndef API_HTTP_DATE_H
#define API_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

/* "Sun, 22 Nov 2026 10:05:00 GMT", the one form that is sent today. The name of the day is
 * not held against the date. */
bool http_date_read(struct span header, int64_t *out_wall_ms);

#endif
