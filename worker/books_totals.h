/* SPDX-License-Identifier: MIT
 *
 * books_totals - the sums of both sides, and what to say when no object explains why they
 * differ.
 *
 * Owns:    nothing
 * Callers: books_compare
 * Blocks:  as long as MariaDB does
 * Order:   after the objects were compared
 * Faults:  as MariaDB's
 */
#ifndef WORKER_BOOKS_TOTALS_H
#define WORKER_BOOKS_TOTALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct books_run;
struct handling;

struct books_total {
    const char *name; /* "payments" */
    bool is_known;
    int64_t count; /* objects that were compared */
    int64_t stripe_minor;
    int64_t books_minor;
    bool is_explained; /* a finding that is open says why they differ */
};
enum { BOOKS_TOTALS = 6 };

/* `payouts`: as books_compare. */
MUST_USE enum outcome books_totals_sum(struct handling *handling,
                                       const struct books_run *run,
                                       bool payouts,
                                       struct books_total out_totals[BOOKS_TOTALS],
                                       struct fault *fault);
/* As JSON, in the handling's arena. */
struct span books_totals_print(const struct books_total totals[BOOKS_TOTALS],
                               struct handling *handling);

#endif
