/* SPDX-License-Identifier: MIT
 *
 * receipt_source - gathers what a receipt says: the job's payload, the rows, and the
 * charge when the rows lack what must be shown of the card.
 *
 * Owns:    the parsed documents, from receipt_source_init to receipt_source_done
 * Callers: handle_receipt_send
 * Blocks:  as long as MariaDB and Stripe do
 * Faults:  NEVER when the payload or the row is not there or holds no address; LATER with
 *          neighbour "stripe" when the charge is needed and cannot be fetched now
 */
#ifndef WORKER_RECEIPT_SOURCE_H
#define WORKER_RECEIPT_SOURCE_H

#include <stdint.h>

#include "common/base/fault.h"
#include "common/model/receipt.h"

struct cJSON;
struct handling;

struct receipt_source {
    struct receipt receipt; /* all but number, message_id and written_ms */
    struct span
        subject; /* pi_..., payment:<id>, re_..., dp_...:<reader>, dispute_source.h */
    int64_t payment_id;
    int64_t refund_id; /* 0: none */
    int64_t amicale_id; /* 0: none */
    const char *skip; /* why nothing is to be sent; NULL: send it */

    struct cJSON *payload;
    struct cJSON *card; /* payment_intents.card_receipt */
    struct cJSON *charge; /* from Stripe */
};

MUST_USE enum outcome receipt_source_init(struct receipt_source *source,
                                          struct handling *handling,
                                          struct fault *fault);
void receipt_source_done(struct receipt_source *source); /* also after a fault */

#endif
