/* SPDX-License-Identifier: MIT
 *
 * payment_send - makes the PaymentIntent of a payment's row, or finds the one that was
 * made, and brings the row in line with it.
 *
 * Owns:    the marks of the row's POST; the status `failed` of a row that Stripe refused
 * Callers: handle_payment_create.c, handle_payment_cancel.c, sync_card_make.c
 * Blocks:  up to stripe.total_ms a call
 * Order:   the row is committed with its job_id and the status `new`
 * Faults:  as send_once's: LATER, UNSURE; NEVER when Stripe refused for good: the row is
 *          `failed`, nothing was made, and out_answer says why
 *
 * Everything that is sent stands in the row, so that whoever sends it sends the same.
 */
#ifndef WORKER_PAYMENT_SEND_H
#define WORKER_PAYMENT_SEND_H

#include <stdint.h>

#include "common/base/fault.h"
#include "common/link/stripe.h"

struct handled;
struct handling;

/* On DONE out_answer->document is the PaymentIntent: yours, json_free. */
MUST_USE enum outcome payment_send(struct handling *handling,
                                   int64_t payment_id,
                                   struct stripe_answer *out_answer,
                                   struct handled *out_handled,
                                   struct fault *fault);

#endif
