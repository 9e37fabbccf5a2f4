/* SPDX-License-Identifier: MIT
 *
 * webhook - Stripe's events become jobs: check the signature, read the event, enqueue,
 * answer.
 *
 * Owns:    nothing
 * Callers: routes
 * Blocks:  never
 *
 * The answer is 200 only once Redis has the job, or had it before. What Redis did not
 * take, or may have taken, is answered 503: Stripe sends it again, and the event's id
 * keeps it from being there twice. The payload of a job is a line and the body as it
 * came:
 *
 *   received_ms=1732269900123 endpoint=platform\n{"id":"evt_...
 */
#ifndef API_WEBHOOK_H
#define API_WEBHOOK_H

struct request;

void webhook_receive(struct request *request);

#endif
