/* SPDX-License-Identifier: MIT
 *
 * session_extend - a session that is used goes on: now and then a job moves its end.
 *
 * Owns:    the jobs that are on their way
 * Callers: session
 * Blocks:  never
 */
#ifndef API_SESSION_EXTEND_H
#define API_SESSION_EXTEND_H

struct digest;
struct request;

/* Once an hour at most (sooner when sessions are short), and only when its end would move
 * by as much. Nobody waits for it: the next hour tries again. */
void session_extend(struct request *request, const struct digest *token_hash);

#endif
