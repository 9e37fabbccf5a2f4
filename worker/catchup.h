/* SPDX-License-Identifier: MIT
 *
 * catchup - holds Stripe's lists of events against the ledger, and enqueues what it lacks.
 *
 * Owns:    nothing: the rows of event_cursors are catchup_cursor's
 * Callers: handle_events_catchup (catchup_walk), catchup_walk (catchup_page)
 * Blocks:  up to stripe.total_ms a page of a hundred events
 * Faults:  as Stripe's, MariaDB's and Redis'; a walk that did not come to its end leaves
 *          its fault in event_cursors.last_fault
 *
 * A walk is one list: the platform's own or that of a connected account, of the types that
 * belong together (common/model/event_types.h). It goes forward from the stored cursor,
 * which stays books.overlap_s behind, since Stripe may list an event late. Without a
 * cursor, or with one that Stripe has forgotten, it begins with the oldest events of the
 * last 30 days. The cursor is kept with every page, so a walk that ends early is gone on
 * with where its events are in the ledger. A list that somebody walks is left to them.
 *
 *      what of an event is found             it counts as
 *      processed in stripe_events            known
 *      its job is dead or discarded          held: known too, an operator has seen to it
 *      received there, its job is tried      known
 *      its job waits or runs                 waiting; a gap once it is a minute old
 *      nothing, or received without a job    a gap, and now a job
 *      nobody can read it                    a gap, and a finding (catchup_unread.h)
 *
 * complete_until is the moment before which no event waits, nor is a gap: the walk's begin,
 * or the second of the oldest of these. No cursor passes an event that is not processed:
 * its job is all that there is of it, and Redis may lose that. What cannot be read is passed:
 * MariaDB keeps its finding.
 */
#ifndef WORKER_CATCHUP_H
#define WORKER_CATCHUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/model/event_types.h"

struct cJSON;
struct handling;

enum { CATCHUP_PAGE = 100 };

/* Which list. */
struct catchup_list {
    struct span account; /* acct_...; empty: the platform's */
    int64_t amicale_id; /* whose account it is; 0: unknown */
    enum event_walk walk;
};

/* What a page, or a whole walk, was found to hold. */
struct catchup_found {
    int64_t seen;
    int64_t enqueued; /* gaps that are jobs from now on */
    int64_t gaps; /* of which the ledger knows nothing yet, these too */
    int64_t held;
    int64_t told; /* that cannot be read, by a finding, for the first time */
    int64_t unread; /* of the list, also behind the cursor: no job is made of them */
    int64_t oldest_ms; /* created, of what is not in the ledger and not held; 0: none */
    int64_t open_ms; /* created, of the oldest whose job is still to be done; 0: none */
};
void catchup_add(struct catchup_found *sum, const struct catchup_found *part);

/* Walks one list to its end; `again`: only if its last walk has found gaps. A walk that
 * somebody made since this job was enqueued is not made again, nor one that somebody makes
 * at the moment: then nothing was found. */
MUST_USE enum outcome catchup_walk(struct handling *handling,
                                   const struct catchup_list *list,
                                   bool again,
                                   struct catchup_found *out_found,
                                   struct fault *fault);
/* One page of a list, with all that must be enqueued; handling's arena holds it. */
MUST_USE enum outcome catchup_page(struct handling *handling,
                                   const struct catchup_list *list,
                                   const struct cJSON *page,
                                   struct catchup_found *out_found,
                                   struct fault *fault);

#endif
