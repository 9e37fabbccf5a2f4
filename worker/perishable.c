/* SPDX-License-Identifier: MIT
 * Makes what nobody keeps. */
#include "worker/perishable.h"

#include "common/base/clock.h"
#include "worker/asks.h"
#include "worker/handlers.h"

enum outcome perishable_make(struct asked *asked,
                             const char *path,
                             const struct stripe_param *form,
                             size_t count,
                             int turn,
                             struct stripe_answer *out_made,
                             struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct stripe_answer made = {0};
    /* Not a count of attempts: a crash is none, and a job's second life counts anew. */
    int64_t now_ms = clock_wall_ms(handling->clock);
    const char *key = arena_format(handling->arena,
                                   "%.*s/%lld.%d",
                                   SPAN_ARGS(handling->job->id),
                                   (long long)now_ms,
                                   turn);
    enum outcome outcome = stripe_post(handling->stripe,
                                       path,
                                       form,
                                       count,
                                       SPAN(""),
                                       span_of(key),
                                       true,
                                       handling->arena,
                                       &made,
                                       fault);
    if (outcome == OUTCOME_DONE || (outcome == OUTCOME_NEVER && made.status >= 400)) {
        handling->answered |= NEIGHBOUR_STRIPE;
        *out_made = made;
        return OUTCOME_DONE;
    }
    return outcome == OUTCOME_UNSURE ? OUTCOME_LATER : outcome;
}
