/* SPDX-License-Identifier: MIT
 * Makes what nobody keeps. */
#include "worker/perishable.h"

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
    const struct job *job = handling->job;
    struct stripe_answer made = {0};
    const char *key = arena_format(handling->arena,
                                   "%.*s/%lld.%d",
                                   SPAN_ARGS(job->id),
                                   (long long)job->attempt + (long long)job->deferrals,
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
