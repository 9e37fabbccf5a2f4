/* SPDX-License-Identifier: MIT
 *
 * cors - which web pages of other origins may call, and the header lines that tell their
 * browser so (the Fetch standard, section 3.2).
 *
 * Owns:    the lines, made once at the start
 * Callers: door (open, close), edge, whoever looks for requests from foreign pages
 * Blocks:  never
 * Order:   cors_open, cors_close
 * Faults:  NEVER when a word of the setting is no origin as browsers write it
 */
#ifndef API_CORS_H
#define API_CORS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

enum { CORS_ORIGINS_MOST = 32 };

struct cors {
    struct span origins[CORS_ORIGINS_MOST];
    struct span lines[CORS_ORIGINS_MOST]; /* of answers to each */
    size_t count;
    struct arena arena;
};

MUST_USE enum outcome cors_open(struct span words,
                                struct cors *out_cors,
                                struct fault *fault);
void cors_close(struct cors *cors); /* safe twice, and when it was never opened */
/* Whether pages of this origin (the value of an Origin header) may call. */
bool cors_allows(const struct cors *cors, struct span origin);
/* The lines of an answer to this origin, which may be empty: no page's. They live as long
 * as `cors`. */
struct span cors_lines(const struct cors *cors, struct span origin);
/* What an answer to a preflight has besides. `methods` is a set of 1 << enum http_method.
 */
void cors_write_preflight(struct text *out, unsigned methods);

#endif
