/* SPDX-License-Identifier: MIT
 * Makes what nobody keeps. */
#include "worker/perishable.h"

#include "common/model/answer.h"
#include "worker/asks.h"
#include "worker/handlers.h"

enum outcome perishable_make(struct asked *asked,
                             const char *path,
                             const struct stripe_param *form,
                             size_t count,
                             struct answer *out_answer,
                             struct cJSON **out_object,
                             struct fault *fault)
{
    struct handling *handling = asked->handling;
    const struct job *job = handling->job;
    struct stripe_answer made = {0};
    const char *key = arena_format(handling->arena,
                                   "%.*s/%lld",
                                   SPAN_ARGS(job->id),
                                   (long long)job->attempt + (long long)job->deferrals);
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
    if (outcome == OUTCOME_DONE) {
        handling->answered |= NEIGHBOUR_STRIPE;
        *out_object = made.document;
        return OUTCOME_DONE;
    }
    if (outcome == OUTCOME_NEVER && made.status >= 400) {
        handling->answered |= NEIGHBOUR_STRIPE;
        answer_refused_by_stripe(out_answer, &made, handling->arena);
        *out_object = NULL;
        return OUTCOME_DONE;
    }
    return outcome == OUTCOME_UNSURE ? OUTCOME_LATER : outcome;
}
