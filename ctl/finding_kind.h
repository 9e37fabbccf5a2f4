/* SPDX-License-Identifier: MIT
 *
 * finding_kind - the kinds of findings, and who closes each. Pure.
 *
 * Owns:    nothing
 * Callers: ctl (findings, reconcile), tests
 * Blocks:  never
 *
 * What each means, and what to do about it, stands in docs/operating.md.
 */
#ifndef CTL_FINDING_KIND_H
#define CTL_FINDING_KIND_H

#include <stddef.h>

#include "common/base/text.h"

enum finding_closer {
    FINDING_BY_HAND, /* an operator, when they have looked */
    FINDING_BY_RUN, /* the next reconciliation that finds no difference any more */
    FINDING_BY_WORKER, /* a worker, when what it waits for has come */
};
enum { FINDING_CLOSERS = FINDING_BY_WORKER + 1 };

struct finding_kind {
    const char *name;
    enum finding_closer closer;
    const char *when; /* "when ...": what closes it; NULL: an operator */
};
extern const struct finding_kind finding_kinds[];
extern const size_t finding_kinds_count;

/* "hand", "reconciliation", "worker". */
const char *finding_closer_name(enum finding_closer closer);
/* NULL: this program does not know it. */
const struct finding_kind *finding_kind_find(struct span name);

#endif
