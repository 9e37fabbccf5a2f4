/* SPDX-License-Identifier: MIT
 *
 * refund_send - makes the refund of a refund's row at Stripe, or finds the one that was
 * made, and brings the row and its payment in line with it.
 *
 * Owns:    the marks of the row's POST; the status `failed` of a row that Stripe refused
 * Callers: handle_payment_refund.c
 * Blocks:  up to stripe.total_ms a call
 * Order:   the row is committed with its job_id and the status `new`
 * Faults:  as send_once's: LATER, UNSURE; NEVER when Stripe refused for good: the row is
 *          `failed`, nothing was given back, and out_answer says why
 */
#ifndef WORKER_REFUND_SEND_H
#define WORKER_REFUND_SEND_H

#include <stdint.h>

#include "common/base/fault.h"
#include "common/link/stripe.h"

struct handled;
struct handling;

/* A row that has its refund already is done, and nothing is sent. */
MUST_USE enum outcome refund_send(struct handling *handling,
                                  int64_t refund_id,
                                  struct stripe_answer *out_answer,
                                  struct handled *out_handled,
                                  struct fault *fault);

#endif
