/* SPDX-License-Identifier: MIT
 * Finds the handler of a kind. */
#include "worker/context.h"

#include "common/model/job.h"
#include "worker/handlers.h"

const struct handler *context_handler(const struct context *context,
                                      const struct kind *kind)
{
    for (size_t i = 0; i < context->handler_count; i++) {
        if (span_is(span_of(kind->name), context->handlers[i].kind)) {
            return &context->handlers[i];
        }
    }
    return NULL;
}
