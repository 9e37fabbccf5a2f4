/* SPDX-License-Identifier: MIT
 *
 * receipt_dispute - the letter to an admin whose amicale's payment is disputed.
 *
 * Owns:    nothing; pure
 * Callers: model/receipt
 * Blocks:  never
 *
 * Disputes fall on the platform, which also answers them at Stripe. What the amicale alone
 * knows is the sale: the letter says what was disputed, until when an answer counts, what
 * to write down and where to send it.
 */
#ifndef COMMON_MODEL_RECEIPT_DISPUTE_H
#define COMMON_MODEL_RECEIPT_DISPUTE_H

#include "common/base/arena.h"
#include "common/base/text.h"

struct receipt;
struct receipt_letter;

/* What the letter says; its texts live in the arena. */
void receipt_dispute_write(const struct receipt *receipt,
                           struct receipt_letter *letter,
                           struct arena *arena);
/* Stripe's word for the reason, in French; a word that is not known as it stands. */
struct span receipt_dispute_reason(struct span word);

#endif
