/* SPDX-License-Identifier: MIT
 * From a name to a thing: linear probing, at most half full, holes closed on removal. */
#include "tests/stripesim/map.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_ROOM = 64 };

static uint64_t hash_of(struct span name);
static size_t slot_of(const struct map *map, uint64_t hash, struct span name);
static void grow(struct map *map);

void map_init(struct map *map)
{
    *map = (struct map){0};
}

void map_done(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}

void *map_find(const struct map *map, struct span name)
{
    if (map->room == 0) {
        return NULL;
    }
    return map->slots[slot_of(map, hash_of(name), name)].thing;
}

void map_put(struct map *map, struct span name, void *thing)
{
    assert(thing);
    if (map->count * 2 >= map->room) {
        grow(map);
    }
    uint64_t hash = hash_of(name);
    struct map_slot *slot = &map->slots[slot_of(map, hash, name)];
    assert(!slot->thing);
    *slot = (struct map_slot){hash, name, thing};
    map->count++;
}

void map_drop(struct map *map, struct span name)
{
    if (map->room == 0) {
        return;
    }
    size_t mask = map->room - 1;
    size_t hole = slot_of(map, hash_of(name), name);
    if (!map->slots[hole].thing) {
        return;
    }
    map->count--;
    /* What follows in the same run moves up, unless that would put it before its home. */
    for (size_t i = (hole + 1) & mask; map->slots[i].thing; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct map_slot){0};
}

/* FNV-1a, with the high bits folded in because the mask takes the low ones. */
static uint64_t hash_of(struct span name)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ (unsigned char)name.at[i]) * 1099511628211u;
    }
    return hash ^ (hash >> 29);
}

/* Where the name is, or the free slot where it would go. */
static size_t slot_of(const struct map *map, uint64_t hash, struct span name)
{
    size_t mask = map->room - 1;
    size_t i = hash & mask;
    while (map->slots[i].thing &&
           (map->slots[i].hash != hash || !span_equal(map->slots[i].name, name))) {
        i = (i + 1) & mask;
    }
    return i;
}

static void grow(struct map *map)
{
    struct map fresh = {.room = map->room ? map->room * 2 : FIRST_ROOM};
    fresh.slots = calloc(fresh.room, sizeof(*fresh.slots));
    if (!fresh.slots) {
        abort();
    }
    for (size_t i = 0; i < map->room; i++) {
        struct map_slot *old = &map->slots[i];
        if (old->thing) {
            fresh.slots[slot_of(&fresh, old->hash, old->name)] = *old;
            fresh.count++;
        }
    }
    free(map->slots);
    *map = fresh;
}
