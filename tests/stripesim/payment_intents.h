/* SPDX-License-Identifier: MIT
 *
 * payment_intents - /v1/payment_intents: Stripe's rules and texts around payments' moves.
 *
 * Owns:    nothing
 * Callers: the route table
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_PAYMENT_INTENTS_H
#define TESTS_STRIPESIM_PAYMENT_INTENTS_H

struct call;

void payment_intents_create(struct call *call);
void payment_intents_list(struct call *call);
void payment_intents_retrieve(struct call *call);
void payment_intents_update(struct call *call);
void payment_intents_confirm(struct call *call);
void payment_intents_capture(struct call *call);
void payment_intents_cancel(struct call *call);

#endif
