/* SPDX-License-Identifier: MIT
 *
 * sale - one offline sale as a phone handed it over: the payload of the jobs sync.sale
 * and sync.card.
 *
 * Owns:    nothing; what is decoded lives in the arena
 * Callers: api (names, encodes), worker (decodes)
 * Blocks:  never
 * Units:   amounts in cents of EUR; moments are wall time in milliseconds
 * Faults:  NEVER when the payload is not what sale_encode writes
 *
 * The job is named sync:<user>:<local_id>, so that a sale that comes again, in another
 * batch or from another phone of the same user, is the same job. The canonical text
 * (amount and method) tells whether it is the same sale: its fingerprint is the job's, and
 * sync_conflicts.given_mac. What comes under a known name is a job of its own when it says
 * something new:
 *
 *   sync:<user>:<local_id>/<pi_...>        a card sale whose PaymentIntent is named now
 *   sync:<user>:<local_id>/<16 hex digits> another amount or method, by its fingerprint:
 *                                          is_conflict is set
 *
 * The unique key (pompier_id, local_id) of payment_intents is the authority over all.
 */
#ifndef COMMON_MODEL_SALE_H
#define COMMON_MODEL_SALE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct seal_ring;

enum sale_fault { SALE_UNREADABLE = 1 };
enum { SALE_LOCAL_ID_BYTES = 64, SALE_DEVICE_ID_BYTES = 64, SALE_BATCH_ID_BYTES = 64 };

enum sale_method { SALE_CARD, SALE_CASH, SALE_CHEQUE };
enum { SALE_METHODS = SALE_CHEQUE + 1 };

/* "card", "cash", "cheque": also the enum of payment_intents.payment_method. */
const char *sale_method_name(enum sale_method method);
bool sale_method_find(struct span name, enum sale_method *out_method);

struct sale {
    int64_t pompier_id;
    int64_t amicale_id;
    struct span local_id; /* 1 to SALE_LOCAL_ID_BYTES of A-Z a-z 0-9 . _ : - */
    int64_t amount_minor;
    enum sale_method method;
    struct span intent; /* pi_... that the phone knows of; empty: none */
    struct span receipt_email; /* empty: none */
    int64_t sold_ms; /* the phone's clock */
    int64_t received_ms; /* ours */
    struct span device_id; /* empty: not told */
    struct span batch_id; /* of the batch that it came in first */
    bool is_conflict; /* its name is known to the queue with another amount or method */
};

struct span sale_encode(const struct sale *sale, struct arena *arena);
MUST_USE enum outcome sale_decode(struct span payload,
                                  struct arena *arena,
                                  struct sale *out_sale,
                                  struct fault *fault);
/* What makes it the same sale: "<amount>|<method>". */
struct span sale_canonical(const struct sale *sale, struct arena *arena);
/* The fingerprint of that, 64 hex digits. */
struct span sale_fingerprint(const struct sale *sale,
                             const struct seal_ring *ring,
                             struct arena *arena);
/* The three names above, in their order. */
struct span sale_job_id(const struct sale *sale, struct arena *arena);
struct span sale_intent_job_id(const struct sale *sale, struct arena *arena);
struct span sale_content_job_id(const struct sale *sale,
                                struct span fingerprint,
                                struct arena *arena);

#endif
