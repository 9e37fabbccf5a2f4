/* SPDX-License-Identifier: MIT
 *
 * sales - what was sold: an amicale's days, a pompier's list, one payment's state.
 *
 * Owns:    nothing
 * Callers: routes
 * Blocks:  never: MariaDB is read by the reader's threads
 * Units:   cents; days are Europe/Paris days (sale_day)
 *
 * A sale counts from when it is paid: by card once Stripe has the money (refunded or not),
 * in cash or by cheque unless it is voided. What went back counts on the day of its sale.
 */
#ifndef API_SALES_H
#define API_SALES_H

struct request;

/* The statuses of what is paid, as SQL. */
#define SALES_PAID "('succeeded', 'partially_refunded', 'refunded')"

void sales_stats(struct request *request); /* GET /api/amicales/{id}/stats */
void sales_list(struct request *request); /* GET /api/pompiers/{id}/ventes */
void sales_payment(struct request *request); /* GET /api/payments/{id}/status */

#endif
