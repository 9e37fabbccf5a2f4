/* SPDX-License-Identifier: MIT
 *
 * terminal - what a phone or a card reader needs to take cards: tokens and readers.
 *
 * Owns:    nothing
 * Callers: routes
 * Blocks:  never
 */
#ifndef API_TERMINAL_H
#define API_TERMINAL_H

struct request;

/* POST /api/terminal/connection-token: for the asker's own amicale. A token is worth
 * something for a moment, so no Idempotency-Key keeps it. */
void terminal_token(struct request *request);
void terminal_register(struct request *request); /* POST /api/terminal/readers */
void terminal_list(struct request *request); /* GET /api/terminal/readers */

#endif
