/* SPDX-License-Identifier: MIT
 *
 * catchup_unread - events in Stripe's list that cannot be read: no job can be made of them,
 * so a finding is all that there is of each.
 *
 * Owns:    the findings event_unreadable
 * Callers: catchup_page (name, tell), catchup_walk (left)
 * Blocks:  as long as MariaDB does
 * Faults:  as MariaDB's
 *
 * An event is a gap of its list while its finding is open, and the list is not complete
 * from its second on: also when later walks begin behind it. It is none any more once
 * somebody closed the finding, or once the ledger has the event after all.
 */
#ifndef WORKER_CATCHUP_UNREAD_H
#define WORKER_CATCHUP_UNREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "worker/catchup.h"

/* Those of a hundred that somebody closed the finding of. */
#define CATCHUP_UNREAD_CLOSED                                                            \
    "SELECT subject FROM reconciliation_findings WHERE kind = 'event_unreadable'"        \
    " AND closed_at IS NOT NULL AND subject IN " SQL_100_PLACES

/* Its id; without one a name of what it says, in the arena, which is the same however
 * often it is listed. */
struct span catchup_unread_name(const struct cJSON *object, struct arena *arena);
/* Opens its finding; *out_new is false when that is open already. */
MUST_USE enum outcome catchup_unread_tell(struct handling *handling,
                                          const struct catchup_list *list,
                                          struct span name,
                                          int64_t created_ms,
                                          bool *out_new,
                                          struct fault *fault);
/* How many are still unread in the list, and when the oldest was created (0: none). */
MUST_USE enum outcome catchup_unread_left(struct handling *handling,
                                          const struct catchup_list *list,
                                          int64_t *out_count,
                                          int64_t *out_oldest_ms,
                                          struct fault *fault);

#endif
