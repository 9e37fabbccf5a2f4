/* SPDX-License-Identifier: MIT
 * Cells of addresses, and sets of tokens, in atomics that all loops share. */
#include "api/floods.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/networks.h"
#include "common/base/digest.h"

enum { KEY_BYTES = 16, WAYS = 4, SETS = FLOODS_KNOWN / WAYS, NETWORK_BYTES = 8 };

struct cell {
    _Atomic int64_t places[FLOODS]; /* that are taken */
};

struct floods {
    char key[KEY_BYTES];
    struct cell cells[FLOODS_CELLS];
    _Atomic uint64_t known[SETS][WAYS]; /* the last one used first; 0: none */
};

static struct cell *cell_of(struct floods *floods, const struct address *address);
static uint64_t part_of(const struct digest *digest, int number);
static uint64_t mark_of(const struct digest *token_hash);
static _Atomic uint64_t *set_of(struct floods *floods, const struct digest *token_hash);
static int find(_Atomic uint64_t *set, uint64_t mark);

struct floods *floods_open(void)
{
    struct floods *floods = calloc(1, sizeof(*floods));
    if (!floods) {
        abort();
    }
    digest_random(floods->key, sizeof(floods->key));
    return floods;
}

void floods_close(struct floods *floods)
{
    free(floods);
}

bool floods_enter(struct floods *floods,
                  enum flood flood,
                  const struct address *address,
                  int64_t most)
{
    _Atomic int64_t *places = &cell_of(floods, address)->places[flood];
    if (atomic_fetch_add_explicit(places, 1, memory_order_relaxed) < most) {
        return true;
    }
    atomic_fetch_sub_explicit(places, 1, memory_order_relaxed);
    return false;
}

void floods_leave(struct floods *floods, enum flood flood, const struct address *address)
{
    _Atomic int64_t *places = &cell_of(floods, address)->places[flood];
    int64_t before = atomic_fetch_sub_explicit(places, 1, memory_order_relaxed);
    assert(before > 0);
}

bool floods_knows(struct floods *floods, const struct digest *token_hash)
{
    return find(set_of(floods, token_hash), mark_of(token_hash)) < WAYS;
}

/* To the front of its set, in the place of the one that was longest without use. Two loops
 * at once may lose a mark: its token needs a place once more. */
void floods_know(struct floods *floods, const struct digest *token_hash)
{
    _Atomic uint64_t *set = set_of(floods, token_hash);
    uint64_t mark = mark_of(token_hash);
    int at = find(set, mark);
    if (at == 0) {
        return;
    }
    for (int i = at < WAYS ? at : WAYS - 1; i > 0; i--) {
        uint64_t newer = atomic_load_explicit(&set[i - 1], memory_order_relaxed);
        atomic_store_explicit(&set[i], newer, memory_order_relaxed);
    }
    atomic_store_explicit(&set[0], mark, memory_order_relaxed);
}

void floods_forget(struct floods *floods, const struct digest *token_hash)
{
    _Atomic uint64_t *set = set_of(floods, token_hash);
    uint64_t mark = mark_of(token_hash);
    /* Two loops that move it to the front at once may have left it there twice. */
    for (int at = find(set, mark); at < WAYS; at = find(set, mark)) {
        atomic_store_explicit(&set[at], 0, memory_order_relaxed);
    }
}

static struct cell *cell_of(struct floods *floods, const struct address *address)
{
    static const unsigned char v4[12] = {[10] = 0xff, [11] = 0xff};
    bool is_v4 = memcmp(address->bytes, v4, sizeof(v4)) == 0;
    char keyed[KEY_BYTES + 1 + sizeof(address->bytes)] = {0};
    struct digest digest;
    memcpy(keyed, floods->key, KEY_BYTES);
    keyed[KEY_BYTES] = address->is_local ? 1 : 0;
    memcpy(keyed + KEY_BYTES + 1,
           address->bytes,
           is_v4 ? sizeof(address->bytes) : NETWORK_BYTES);
    digest_sha256((struct span){keyed, sizeof(keyed)}, &digest);
    return &floods->cells[part_of(&digest, 0) % FLOODS_CELLS];
}

static uint64_t part_of(const struct digest *digest, int number)
{
    uint64_t part = 0;
    memcpy(&part, digest->bytes + (size_t)number * sizeof(part), sizeof(part));
    return part;
}

/* A hash of ours is as good as random: one part tells the set, the next the token. */
static _Atomic uint64_t *set_of(struct floods *floods, const struct digest *token_hash)
{
    return floods->known[part_of(token_hash, 0) % SETS];
}

static uint64_t mark_of(const struct digest *token_hash)
{
    return part_of(token_hash, 1) | 1;
}

/* WAYS when it is not there. */
static int find(_Atomic uint64_t *set, uint64_t mark)
{
    int at = 0;
    while (at < WAYS && atomic_load_explicit(&set[at], memory_order_relaxed) != mark) {
        at++;
    }
    return at;
}
