/* SPDX-License-Identifier: MIT
 *
 * job - what a job is: its names, states, lanes and kinds, and the moves it may make.
 *
 * Owns:    nothing; pure rules
 * Callers: every room
 * Blocks:  never
 * Units:   milliseconds; moments are wall time in UTC, as Redis TIME gives it
 *
 * A job is a name (its id), a kind (who handles it), a sealed payload, and a state. The
 * id is given by whoever enqueues: evt_... for a webhook, receipt:pi_... for a receipt.
 * Enqueuing a name that is known changes nothing, so every producer may repeat itself.
 *
 *      enqueue            take               settle DONE
 *   --------> ready ---------------> leased -------------> done
 *     |         ^  ^                  |  |  \
 *     | later   |  | lease expired,   |  |   \ settle NEVER, attempts used up, poison
 *     v         |  | given back       |  |    +----------> dead
 *   scheduled --+  +------------------+  |                  |
 *     ^   due                            | settle LATER     | retry (operator)
 *     +----------------------------------+                  +-----> ready
 */
#ifndef COMMON_MODEL_JOB_H
#define COMMON_MODEL_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

enum job_state {
    JOB_READY, /* waits for a slot     Redis {tocsin}:ready:<lane>:<kind>      */
    JOB_LEASED, /* a worker has it      Redis {tocsin}:leased:<lane>:<kind>     */
    JOB_SCHEDULED, /* waits for its time   Redis {tocsin}:scheduled:<lane>:<kind>  */
    JOB_DONE, /* settled              Redis {tocsin}:done:<lane>:<kind>       */
    JOB_DEAD, /* needs a person       Redis {tocsin}:dead:<lane>:<kind>, SQL jobs_archive
               */
};
enum { JOB_STATE_COUNT = JOB_DEAD + 1 };

/* By priority. Quarantine is not for enqueuing: a job that was running in two crashes
 * moves there and runs alone. */
enum job_lane {
    LANE_LIVE,
    LANE_WEBHOOK,
    LANE_SYNC,
    LANE_MAIL,
    LANE_BACKFILL,
    LANE_QUARANTINE,
};
enum { LANE_COUNT = LANE_QUARANTINE + 1 };

/* The other programs that a kind cannot work without. A set. */
enum neighbour {
    NEIGHBOUR_STRIPE = 1,
    NEIGHBOUR_MARIADB = 2,
    NEIGHBOUR_SMTP = 4,
};
enum { NEIGHBOUR_COUNT = 3 };

enum {
    JOB_RECORD_VERSION =
        1, /* of what queue_enqueue writes; a worker leaves others waiting */
    JOB_ID_BYTES = 200,
    JOB_TENANT_BYTES = 40,
    JOB_REF_BYTES = 200,
    JOB_REFS = 12, /* most references of one job */
    JOB_PAYLOAD_BYTES = 1 << 20, /* before sealing */
    JOB_RESULT_BYTES = 64 * 1024,
    JOB_HISTORY = 10, /* attempts that its record remembers */
};

/* What a kind of job is allowed and what it needs. */
struct kind {
    const char *name; /* "stripe.event" */
    enum job_lane lane; /* where it goes unless the producer says otherwise */
    int max_attempts; /* failures (LATER, UNSURE, crash) until it is dead */
    int64_t base_ms; /* the first retry's mean wait is half of it */
    int64_t cap_ms; /* the longest wait between two attempts */
    int64_t limit_ms; /* a slot that takes longer is reported as overrun */
    int group_max; /* jobs of one tenant that a slot may take together; 1: no groups */
    unsigned needs; /* set of enum neighbour: it is not taken while one is down */
    const char *help; /* one line for people */
};

/* All kinds of this version, one row each. */
extern const struct kind kinds[];
extern const size_t kinds_count;
const struct kind *kind_find(struct span name); /* NULL: unknown */

const char *job_state_name(enum job_state state);
bool job_state_find(struct span name, enum job_state *out_state);
const char *lane_name(enum job_lane lane);
bool lane_find(struct span name, enum job_lane *out_lane);
/* Turns of a lane in the weighted round. */
int lane_weight(enum job_lane lane);
/* `which` has one bit. */
const char *neighbour_name(enum neighbour which);

/* 1 to JOB_ID_BYTES of A-Z a-z 0-9 . _ : - @ + / */
bool job_id_is_valid(struct span id);

#endif
