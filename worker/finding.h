/* SPDX-License-Identifier: MIT
 *
 * finding - what a handler noticed and a person should see.
 *
 * Owns:    rows of reconciliation_findings; written inside the caller's transaction
 * Callers: handlers
 * Blocks:  as long as MariaDB does
 * Faults:  as MariaDB's
 */
#ifndef WORKER_FINDING_H
#define WORKER_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct mariadb;

struct finding {
    const char *kind; /* "unattributed" */
    struct span subject; /* the object's id */
    int64_t amicale_id; /* 0: unknown */
    int64_t amount_minor; /* at stake; 0: none */
    struct span currency; /* of the amount; empty: eur */
    const char *reason; /* for people */
};

/* What reconciliation knows besides. */
struct finding_seen {
    int64_t run_id; /* that sees it */
    struct span happened_at; /* as SQL has it */
    struct span detail; /* a JSON object, with the reason */
};

/* Opens the finding; when one of its kind and subject is open, it was seen once more, and
 * for the reason that is given now. */
MUST_USE enum outcome finding_open(struct mariadb *db,
                                   const struct finding *finding,
                                   struct arena *arena,
                                   struct fault *fault);

/* The same for reconciliation: one that is open is told anew in all that it says. */
MUST_USE enum outcome finding_see(struct mariadb *db,
                                  const struct finding *finding,
                                  const struct finding_seen *seen,
                                  struct arena *arena,
                                  bool *out_new,
                                  struct fault *fault);

/* One that is open may still be so: reconciliation could not look at it. */
MUST_USE enum outcome finding_keep(struct mariadb *db,
                                   const char *kind,
                                   struct span subject,
                                   struct arena *arena,
                                   struct fault *fault);

#endif
