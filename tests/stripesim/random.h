/* SPDX-License-Identifier: MIT
 *
 * random - choices that repeat under the same seed (xoshiro256**, public domain
 * algorithm).
 *
 * Owns:    nothing
 * Callers: the simulator
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_RANDOM_H
#define TESTS_STRIPESIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* From least to most, both included. */
int64_t random_between(struct random *random, int64_t least, int64_t most);
/* True `percent` times out of a hundred; 0 takes nothing from the sequence. */
bool random_percent(struct random *random, int64_t percent);
/* Letters and digits as in Stripe's ids; `count` of them, no NUL. */
void random_letters(struct random *random, char *out, int count);

#endif
