/* SPDX-License-Identifier: MIT
 *
 * resp - Redis' protocol: commands become bytes, bytes become replies in an arena.
 *
 * Owns:    a struct resp_reader, from resp_open to resp_close
 * Callers: the links to Redis
 * Blocks:  never
 * Faults:  LATER "redis" REDIS_BROKEN when the bytes are no RESP, or a reply passes the
 *          arena's ceiling: the connection cannot be used any more
 */
#ifndef COMMON_LINK_RESP_H
#define COMMON_LINK_RESP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/reply.h"

struct resp_reader;

/* How many bytes a command is, and they themselves. */
size_t resp_size(const struct command *command);
void resp_encode(const struct command *command, char *out);

/* Replies are built in the arena, which is borrowed until resp_close. It may be reset
 * whenever resp_next has just said that there is none or given one. */
struct resp_reader *resp_open(struct arena *arena);
void resp_close(struct resp_reader *reader); /* NULL does nothing */
/* Replies that begin from here on go to another arena. Between two replies only. */
void resp_use(struct resp_reader *reader, struct arena *arena);
/* Whether bytes came that belong to no reply given yet. */
bool resp_has_more(const struct resp_reader *reader);
MUST_USE enum outcome resp_feed(struct resp_reader *reader,
                                struct span bytes,
                                struct fault *fault);
/* out_reply is NULL when no whole reply is there yet. */
MUST_USE enum outcome resp_next(struct resp_reader *reader,
                                const struct reply **out_reply,
                                struct fault *fault);

#endif
