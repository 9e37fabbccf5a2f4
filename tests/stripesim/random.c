/* SPDX-License-Identifier: MIT
 * Choices that repeat under the same seed. */
#include "tests/stripesim/random.h"

#include <assert.h>

static uint64_t rotate(uint64_t value, int by);

/* splitmix64 spreads a small seed over the whole state. */
void random_seed(struct random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t mixed = seed;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
        random->state[i] = mixed ^ (mixed >> 31);
    }
}

uint64_t random_next(struct random *random)
{
    uint64_t *state = random->state;
    uint64_t result = rotate(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

int64_t random_between(struct random *random, int64_t least, int64_t most)
{
    assert(least <= most);
    return least + (int64_t)(random_next(random) % ((uint64_t)(most - least) + 1));
}

bool random_percent(struct random *random, int64_t percent)
{
    return percent > 0 && random_between(random, 1, 100) <= percent;
}

void random_letters(struct random *random, char *out, int count)
{
    static const char letters[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (int i = 0; i < count; i++) {
        out[i] = letters[random_next(random) % (sizeof(letters) - 1)];
    }
}

static uint64_t rotate(uint64_t value, int by)
{
    return (value << by) | (value >> (64 - by));
}
