/* SPDX-License-Identifier: MIT
 *
 * payments - the routes that change payments: each checks its fields and asks for a job.
 *
 * Owns:    nothing
 * Callers: routes
 * Blocks:  never
 *
 * A path names a payment by Stripe's id (pi_...) or by our row's; whose it is the job
 * looks at.
 */
#ifndef API_PAYMENTS_H
#define API_PAYMENTS_H

struct request;

void payments_create(struct request *request); /* POST /api/payments/create-intent */
void payments_capture(struct request *request); /* POST /api/payments/{id}/capture */
void payments_cancel(struct request *request); /* POST /api/payments/{id}/cancel */
void payments_refund(struct request *request); /* POST /api/payments/{id}/refund */
void payments_void(struct request *request); /* POST /api/payments/{id}/void */

#endif
