/* SPDX-License-Identifier: MIT
 *
 * redis_async - one loop's connection to Redis: commands go out, callbacks come back.
 *
 * Owns:    one socket, its commands in flight, and the looking-up of its address
 * Callers: ingest and handlers of the same loop
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
 */
#ifndef API_REDIS_ASYNC_H
#define API_REDIS_ASYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/link/reply.h"

struct clock;
struct counters;
struct event_base;
struct redis_async;
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
                                       struct counters *counters,
                                       struct redis_async **out_redis,
                                       struct fault *fault);
/* What is in flight gets its callback with UNSURE. NULL does nothing. */
void redis_async_close(struct redis_async *redis);

/* On DONE the callback comes later, never from within; the command's memory is not needed
 * any more. */
MUST_USE enum outcome redis_async_send(struct redis_async *redis,
                                       const struct command *command,
                                       int64_t limit_ms,
                                       redis_answer_fn answer,
                                       void *context,
                                       struct fault *fault);
bool redis_async_is_up(const struct redis_async *redis);

#endif
