/* SPDX-License-Identifier: MIT
 * Ends the worker at the step that TOCSIN_CRASH_AT names: "handled", or "handled:3" for
 * the third time that it passes there. SIGKILL leaves nobody time to tidy up. */
#include "worker/crash_point.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/text.h"

static atomic_int passed;

void crash_point(const char *step)
{
    struct span times;
    struct span wanted = span_cut(span_of(getenv("TOCSIN_CRASH_AT")), ':', &times);
    int64_t at = 1;
    if (!span_is(wanted, step)) {
        return;
    }
    (void)span_to_i64(times, &at);
    if (atomic_fetch_add(&passed, 1) + 1 == at) {
        raise(SIGKILL);
    }
}
