/* SPDX-License-Identifier: MIT
 *
 * events - what each type of Stripe event does to the rows: the table of types, and what
 * all appliers share.
 *
 * Owns:    the objects retrieved from Stripe while one event is worked on
 * Callers: handle_stripe_event and the appliers (event_*.c)
 * Blocks:  as long as MariaDB does; event_fetch as long as Stripe does
 * Order:   event_work_init; event_run; event_work_done
 * Faults:  NEVER when an object lacks what it must have
 *
 * An applier runs inside a transaction and may run several times. When it needs an object
 * of Stripe's it asks event_retrieved for it; the first time that answers false, and the
 * applier returns OUTCOME_DONE at once: the transaction is rolled back (no lock is held
 * while Stripe is asked), the object is fetched, and the applier runs again from its
 * beginning.
 */
#ifndef WORKER_EVENTS_H
#define WORKER_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/model/event.h"
#include "common/link/stripe.h"

struct cJSON;
struct handled;
struct handling;
struct sql_rows;
struct sql_value;

enum { EVENT_MOST_OBJECTS = 16, EVENT_MOST_QUERY = 3, EVENT_NEW_ROW = -1 };

/* An object of Stripe's, asked for or here. */
struct event_object {
    const char *path; /* NULL: none */
    struct stripe_param query[EVENT_MOST_QUERY];
    size_t query_count;
    struct span account; /* whose object it is; empty: the platform's */
    int64_t revision; /* of the row that it is for, before it was asked for */
    struct cJSON *object; /* NULL once here: Stripe has no such object for us */
};

/* One event on its way into the rows. */
struct event_work {
    struct handling *handling;
    struct span body; /* as Stripe sent it */
    struct event event;
    struct span endpoint; /* platform, connect or catchup */
    int64_t received_ms;
    struct cJSON *document;
    const struct cJSON *named; /* data.object: its ids may be read whatever its version */
    const struct cJSON *told; /* data.object; NULL when another api_version wrote it */
    struct span subject; /* without an event: the object's id (worker/apply.h) */

    struct event_object wanted;
    struct event_object objects[EVENT_MOST_OBJECTS];
    size_t object_count;

    /* For the ledger's row; set by the appliers. */
    const char *result; /* applied, stale, ignored or recorded */
    int64_t amicale_id; /* 0: unknown */
    struct span payment_intent;
    bool unpaid; /* the payment was seen not to be paid: no mail follows */
};

typedef enum outcome (*event_fn)(struct event_work *work, struct fault *fault);
typedef enum outcome (*event_follow_fn)(struct event_work *work,
                                        struct handled *handled,
                                        struct fault *fault);

/* One row a type. A type that is not in the table is recorded, which is all. */
struct event_type {
    const char *type;
    event_fn apply;
    event_follow_fn follow; /* what is to be done once it is applied; NULL: nothing */
};
extern const struct event_type event_types[];
extern const size_t event_types_count;
const struct event_type *event_type_find(struct span type); /* NULL: not in the table */

/* Reads the payload of a stripe.event job: its first line, then the body. */
MUST_USE enum outcome event_work_init(struct event_work *work,
                                      struct handling *handling,
                                      struct fault *fault);
void event_work_done(struct event_work *work);

/* Runs `step` in a transaction and commits, again and again until it wants no object that
 * is not here: each try that lacks one is rolled back, and the object fetched with no lock
 * held. `handled` and what the appliers set start empty in each try. */
MUST_USE enum outcome event_run(struct event_work *work,
                                event_follow_fn step,
                                struct handled *handled,
                                struct fault *fault);

/* --- objects of Stripe's ---------------------------------------------------------------
 */

/* True, and the object (NULL: Stripe has none for us), when it was retrieved after the
 * row had this revision and the row still has it. False: it is now wanted. */
bool event_retrieved(struct event_work *work,
                     const struct event_object *wish,
                     const struct cJSON **out_object);
/* As event_retrieved, for one object by its id, where the event comes from. */
bool event_retrieved_id(struct event_work *work,
                        const char *collection,
                        struct span id,
                        int64_t revision,
                        const struct cJSON **out_object);
/* Fetches what is wanted; call it outside of a transaction. */
MUST_USE enum outcome event_fetch(struct event_work *work, struct fault *fault);
/* Whether it may stand in a path: letters, digits and _, at most 200. */
bool event_is_id(struct span id);

/* --- reading objects -------------------------------------------------------------------
 */

/* The id at `path`, where Stripe gives either the id or the whole object ("expandable").
 */
struct span event_id_at(const struct cJSON *object, const char *path);
/* The platform's charge that an application fee was taken from. Of a destination charge
 * Stripe names it `originating_transaction`; `charge` is then the connected account's
 * payment (docs.stripe.com/api/application_fees/object). */
struct span event_charge_of_fee(const struct cJSON *fee);
/* A whole number that must be there. */
MUST_USE enum outcome event_must_integer(const struct cJSON *object,
                                         const char *path,
                                         int64_t *out_number,
                                         struct fault *fault);
/* A text that must be there, and not be longer than `most` bytes. */
MUST_USE enum outcome event_must_string(const struct cJSON *object,
                                        const char *path,
                                        size_t most,
                                        struct span *out_string,
                                        struct fault *fault);
/* What every object about money must say, as the first facts of its row: its status, its
 * amount and its currency. */
enum { EVENT_MONEY_FACTS = 3 };
MUST_USE enum outcome event_must_money(const struct cJSON *object,
                                       struct sql_value *facts,
                                       struct fault *fault);
/* At most `most` bytes of a text for people, cut between characters. */
struct span event_cut(struct span text, size_t most);
/* Stripe's seconds at `path` as milliseconds; 0 when they are not there. */
int64_t event_moment_ms(const struct cJSON *object, const char *path);

/* --- what appliers write besides their rows --------------------------------------------
 */

/* Opens a finding, or marks the open one of that kind and subject as seen again. */
MUST_USE enum outcome event_finding(struct event_work *work,
                                    const char *kind,
                                    struct span subject,
                                    int64_t amount_minor,
                                    struct span currency,
                                    const char *reason,
                                    struct fault *fault);
/* The amicale of the event's connected account, into work->amicale_id; a finding when
 * nobody knows the account. Does nothing for the platform's own events. */
MUST_USE enum outcome event_find_account(struct event_work *work, struct fault *fault);

/* --- the appliers ----------------------------------------------------------------------
 */

enum outcome event_payment_apply(struct event_work *work, struct fault *fault);
enum outcome event_charge_succeeded(struct event_work *work, struct fault *fault);
enum outcome event_charge_refunded(struct event_work *work, struct fault *fault);
enum outcome event_refund_apply(struct event_work *work, struct fault *fault);
enum outcome event_dispute_apply(struct event_work *work, struct fault *fault);
enum outcome event_fee_refunded(struct event_work *work, struct fault *fault);
enum outcome event_account_apply(struct event_work *work, struct fault *fault);
/* The account's row, in line with what is told of it (NULL: retrieve it). */
enum outcome event_account_take(struct event_work *work,
                                struct span account,
                                const struct cJSON *told,
                                struct fault *fault);
enum outcome event_reader_apply(struct event_work *work, struct fault *fault);
enum outcome event_payout_apply(struct event_work *work, struct fault *fault);

/* A receipt for the payment, when it succeeded and the buyer's address is known. */
enum outcome event_payment_follow(struct event_work *work,
                                  struct handled *handled,
                                  struct fault *fault);
/* The amicale's admins are told of a dispute that is open. */
enum outcome event_dispute_follow(struct event_work *work,
                                  struct handled *handled,
                                  struct fault *fault);
/* A notice for each refund of the payment that succeeded. */
enum outcome event_refund_follow(struct event_work *work,
                                 struct handled *handled,
                                 struct fault *fault);

#endif
