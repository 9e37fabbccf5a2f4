/* SPDX-License-Identifier: MIT
 *
 * sync - takes in what a phone sold while it was offline: up to 1,000 sales in a request,
 * each a job of its own, each with a verdict of its own.
 *
 * Owns:    nothing; the request and its arena carry everything
 * Callers: routes
 * Blocks:  never
 *
 *   receive -> check (a reader's thread) -> enqueue, in turns -> judge (a thread)
 *           -> enqueue what is new under a known name -> enqueue sync.batch -> answer
 *
 * The answer is 202 once Redis has every job, the batch's own last. Whatever fails before
 * is 503 with Retry-After: the phone sends the same again, in the same or other cuts, and
 * what was accepted already is told to be known.
 *
 * With an Idempotency-Key the batch's id is made of user and key, so a request that comes
 * again finds its batch and gets the same answer; with another body it is 422.
 */
#ifndef API_SYNC_H
#define API_SYNC_H

struct request;

/* Of one loop: what requests that are not answered yet may weigh when a flush comes. Each
 * takes about ten times its body until its answer, so this bounds them all together; whoever
 * comes beyond is 503. */
enum { SYNC_KEPT_BYTES = 24 << 20 };

void sync_receive(struct request *request); /* POST /api/payments/batch-sync */

#endif
