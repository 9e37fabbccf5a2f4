/* SPDX-License-Identifier: MIT
 * A GET by an object's id, and the note that Stripe answered. */
#include "worker/retrieve.h"

#include "worker/handlers.h"

enum outcome retrieve_object(struct handling *handling,
                             const char *collection,
                             struct span id,
                             bool live,
                             struct stripe_answer *out_answer,
                             struct fault *fault)
{
    enum outcome outcome =
        stripe_get(handling->stripe,
                   arena_format(handling->arena, "%s/%.*s", collection, SPAN_ARGS(id)),
                   NULL,
                   0,
                   SPAN(""),
                   live,
                   handling->arena,
                   out_answer,
                   fault);
    if (outcome == OUTCOME_DONE) {
        handling->answered |= NEIGHBOUR_STRIPE;
    }
    return outcome;
}
