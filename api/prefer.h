/* SPDX-License-Identifier: MIT
 *
 * prefer - what a request prefers (RFC 7240): to wait for its answer, and how long.
 *
 * Owns:    nothing; pure
 * Callers: asking, jobs, sync
 * Blocks:  never
 *
 *   Prefer: wait=20
 *   Prefer: respond-async
 *   Prefer: handling=lenient; mode="a, b", Wait = "5"
 *
 * Several headers count as one. Of a preference that comes twice the first counts. What
 * nobody knows, and what cannot be read, is ignored up to the next comma: a preference
 * never makes a request fail.
 */
#ifndef API_PREFER_H
#define API_PREFER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

enum { PREFER_MOST_WAIT_S = 25, PREFER_APPLIED_BYTES = 64 };

struct prefer {
    bool respond_async;
    bool has_wait;
    int64_t wait_s; /* as asked, at most PREFER_MOST_WAIT_S */
};

/* Adds what one header says; begin with zeroes. */
void prefer_read(struct prefer *prefer, struct span header);
/* How long to wait: respond-async alone is not at all, with a wait it is the wait. */
int64_t prefer_wait_ms(const struct prefer *prefer, int64_t otherwise_ms);
/* The line Preference-Applied with CRLF; empty when nothing was applied. */
struct span prefer_applied(const struct prefer *prefer, char out[PREFER_APPLIED_BYTES]);

#endif
