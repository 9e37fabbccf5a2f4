/* SPDX-License-Identifier: MIT
 *
 * play_scripts - what may happen to a payment, step by step.
 *
 * Owns:    nothing
 * Callers: play.c, the control endpoint
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_PLAY_SCRIPTS_H
#define TESTS_STRIPESIM_PLAY_SCRIPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

struct payment_intent;
struct sim;

enum { PLAY_MOST_STEPS = 5, PLAY_SCRIPTS = 15 };

/* One thing that happens to a payment; what its state does not allow is left out. */
typedef void (*play_step_fn)(struct sim *sim, struct payment_intent *intent);

struct play_script {
    const char *name;
    int64_t usual_weight;
    bool is_manual; /* captured by hand */
    play_step_fn steps[PLAY_MOST_STEPS];
};

extern const struct play_script play_scripts[PLAY_SCRIPTS];

/* The script of that name, counted from 0; -1: there is none. */
int play_scripts_find(struct span name);

#endif
