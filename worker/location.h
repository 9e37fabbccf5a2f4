/* SPDX-License-Identifier: MIT
 *
 * location - the Terminal location of an amicale, made once, or found.
 *
 * Owns:    of the amicale's row stripe_location_id, and the marks of the POST that makes it
 * Callers: handle_location_create.c, handle_terminal_token.c
 * Blocks:  as long as MariaDB does; up to stripe.total_ms when it is made
 * Faults:  as MariaDB's and send_once's: LATER and UNSURE when nobody knows yet whether
 *          there is one, and the next attempt goes on, whichever job it is of
 *
 * Jobs at the same time share one Idempotency-Key: whoever takes the marks first names it.
 */
#ifndef WORKER_LOCATION_H
#define WORKER_LOCATION_H

#include "common/base/fault.h"

struct amicale;
struct answer;
struct asked;

/* Leaves the location in amicale->location, and in location_job the job that made it. No
 * location on DONE: there cannot be one, and out_refusal says why (AMICALE_INCOMPLETE, or
 * what Stripe refused). */
MUST_USE enum outcome location_ensure(struct asked *asked,
                                      struct amicale *amicale,
                                      struct answer *out_refusal,
                                      struct fault *fault);

#endif
