/* SPDX-License-Identifier: MIT
 * The memory of one request or one job. Sanitizer builds (TOCSIN_ARENA_MALLOC) make every
 * piece a malloc of its own, so that an overrun is seen. */
#include "common/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t room_bytes; /* behind the header */
    size_t used_bytes;
    alignas(max_align_t) char bytes[];
};

static void wipe(struct arena *arena);
static struct arena_block *add_block(struct arena *arena, size_t bytes);

void arena_init(struct arena *arena, size_t ceiling_bytes)
{
    *arena = (struct arena){.ceiling_bytes = ceiling_bytes};
}

void arena_done(struct arena *arena)
{
    wipe(arena);
    struct arena_block *block = arena->blocks;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->blocks = NULL;
    arena->held_bytes = 0;
}

void arena_reset(struct arena *arena)
{
#ifdef TOCSIN_ARENA_MALLOC
    arena_done(arena);
#else
    wipe(arena);
    struct arena_block *keep = NULL;
    struct arena_block *block = arena->blocks;
    while (block) {
        struct arena_block *next = block->next;
        if (!keep && block->room_bytes == ARENA_BLOCK_BYTES) {
            keep = block;
        } else {
            free(block);
        }
        block = next;
    }
    arena->blocks = keep;
    arena->held_bytes = 0;
    if (keep) {
        keep->next = NULL;
        keep->used_bytes = 0;
        arena->held_bytes = keep->room_bytes;
    }
#endif
}

void *arena_take(struct arena *arena, size_t bytes)
{
    assert(bytes <= SIZE_MAX / 2);
    size_t align = alignof(max_align_t);
    size_t rounded = (bytes + align - 1) / align * align;
    struct arena_block *block = arena->blocks;
#ifdef TOCSIN_ARENA_MALLOC
    block = add_block(arena, bytes);
    rounded = bytes;
#else
    if (!block || block->room_bytes - block->used_bytes < rounded) {
        block =
            add_block(arena, rounded > ARENA_BLOCK_BYTES ? rounded : ARENA_BLOCK_BYTES);
    }
#endif
    void *piece = block->bytes + block->used_bytes;
    block->used_bytes += rounded;
    memset(piece, 0, bytes);
    return piece;
}

char *arena_copy(struct arena *arena, struct span span)
{
    char *copy = arena_take(arena, span.len + 1);
    if (span.len > 0) {
        memcpy(copy, span.at, span.len);
    }
    return copy;
}

struct span arena_span(struct arena *arena, struct span span)
{
    return (struct span){arena_copy(arena, span), span.len};
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    char *string = arena_take(arena, (size_t)len + 1);
    vsnprintf(string, (size_t)len + 1, format, again);
    va_end(again);
    return string;
}

static void wipe(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks; block && arena->secret;
         block = block->next) {
        explicit_bzero(block->bytes, block->used_bytes);
    }
    arena->secret = false;
}

static struct arena_block *add_block(struct arena *arena, size_t bytes)
{
    struct arena_block *block = NULL;
    if (bytes <= arena->ceiling_bytes &&
        arena->held_bytes <= arena->ceiling_bytes - bytes) {
        block = malloc(sizeof(*block) + bytes);
    }
    if (!block) {
        abort();
    }
    block->room_bytes = bytes;
    block->used_bytes = 0;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->held_bytes += bytes;
    return block;
}
