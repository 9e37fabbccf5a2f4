/* SPDX-License-Identifier: MIT
 *
 * slots - the threads that run jobs, one job or one group each at a time.
 *
 * Owns:    its threads, and for each a connection to MariaDB, a Stripe client with the
 *          governor's connection to Redis, and a mailer; attempts between slots_give and
 *          settler_add
 * Callers: fetcher (gives), worker (opens, waits, closes)
 * Blocks:  slots_wait_idle up to its limit; slots_close until the running handlers end
 * Order:   slots_open; slots_give only as slots_room allows; slots_close last
 * Faults:  NEVER when the settings do not let a connection be made
 *
 * A quarter of the slots, rounded up, serve the lane live only. Of the others no kind
 * holds more than half; one whose jobs come in groups holds GROUP_SLOTS at most. A group is
 * a commit of many rows: more of them at once record nothing sooner, since they wait for
 * each other in MariaDB, and what is live waits with them.
 */
#ifndef WORKER_SLOTS_H
#define WORKER_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"

struct attempt;
struct bell;
struct context;
struct kind;
struct roster;
struct settler;
struct slots;

struct slots_room {
    int live; /* idle slots that serve live only */
    int general; /* idle slots that serve every lane */
};

enum { GROUP_SLOTS = 2 };

/* How many of `count` slots serve live only, and how many of `general` one kind may hold.
 */
int slots_live_share(int count);
int slots_kind_share(int general, const struct kind *kind);

MUST_USE enum outcome slots_open(const struct context *context,
                                 struct roster *roster,
                                 struct settler *settler,
                                 struct slots **out_slots,
                                 struct fault *fault);
/* Ends the threads once they are idle; NULL does nothing. */
void slots_close(struct slots *slots);

struct slots_room slots_room(struct slots *slots);
/* How many more general slots the kind may hold now. */
int slots_kind_room(struct slots *slots, const struct kind *kind);
/* Hands a group (linked by attempt->next) to an idle slot; live jobs go to slots for live
 * as long as one is idle. */
void slots_give(struct slots *slots, struct attempt *group);
/* Rings whenever a slot becomes idle. */
struct bell *slots_freed(struct slots *slots);
/* False when some slot was still busy at the limit. */
bool slots_wait_idle(struct slots *slots, int64_t limit_ms);

#endif
