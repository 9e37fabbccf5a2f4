/* SPDX-License-Identifier: MIT
 *
 * limit - the command that charges a limit (schema/queue/limit.lua), and its reply.
 *
 * Owns:    nothing; pure. The command lives in the arena; its texts are borrowed
 * Callers: api, tests
 * Blocks:  never
 * Units:   milliseconds
 * Faults:  NEVER "queue" QUEUE_BAD_REPLY when a reply is not what the script promises
 */
#ifndef COMMON_LINK_LIMIT_H
#define COMMON_LINK_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/reply.h"

/* `burst` at once; one charge comes back each period_ms / burst. */
struct limit_charge {
    struct span name;
    struct span who;
    int64_t burst;
    int64_t period_ms;
    int64_t charges; /* less than 0: given back; 0: only looks */
};
struct limit_reply {
    bool allowed; /* when not, nothing was charged */
    int64_t remaining; /* charges left now */
    int64_t retry_after_ms; /* of a refusal: until the same charge would do */
    int64_t reset_ms; /* until it is as if nothing had been charged */
};

struct command limit_encode(struct arena *arena, const struct limit_charge *charge);
MUST_USE enum outcome limit_decode(const struct reply *reply,
                                   struct limit_reply *out_reply,
                                   struct fault *fault);

#endif
