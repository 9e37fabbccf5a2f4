/* SPDX-License-Identifier: MIT
 *
 * play - drives many payments through what happens to payments, for tests and the demo.
 *
 * Owns:    the plays that run, from play_new to play_free
 * Callers: the control endpoint
 * Blocks:  never, a slice of payments a turn of the loop
 * Units:   minor units, milliseconds, payments a second
 *
 * What an order leaves to chance (scripts, amounts, destinations, fees, addresses) repeats
 * under the same seed, however fast the machine is and whatever else goes on.
 */
#ifndef TESTS_STRIPESIM_PLAY_H
#define TESTS_STRIPESIM_PLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/json.h"
#include "tests/stripesim/play_scripts.h"

struct play;
struct sim;

/* Who is paid. */
struct play_destination {
    const char *account; /* NULL: the platform */
    const char *metadata; /* JSON; "{n}" becomes the payment's number */
    int64_t weight; /* how often, among the order's destinations */
};

struct play_order {
    int64_t count;
    int64_t rate_per_s; /* 0: as fast as it goes */
    int64_t step_ms; /* between the steps of one payment */
    int64_t amount_least;
    int64_t amount_most;
    int64_t fee; /* application_fee_amount; 0: none */
    int64_t fee_percent; /* how many bear it */
    int64_t receipt_percent; /* how many have a buyer's address */
    const char *receipt_email; /* "{n}" likewise; strings of the store */
    const struct play_destination *destinations; /* of the store's arena */
    size_t destination_count; /* at least one */
    int64_t weights[PLAY_SCRIPTS]; /* how often each script; all 0: a usual mix */
};

struct play *play_new(struct sim *sim);
void play_free(struct play *play);
void play_start(struct play *play, const struct play_order *order);
void play_stop(struct play *play); /* what has begun stays as it is */
bool play_is_idle(const struct play *play);
void play_write(const struct play *play, struct json_writer *json);

#endif
