/* SPDX-License-Identifier: MIT
 *
 * batch - what a phone handed over in one request, and what it was told of each item: the
 * payload of the job sync.batch, and the column items of its row in sync_batches.
 *
 * Owns:    nothing; what is decoded lives in the arena
 * Callers: api (writes, reads), worker (reads)
 * Blocks:  never
 * Units:   amounts in cents of EUR; moments are wall time in milliseconds
 * Faults:  NEVER when the text is not what batch_encode writes
 *
 * The job is enqueued once all the others of its batch are in the queue: that it is there
 * proves that everything that the phone was told is kept. Until its row is written, the
 * job itself is what is known of the batch.
 */
#ifndef COMMON_MODEL_BATCH_H
#define COMMON_MODEL_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/model/problem.h"
#include "common/model/sale.h"

enum batch_fault { BATCH_UNREADABLE = 1 };
enum {
    BATCH_MOST_ITEMS = 1000,
    BATCH_ITEM_ERRORS = 4, /* of an item that are told */
    BATCH_FIELD_BYTES = 48, /* of the name of a field that there is not, without control
                               characters: so that the whole fits into a payload */
    BATCH_ID_BYTES = 28, /* bat_ and 24 letters, digits, - and _ */
};

enum batch_verdict {
    BATCH_QUEUED, /* its job is new */
    BATCH_DUPLICATE, /* known to the books or to the queue */
    BATCH_CONFLICT, /* known with another content */
    BATCH_REJECTED,
};
enum { BATCH_VERDICTS = BATCH_REJECTED + 1 };
const char *batch_verdict_name(enum batch_verdict verdict);

struct batch_error {
    struct span field;
    enum field_code code;
};
struct batch_item {
    struct span local_id; /* empty: it was none */
    enum batch_verdict verdict;
    int64_t amount_minor; /* of all but rejected ones */
    enum sale_method method; /* the same */
    struct span intent; /* pi_... that the phone named; empty: none */
    bool repeats; /* the same sale stands further up in the batch: it counts once */
    bool was_shown; /* a duplicate whose payment was told */
    struct span conflict; /* kind; empty: not known at the door */
    int64_t known_minor; /* of a conflict: what is known; 0: that is not known */
    struct span known_method; /* empty: that is not known */
    struct batch_error errors[BATCH_ITEM_ERRORS]; /* of a rejected one */
    size_t error_count;
    int64_t off_ms; /* of FIELD_IN_FUTURE: how far ahead */
};
struct batch {
    struct span id;
    int64_t pompier_id;
    int64_t amicale_id;
    struct span device_id; /* empty: not told */
    struct span request_mac; /* of what had an Idempotency-Key; else empty */
    int64_t received_ms;
    bool has_skew;
    int64_t skew_ms; /* the phone's clock less ours */
    struct batch_item *items;
    size_t count;
};

struct span batch_encode(const struct batch *batch, struct arena *arena);
MUST_USE enum outcome batch_decode(struct span payload,
                                   struct arena *arena,
                                   struct batch *out_batch,
                                   struct fault *fault);
/* The items alone, as sync_batches.items has them. */
struct span batch_encode_items(const struct batch *batch, struct arena *arena);
MUST_USE enum outcome batch_decode_items(struct span text,
                                         struct arena *arena,
                                         struct batch_item **out_items,
                                         size_t *out_count,
                                         struct fault *fault);
/* sync.batch:<pompier>:<batch> */
struct span batch_job_id(int64_t pompier_id, struct span batch_id, struct arena *arena);
bool batch_id_is_valid(struct span id);

struct batch_counts {
    int64_t of[BATCH_VERDICTS];
    int64_t
        amount_minor; /* of what was accepted: all but rejected ones, each sale once */
};
struct batch_counts batch_count(const struct batch *batch);

#endif
