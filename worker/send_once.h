/* SPDX-License-Identifier: MIT
 *
 * send_once - makes one object at Stripe for one row of ours, whatever fails on the way.
 *
 * Owns:    the columns first_sent_at and send_step of the row
 * Callers: handlers that make an object: payments, refunds, accounts, locations, readers
 * Blocks:  up to stripe.total_ms
 * Units:   moments are wall time in milliseconds
 * Order:   the row is committed first, with its job_id; send_once; then the row gets the
 *          object's id. Nothing is locked while Stripe is asked.
 * Faults:  LATER when Stripe is away, or when it is too early to send again; UNSURE when
 *          no answer came: the next attempt asks again under the same key; NEVER when
 *          Stripe refuses for good (out_answer is filled as stripe_post does), and then
 *          nothing was made
 *
 * The Idempotency-Key is "<row's job_id>/<step>", with an even step (an odd one is the
 * rest after a key that is spent: worker/send_plan.h). A lost answer is asked for again under
 * the same key for at most 23 hours after the first sending (Stripe forgets keys after
 * 24). Stripe replays a stored 500 under its key, so after a 500, or when the key has
 * become too old, the object is looked for (`find`); only when it is not there, 60 s or
 * more after the last sending, the step advances and with it the key. Nothing is ever
 * sent under a new key without having looked.
 */
#ifndef WORKER_SEND_ONCE_H
#define WORKER_SEND_ONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/stripe.h"

struct cJSON;
struct handling;

/* Looks for the object among what Stripe lists: *out_object is yours, NULL when Stripe has
 * none. Lists, not search: Stripe's search is not read-after-write. */
typedef enum outcome (*send_find_fn)(struct handling *handling,
                                     const void *context,
                                     struct cJSON **out_object,
                                     struct fault *fault);

struct send {
    /* The row: which statements read and write its marks, and its id. Literals:
     * SELECT SEND_MOMENT("first_sent_at"), send_step FROM ... WHERE id = ?
     * UPDATE ... SET first_sent_at = ?, send_step = ? WHERE id = ?
     * The update may name more conditions: when none fits any more it is LATER, and
     * nothing is sent. */
    const char *select_marks;
    const char *update_marks;
    int64_t row_id;
    struct span job_id; /* the row's */
    /* The call. */
    const char *path;
    const struct stripe_param *form;
    size_t form_count;
    bool live;
    /* Looking for what a lost call may have made. */
    send_find_fn find;
    const void *find_context;
};

/* A column's moment in milliseconds, in SQL; NULL stays NULL. */
#define SEND_MOMENT(column) "CAST(ROUND(UNIX_TIMESTAMP(" column ") * 1000) AS SIGNED)"

/* On DONE out_answer->document is the object: yours, json_free. */
MUST_USE enum outcome send_once(struct handling *handling,
                                const struct send *send,
                                struct stripe_answer *out_answer,
                                struct fault *fault);

#endif
