/* SPDX-License-Identifier: MIT
 *
 * arena - the memory of one request or one job: taken piece by piece, given back at once.
 *
 * Owns:    every piece that it handed out, until arena_reset or arena_done
 * Callers: every room
 * Blocks:  never
 * Faults:  none; past its ceiling, or when the machine has no memory, it aborts: inputs
 *          are bounded at the door, so a passed ceiling is a broken promise of ours
 */
#ifndef COMMON_BASE_ARENA_H
#define COMMON_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t held_bytes; /* over all blocks */
    size_t ceiling_bytes;
    bool secret; /* what is in it is overwritten before it goes; until arena_reset */
};

enum { ARENA_BLOCK_BYTES = 16 * 1024 };

void arena_init(struct arena *arena, size_t ceiling_bytes);
void arena_done(struct arena *arena); /* safe twice */
void arena_reset(
    struct arena *arena); /* all pieces go; one block is kept for the next use */

/* Zeroed, aligned for any type. */
void *arena_take(struct arena *arena, size_t bytes);
/* NUL-terminated copies. */
char *arena_copy(struct arena *arena, struct span span);
struct span arena_span(struct arena *arena, struct span span);
char *arena_format(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#define ARENA_NEW(arena, type) ((type *)arena_take((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count)                                                  \
    ((type *)arena_take((arena), sizeof(type) * (count)))

#endif
