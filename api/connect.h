/* SPDX-License-Identifier: MIT
 *
 * connect - an amicale's Stripe account: made, shown, onboarded; its Terminal location; and
 * what phones must know before they sell.
 *
 * Owns:    nothing
 * Callers: routes
 * Blocks:  never
 *
 * Another amicale's is not found, whatever the role; the job looks once more, since only
 * MariaDB knows whose acct_... is.
 */
#ifndef API_CONNECT_H
#define API_CONNECT_H

struct request;

void connect_create(struct request *request); /* POST /api/stripe/accounts */
/* GET /api/stripe/accounts/{amicale's id or acct_...}/status; with fresh=1 by a job. */
void connect_status(struct request *request);
/* POST /api/stripe/accounts/{...}/onboarding-link, GET /api/amicales/{id}/onboarding-link:
 * a link works once, so it is made anew for each request, and no Idempotency-Key keeps
 * it. */
void connect_link(struct request *request);
void connect_location(struct request *request); /* POST /api/stripe/locations */
/* POST /api/amicales/{id}/create-location */
void connect_amicale_location(struct request *request);
void connect_config(struct request *request); /* GET /api/stripe/config */

#endif
