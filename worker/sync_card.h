/* SPDX-License-Identifier: MIT
 *
 * sync_card - one card sale that a phone made offline, or whose outcome it never learned,
 * on its way to the PaymentIntent that is its own.
 *
 * Owns:    the retrieved PaymentIntent, until sync_card_done
 * Callers: handle_sync_card.c
 * Blocks:  as long as MariaDB and Stripe do; no lock is held while Stripe is asked
 * Units:   amounts in cents of EUR; moments are wall time in milliseconds
 * Faults:  LATER and UNSURE as Stripe's and MariaDB's; NEVER when Stripe refuses to show
 *          something for another reason than not having it
 *
 *      its row is known -------------------------> compare, retrieve, apply
 *      a PaymentIntent is named ------> retrieve -> judge -> link -> apply
 *      neither ---> list by metadata -> found ---> judge -> link -> apply
 *                       | none
 *                       +-> row first, then a PaymentIntent a posteriori
 *
 * What does not fit is no fault: `conflict` is its kind, and nothing was changed.
 *
 * What was made a posteriori has payment_intents.collect_until: what nobody has collected
 * by then (its PaymentIntent is there, and open) is canceled by payment.reconcile.
 */
#ifndef WORKER_SYNC_CARD_H
#define WORKER_SYNC_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/model/sale.h"
#include "worker/sync_rows.h"

struct cJSON;
struct handled;
struct handling;

struct sync_card {
    struct handling *handling;
    struct handled *handled; /* for the follow-ups of what is applied */
    struct sale sale;
    struct sync_row row; /* of its name; payment_id 0: none */
    struct cJSON *intent; /* as Stripe shows it; NULL: not asked, or there is none */
    const char *conflict; /* its kind; NULL: none so far */
    int64_t conflict_id; /* the row that it is in conflict with; 0: its own, if any */
    bool again; /* another was faster: look from the beginning */
};

void sync_card_done(struct sync_card *card); /* safe twice */

/* --- sync_card_intent.c: what Stripe has ------------------------------------------- */

/* card->intent, or the conflict unknown_intent. */
MUST_USE enum outcome sync_card_retrieve(struct sync_card *card,
                                         struct span intent,
                                         struct fault *fault);
/* The PaymentIntent whose metadata names the sale; card->intent stays NULL when Stripe
 * lists none. */
MUST_USE enum outcome sync_card_search(struct sync_card *card, struct fault *fault);
/* Whether card->intent can be the sale's: else the conflict says why not. */
MUST_USE enum outcome sync_card_judge(struct sync_card *card, struct fault *fault);

/* --- sync_card_link.c: its row ----------------------------------------------------- */

/* Gives the row of the PaymentIntent the sale's name and day, and closes what was found
 * of it; *out_there is false when it has no row yet. A row that is another sale's
 * is the conflict already_linked; a sale that has another row, other_intent. */
MUST_USE enum outcome sync_card_link(struct sync_card *card,
                                     bool *out_there,
                                     struct fault *fault);
/* The sale's own row gets what it lacks and the phone tells: the buyer's address, and the
 * moment of the sale when nobody but Stripe has told it. */
MUST_USE enum outcome sync_card_complete(struct sync_card *card, struct fault *fault);
/* The row gets the batch and the device, which say that Stripe was asked since the sale
 * was handed over: last of all. */
MUST_USE enum outcome sync_card_mark(struct sync_card *card, struct fault *fault);

/* --- sync_card_make.c: a PaymentIntent a posteriori -------------------------------- */

/* Of a sale without a row. */
MUST_USE enum outcome sync_card_make(struct sync_card *card, struct fault *fault);
/* Of a row that has none: `new`, or `failed` before. */
MUST_USE enum outcome sync_card_finish(struct sync_card *card, struct fault *fault);

#endif
