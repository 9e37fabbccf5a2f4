/* SPDX-License-Identifier: MIT
 *
 * reply - what Redis answered, as plain data that pure code can read.
 *
 * Owns:    nothing; a reply lives in the arena that it was put into
 * Callers: link, and the front door's asynchronous twin
 * Blocks:  never
 */
#ifndef COMMON_LINK_REPLY_H
#define COMMON_LINK_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

enum reply_type {
    REPLY_NONE,
    REPLY_INTEGER,
    REPLY_TEXT,
    REPLY_STATUS,
    REPLY_ERROR,
    REPLY_LIST
};

struct reply {
    enum reply_type type;
    int64_t integer; /* REPLY_INTEGER */
    struct span text; /* REPLY_TEXT, _STATUS, _ERROR */
    const struct reply *items; /* REPLY_LIST */
    size_t count;
};

/* An argument vector for Redis. `script` is the script that argv[1] names when argv[0] is
 * EVALSHA (so that the link can load it on NOSCRIPT), else NULL. Lives in an arena. */
struct queue_script;
struct command {
    const struct queue_script *script;
    int count;
    const char **args;
    size_t *lens;
};

#endif
