/* SPDX-License-Identifier: MIT
 * sync.card: finds out what became of a card sale that a phone made offline. It is never
 * said to be paid unless Stripe says so. */
#include "worker/apply.h"
#include "worker/handle_sync.h"
#include "worker/handlers.h"
#include "worker/sync_card.h"
#include "worker/sync_conflict.h"

enum { LOOKS = 3 };

static enum outcome take_sale(struct sync_card *card, struct fault *fault);
static enum outcome take_known(struct sync_card *card, struct fault *fault);
static enum outcome refresh(struct sync_card *card, struct fault *fault);
static bool is_settled(const struct sync_card *card);
static enum outcome take_unknown(struct sync_card *card, struct fault *fault);
static enum outcome take_intent(struct sync_card *card, struct fault *fault);
static enum outcome apply(struct sync_card *card, struct fault *fault);
static enum outcome conclude(struct sync_card *card, struct fault *fault);

enum outcome handle_sync_card(struct handling *handling,
                              struct handled *out_handled,
                              struct fault *fault)
{
    struct sync_card card = {.handling = handling, .handled = out_handled};
    enum outcome outcome =
        sale_decode(handling->payload, handling->arena, &card.sale, fault);
    if (outcome == OUTCOME_DONE && card.sale.method != SALE_CARD) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "sync",
                         SYNC_WRONG_METHOD,
                         "only sales by card are the business of sync.card");
    }
    card.again = true;
    for (int look = 0; outcome == OUTCOME_DONE && card.again && look < LOOKS; look++) {
        card.again = false;
        outcome = take_sale(&card, fault);
    }
    if (outcome == OUTCOME_DONE && card.again) {
        outcome =
            fault_set(fault, OUTCOME_LATER, "sync", 0, "another was faster each time");
    }
    if (outcome == OUTCOME_DONE) {
        outcome = conclude(&card, fault);
    }
    sync_card_done(&card);
    return outcome;
}

static enum outcome take_sale(struct sync_card *card, struct fault *fault)
{
    enum outcome outcome = sync_rows_find(card->handling, &card->sale, &card->row, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    card->handling->answered |= NEIGHBOUR_MARIADB;
    return card->row.payment_id != 0 ? take_known(card, fault)
                                     : take_unknown(card, fault);
}

static enum outcome take_known(struct sync_card *card, struct fault *fault)
{
    const struct sync_row *row = &card->row;
    struct span named = card->sale.intent;
    card->conflict = sync_conflict_kind(&card->sale, row);
    if (!card->conflict && named.len > 0 && row->intent.len > 0 &&
        !span_equal(named, row->intent)) {
        card->conflict = "other_intent";
    }
    if (card->conflict) {
        card->conflict_id = row->payment_id;
        return OUTCOME_DONE;
    }
    enum outcome outcome = sync_card_complete(card, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (row->intent.len > 0) {
        return refresh(card, fault);
    }
    if (named.len > 0) {
        return take_intent(card, fault);
    }
    return span_is(row->status, "new") || span_is(row->status, "failed")
               ? sync_card_finish(card, fault)
               : OUTCOME_DONE; /* canceled before it was sent: there is nothing to ask */
}

static enum outcome refresh(struct sync_card *card, struct fault *fault)
{
    if (is_settled(card)) {
        return OUTCOME_DONE;
    }
    enum outcome outcome = sync_card_retrieve(card, card->row.intent, fault);
    card->conflict_id = card->conflict ? card->row.payment_id : 0;
    return outcome == OUTCOME_DONE && !card->conflict ? apply(card, fault) : outcome;
}

/* `succeeded` and `canceled` are final, and nothing that follows can have been lost when
 * there is nobody to mail to. */
static bool is_settled(const struct sync_card *card)
{
    static const char *const final[] = {"succeeded",
                                        "partially_refunded",
                                        "refunded",
                                        "canceled"};
    if (card->row.has_address || card->sale.receipt_email.len > 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++) {
        if (span_is(card->row.status, final[i])) {
            return true;
        }
    }
    return false;
}

static enum outcome take_unknown(struct sync_card *card, struct fault *fault)
{
    if (card->sale.is_conflict) {
        card->conflict = "other_amount"; /* its first one is still on its way */
        return OUTCOME_DONE;
    }
    if (card->sale.intent.len > 0) {
        return take_intent(card, fault);
    }
    enum outcome outcome = sync_card_search(card, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    return card->intent ? take_intent(card, fault) : sync_card_make(card, fault);
}

/* The PaymentIntent that the phone names, or that was found by its metadata. Applying it
 * makes its row when it has none, or gives it to the row that waits for it. */
static enum outcome take_intent(struct sync_card *card, struct fault *fault)
{
    bool there = false;
    enum outcome outcome =
        card->intent ? OUTCOME_DONE : sync_card_retrieve(card, card->sale.intent, fault);
    if (outcome == OUTCOME_DONE && !card->conflict) {
        outcome = sync_card_judge(card, fault);
    }
    if (outcome == OUTCOME_DONE && !card->conflict) {
        outcome = sync_card_link(card, &there, fault);
    }
    if (outcome == OUTCOME_DONE && !card->conflict && !card->again && !there) {
        outcome = apply(card, fault);
        if (outcome == OUTCOME_DONE) {
            outcome = sync_card_link(card, &there, fault);
        }
    }
    if (outcome != OUTCOME_DONE || card->conflict || card->again) {
        return outcome;
    }
    return apply(card, fault);
}

static enum outcome apply(struct sync_card *card, struct fault *fault)
{
    return apply_payment(card->handling, card->intent, card->handled, fault);
}

/* The conflict, or the row as it now is; and what came before the row and waits for it. */
static enum outcome conclude(struct sync_card *card, struct fault *fault)
{
    struct handling *handling = card->handling;
    enum outcome outcome = OUTCOME_DONE;
    if (card->conflict) {
        card->conflict_id = card->conflict_id ? card->conflict_id : card->row.payment_id;
        outcome = sync_conflict_open(handling,
                                     &card->sale,
                                     card->conflict,
                                     card->conflict_id,
                                     fault);
    } else {
        outcome = sync_rows_find(handling, &card->sale, &card->row, fault);
        if (outcome == OUTCOME_DONE && card->row.payment_id == 0) {
            return fault_set(fault, OUTCOME_LATER, "sync", 0, "the sale's row is gone");
        }
        if (outcome == OUTCOME_DONE) {
            outcome = sync_card_mark(card, fault);
        }
        if (outcome == OUTCOME_DONE && card->row.has_claims) {
            outcome = sync_conflict_claim(handling, &card->sale, &card->row, fault);
        }
    }
    return outcome;
}
