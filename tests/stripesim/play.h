/* SPDX-License-Identifier: MIT
 *
 * play - drives many payments through what happens to payments, for tests and the demo.
 *
 * Owns:    the plays that run, from play_new to play_free
 * Callers: the control endpoint
 * Blocks:  never, a slice of payments a turn of the loop
 * Units:   minor units, milliseconds, payments a second
 */
#ifndef TESTS_STRIPESIM_PLAY_H
#define TESTS_STRIPESIM_PLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/json.h"
#include "common/base/text.h"

struct play;
struct sim;

enum { PLAY_MOST_SCRIPTS = 16 };

struct play_order {
    int64_t count;
    int64_t rate_per_s; /* 0: as fast as it goes */
    int64_t step_ms; /* between the steps of one payment */
    int64_t amount_least;
    int64_t amount_most;
    int64_t fee; /* application_fee_amount; 0: none */
    int64_t receipt_percent; /* how many have a buyer's address */
    const char *destination; /* account id or NULL; strings of the store, all three */
    const char *receipt_email; /* "{n}" becomes the payment's number */
    const char *metadata; /* JSON; likewise */
    int64_t weights[PLAY_MOST_SCRIPTS]; /* how often each script; all 0: a usual mix */
};

struct play *play_new(struct sim *sim);
void play_free(struct play *play);
void play_start(struct play *play, const struct play_order *order);
void play_stop(struct play *play); /* what has begun stays as it is */
bool play_is_idle(const struct play *play);
/* The script of that name, counted from 0; -1: there is none. */
int play_script(struct span name);
void play_write(const struct play *play, struct json_writer *json);

#endif
