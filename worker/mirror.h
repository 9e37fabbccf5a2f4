/* SPDX-License-Identifier: MIT
 *
 * mirror - keeps a row equal to an object of Stripe's, in whatever order events come.
 *
 * Owns:    nothing; works inside the caller's transaction
 * Callers: the appliers of events (event_*.c)
 * Blocks:  as long as MariaDB does
 * Faults:  as MariaDB's; NEVER when the object lacks what it must have
 *
 * The row is locked first, or made by whoever comes first: the unique key decides. A
 * state of a higher rank is taken as it stands, one of a lower rank is old news.
 * Everything else that is told and differs from the row proves nothing about which is
 * newer, so the object is retrieved, and applied if no other event looked at the row
 * meanwhile: every event that does raises the row's revision. So whichever event of an
 * object comes last, the row ends up equal to the object as it is after the last change.
 */
#ifndef WORKER_MIRROR_H
#define WORKER_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/link/mariadb.h"
#include "common/model/payment_state.h"

struct cJSON;
struct event_work;
struct mirror_row;

enum { MIRROR_MOST_FACTS = 16, MIRROR_FIRST_FACT = 4 };

/* What an object says, in the order of the statements' columns; with states, the state is
 * the first. `work` is for its arena and its event. */
typedef enum outcome (*mirror_facts_fn)(struct event_work *work,
                                        const struct cJSON *object,
                                        struct sql_value *facts,
                                        struct fault *fault);
/* Makes an older row the object's: the one that was written before Stripe was asked, when
 * the object names it and it waits for one. It is then locked like any. */
typedef enum outcome (*mirror_adopt_fn)(struct event_work *work,
                                        struct span id,
                                        const struct cJSON *object,
                                        const struct sql_value *facts,
                                        bool *out_adopted,
                                        struct fault *fault);
/* Makes the row of an object that has none. False in *out_made when somebody else was
 * first: it is then locked like any. */
typedef enum outcome (*mirror_make_fn)(struct event_work *work,
                                       struct span id,
                                       const struct cJSON *object,
                                       const struct sql_value *facts,
                                       bool *out_made,
                                       struct fault *fault);

/* Stripe's collection and our table. The statements begin alike:
 *   select  SELECT id, revision, last_event_id, last_event_created, <facts>, <more>
 *           FROM ... WHERE <the object's id> = ? FOR UPDATE
 *   update  UPDATE ... SET revision = revision + 1, last_event_id = ?,
 *           last_event_created = ?, <facts> WHERE id = ?
 *   touch   the same without the facts
 *   insert  INSERT INTO ... (<facts>, <the object's id>, last_event_id,
 *           last_event_created) VALUES (...) ON DUPLICATE KEY UPDATE revision = revision
 */
struct mirror {
    const char *collection; /* "/v1/disputes" */
    bool may_leave; /* that Stripe has no such object for us is news, not a finding */
    bool has_states;
    enum money_object states;
    size_t fact_count;
    const char *select;
    const char *update;
    const char *touch;
    const char *insert;
    mirror_facts_fn facts;
    mirror_adopt_fn adopt; /* NULL: no row waits for an object */
    mirror_make_fn make; /* NULL: the insert statement */
};

/* What became of it. */
struct mirror_row {
    int64_t id; /* 0: there is none, since Stripe has no such object for us */
    int64_t revision; /* before this event; EVENT_NEW_ROW when it was made now */
    bool own; /* the event is about this object */
    bool made;
    bool changed; /* or made */
    const struct cJSON
        *object; /* what was applied, told or retrieved; NULL when nothing was */
    struct sql_rows rows; /* the row as it was locked; of a new row, as it was made */
};

/* Brings the row in line with what the event tells. `told` is NULL when it cannot be
 * read: the object is retrieved. When work->wanted is set afterwards, nothing else holds.
 */
MUST_USE enum outcome mirror_apply(struct event_work *work,
                                   const struct mirror *mirror,
                                   struct span id,
                                   const struct cJSON *told,
                                   struct mirror_row *out_row,
                                   struct fault *fault);
/* The same with an object that was retrieved already, under a lock that covers this row.
 */
MUST_USE enum outcome mirror_apply_retrieved(struct event_work *work,
                                             const struct mirror *mirror,
                                             struct span id,
                                             const struct cJSON *object,
                                             struct mirror_row *out_row,
                                             struct fault *fault);
/* Locks the row; makes it from the retrieved object when there is none. */
MUST_USE enum outcome mirror_ensure(struct event_work *work,
                                    const struct mirror *mirror,
                                    struct span id,
                                    struct mirror_row *out_row,
                                    struct fault *fault);

/* The values of last_event_id and last_event_created for a new row of the object: only
 * the object's own events count, not those of its neighbours that happen to make the row.
 */
void mirror_first_event(const struct event_work *work,
                        struct span id,
                        struct sql_value out_values[2]);

#endif
