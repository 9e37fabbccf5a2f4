/* SPDX-License-Identifier: MIT
 *
 * map - from a name to a thing: open addressing, grows by doubling.
 *
 * Owns:    its slots, from map_init to map_done; names and things are borrowed, and must
 *          live as long as they are in the map
 * Callers: the simulator
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_MAP_H
#define TESTS_STRIPESIM_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

struct map_slot {
    uint64_t hash;
    struct span name;
    void *thing; /* NULL: the slot is free */
};

struct map {
    struct map_slot *slots;
    size_t room; /* a power of two, or 0 */
    size_t count;
};

void map_init(struct map *map);
void map_done(struct map *map);
void *map_find(const struct map *map, struct span name); /* NULL: not there */
/* The name must not be there yet. */
void map_put(struct map *map, struct span name, void *thing);
void map_drop(struct map *map, struct span name); /* a name that is not there is fine */

#endif
