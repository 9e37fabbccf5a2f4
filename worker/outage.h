/* SPDX-License-Identifier: MIT
 *
 * outage - says once that a link was lost and once that it is back, and how long to wait.
 *
 * Owns:    nothing
 * Callers: fetcher, settler, rounds
 * Blocks:  never
 * Units:   milliseconds
 */
#ifndef WORKER_OUTAGE_H
#define WORKER_OUTAGE_H

#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/fault.h"

enum { OUTAGE_LEAST_MS = 50, OUTAGE_MOST_MS = 2000 };

struct outage {
    const char *who; /* "fetcher": in the log */
    const char *what; /* "redis" */
    int64_t since_ms; /* monotonic; 0: the link works */
    int64_t wait_ms;
    uint64_t told; /* codes of the faults that were told, a bit each */
};

/* Tells the log when the link was good before, or fails in a new way now. Returns how
 * long to wait before the next try: doubling from OUTAGE_LEAST_MS to OUTAGE_MOST_MS. */
int64_t outage_lost(struct outage *outage,
                    const struct clock *clock,
                    const struct fault *fault);
/* Tells the log when the link was lost before. */
void outage_back(struct outage *outage, const struct clock *clock);

#endif
