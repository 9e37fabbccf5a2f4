/* SPDX-License-Identifier: MIT
 *
 * send_plan - what to do next about an object that is to be made at Stripe once.
 *
 * Owns:    nothing; pure
 * Callers: send_once, tests
 * Blocks:  never
 * Units:   milliseconds; moments are wall time
 *
 * The marks of a row are all that is remembered between two attempts. An even step is a
 * key: `first_sent_ms` is when it was first used. An odd step is the rest after a key that
 * is spent (Stripe stored a 500 under it, knows it with other parameters, or may have
 * forgotten it): `first_sent_ms` is when that was noticed, nothing is sent, and the object
 * is looked for until enough time has passed to be sure that there is none.
 *
 *            post: 500, or a spent key      looked, nothing there after 60 s
 *   even n ------------------------> odd n+1 --------------------------> even n+2
 *      |  ^ no answer: the same key            | found
 *      |  |____                                v
 *      +-----> the object               the object
 */
#ifndef WORKER_SEND_PLAN_H
#define WORKER_SEND_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"

struct send_marks {
    int64_t first_sent_ms; /* 0: never */
    int64_t step;
};

struct send_times {
    int64_t key_ms; /* how long a key may be used: Stripe forgets it after 24 h */
    int64_t rest_ms; /* how long what was lost may still turn up */
};
extern const struct send_times send_times_stripe;

enum send_move {
    SEND_POST, /* under the key of the marks' step */
    SEND_LOOK, /* for the object */
    SEND_WAIT, /* leave it for another attempt, after wait_ms */
    SEND_TAKE, /* the outcome as it is */
};

/* What came of a POST. */
struct send_result {
    enum outcome outcome;
    long status; /* HTTP; 0: no answer came */
    bool key_is_spent; /* Stripe knows the key with other parameters */
};

/* Each takes the marks as they are, leaves them as they must be, committed, before the
 * move is made, and says how long a SEND_WAIT is. */
enum send_move send_plan_begin(const struct send_times *times,
                               int64_t now_ms,
                               struct send_marks *marks);
enum send_move send_plan_posted(const struct send_result *result,
                                int64_t now_ms,
                                struct send_marks *marks,
                                int64_t *out_wait_ms);
/* Nothing was found. */
enum send_move send_plan_missed(const struct send_times *times,
                                int64_t now_ms,
                                struct send_marks *marks,
                                int64_t *out_wait_ms);

#endif
