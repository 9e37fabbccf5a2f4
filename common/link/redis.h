/* SPDX-License-Identifier: MIT
 *
 * redis - the blocking connection to Redis, for the worker and the command line.
 *
 * Owns:    one socket, reopened when it broke
 * Callers: worker, ctl, the front door's pulse, tests; one thread at a time for each struct
 *          redis
 * Blocks:  up to settings.redis.connect_ms + command_ms a call (the deadline is our own)
 * Order:   redis_open, then calls, redis_close last; a broken connection is reopened by
 *          the next call
 * Faults:  LATER when Redis cannot be reached, is loading, or is at its memory limit;
 *          UNSURE when the connection broke after the command was sent; NEVER when Redis
 *          refuses the command
 */
#ifndef COMMON_LINK_REDIS_H
#define COMMON_LINK_REDIS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/link/reply.h"

struct settings;
struct redis;

enum redis_fault {
    REDIS_UNREACHABLE = 1,
    REDIS_TIMEOUT,
    REDIS_BROKEN, /* closed or garbled in the middle */
    REDIS_REFUSED, /* an -ERR reply */
    REDIS_FULL, /* -OOM: at maxmemory */
    REDIS_NOT_READY, /* -LOADING, -MASTERDOWN, -READONLY, -BUSY, -TRYAGAIN, -CLUSTERDOWN
                      */
};

/* Connects lazily: the first call opens. Fails only when the settings are wrong (bad
 * address, unreadable password file). */
MUST_USE enum outcome redis_open(const struct settings *settings,
                                 struct redis **out_redis,
                                 struct fault *fault);
void redis_close(struct redis *redis); /* NULL does nothing */

/* One command, one reply (never REPLY_ERROR: that is a fault). A script that Redis does
 * not know is loaded and called again. */
MUST_USE enum outcome redis_call(struct redis *redis,
                                 const struct command *command,
                                 struct arena *arena,
                                 struct reply *out_reply,
                                 struct fault *fault);
/* As redis_call, with `extra_ms` more of patience: for BLPOP and the like. */
MUST_USE enum outcome redis_call_waiting(struct redis *redis,
                                         const struct command *command,
                                         int64_t extra_ms,
                                         struct arena *arena,
                                         struct reply *out_reply,
                                         struct fault *fault);
/* Several in one round trip. On DONE every reply is there, each possibly a REPLY_ERROR;
 * NOSCRIPT was handled, in order. */
MUST_USE enum outcome redis_pipeline(struct redis *redis,
                                     const struct command *commands,
                                     size_t count,
                                     struct arena *arena,
                                     struct reply *out_replies,
                                     struct fault *fault);
/* A plain command from strings, ended by NULL; in the arena. */
struct command redis_command(struct arena *arena, ...) __attribute__((sentinel));
/* Fills the fault from a REPLY_ERROR and says what it means. */
MUST_USE enum outcome redis_error(const struct reply *reply, struct fault *fault);
/* Whether Redis keeps what it is given: appendonly yes, appendfsync always,
 * maxmemory-policy noeviction. Adds a line to `warnings` for each that is not so. */
MUST_USE enum outcome redis_check_durability(struct redis *redis,
                                             struct arena *arena,
                                             struct text *warnings,
                                             struct fault *fault);
/* Every script of the queue, loaded ahead of use. */
MUST_USE enum outcome redis_load_scripts(struct redis *redis, struct fault *fault);

#endif
