/* SPDX-License-Identifier: MIT
 *
 * exchange - commands out and replies in over one socket, both under one deadline.
 *
 * Owns:    the socket, from exchange_open to exchange_close
 * Callers: link (redis); one thread at a time
 * Blocks:  exchange_run up to its deadline
 * Units:   deadlines in milliseconds of the monotonic clock
 * Faults:  LATER when not a byte was sent; UNSURE when the connection broke or fell
 *          silent after that. Either way it is closed: replies that come late must not be
 *          taken for another command's
 */
#ifndef COMMON_LINK_EXCHANGE_H
#define COMMON_LINK_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/reply.h"

struct resp_reader;

struct exchange {
    int fd; /* -1: not open */
    struct resp_reader *reader; /* of this connection */
    struct text out; /* what is being sent */
};

void exchange_init(struct exchange *exchange);
void exchange_done(struct exchange *exchange);
/* The socket is given, connected and non-blocking. */
void exchange_open(struct exchange *exchange, int fd);
void exchange_close(struct exchange *exchange); /* safe twice */

/* Whether the other side has left, as far as can be seen without asking. */
bool exchange_is_stale(const struct exchange *exchange);
/* Sends all commands and waits for as many replies, which live in the arena. */
MUST_USE enum outcome exchange_run(struct exchange *exchange,
                                   const struct command *commands,
                                   size_t count,
                                   int64_t deadline_ms,
                                   struct arena *arena,
                                   struct reply *out_replies,
                                   struct fault *fault);
/* Overwrites what was sent last: it held a secret. */
void exchange_wipe(struct exchange *exchange);

#endif
