/* SPDX-License-Identifier: MIT
 *
 * redis_async - a loop's connections to Redis: commands go out, callbacks come back; or
 *               messages are heard.
 *
 * Owns:    one socket, its commands in flight, and the looking-up of its address
 * Callers: ingest, waiting, subscriber, handlers of the same loop
 * Blocks:  never
 * Units:   limit_ms counts from redis_async_send
 * Order:   replies come in the order of sending, apart from commands whose script had to
 *          be loaded first: these keep their order among themselves
 * Faults:  LATER when there is no connection or too much is in flight (nothing was sent),
 *          when Redis is loading, full, or a replica; UNSURE when the limit ran out or
 *          the connection broke after sending; NEVER when Redis refuses the command
 *
 * It connects by itself and again after every break, with growing waits of at most half a
 * second. A connection counts as up once Redis has taken the password, answered a PING
 * and loaded every script of the queue. A Redis that is silent for REDIS_ASYNC_SILENT_MS
 * with commands in flight is taken for gone.
 *
 * One that was opened by redis_async_listen sends no commands: it subscribes and hears.
 * Whether anything would still be heard is for its owner to find out, who then has it
 * dial again.
 */
#ifndef API_REDIS_ASYNC_H
#define API_REDIS_ASYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/link/reply.h"

struct clock;
struct event_base;
struct redis_async;
struct redis_counts;
struct settings;

enum {
    REDIS_ASYNC_MOST_COMMANDS = 1024,
    REDIS_ASYNC_MOST_BYTES = 64 << 20, /* of commands in flight */
    REDIS_ASYNC_SILENT_MS = 1500,
};

/* Called once for each command that was sent. The reply is there on DONE, is never a
 * REPLY_ERROR, and is borrowed until the callback returns; else the fault is. */
typedef void (*redis_answer_fn)(void *context,
                                enum outcome outcome,
                                const struct reply *reply,
                                const struct fault *fault);

/* Everything given is borrowed until redis_async_close. */
MUST_USE enum outcome redis_async_open(struct event_base *base,
                                       const struct settings *settings,
                                       const struct clock *clock,
                                       struct redis_counts *counts,
                                       struct redis_async **out_redis,
                                       struct fault *fault);
/* A connection that hears what is published on channels. */
struct redis_ears {
    const char *const *channels;
    size_t channel_count;
    void (*listening)(void *context); /* up, again: messages may have been missed */
    void (*heard)(void *context, struct span channel, struct span message); /* borrowed */
    void *context;
};
MUST_USE enum outcome redis_async_listen(struct event_base *base,
                                         const struct settings *settings,
                                         const struct clock *clock,
                                         struct redis_counts *counts,
                                         const struct redis_ears *ears,
                                         struct redis_async **out_redis,
                                         struct fault *fault);
/* Gives the connection up, as if it had broken, and dials again. Not from within a
 * callback of it. */
void redis_async_redial(struct redis_async *redis, const struct fault *why);
/* What is in flight gets its callback with UNSURE. NULL does nothing. */
void redis_async_close(struct redis_async *redis);

/* On DONE the callback comes later, never from within; the command's memory is not needed
 * any more. NULL is a connection that is closed. */
MUST_USE enum outcome redis_async_send(struct redis_async *redis,
                                       const struct command *command,
                                       int64_t limit_ms,
                                       redis_answer_fn answer,
                                       void *context,
                                       struct fault *fault);
bool redis_async_is_up(const struct redis_async *redis);

#endif
