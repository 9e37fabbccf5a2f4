/* SPDX-License-Identifier: MIT
 *
 * waiting - deliveries of events, and those whose time has not come.
 *
 * Owns:    the list's memory, which the caller frees; the deliveries are the caller's
 * Callers: webhooks.c
 * Blocks:  never
 * Units:   milliseconds of the monotonic clock
 */
#ifndef TESTS_STRIPESIM_WAITING_H
#define TESTS_STRIPESIM_WAITING_H

#include <stddef.h>
#include <stdint.h>

struct stripe_event;

/* One event on its way to one endpoint. */
struct delivery {
    struct stripe_event *event;
    size_t target; /* its number */
    int64_t attempts; /* made */
    int64_t due_ms; /* monotonic */
    struct delivery *next;
};

/* Deliveries whose time has not come, a binary heap by due_ms. */
struct waiting {
    struct delivery **at;
    size_t count;
    size_t room;
};

/* Both cost the logarithm of how many there are. */
void waiting_put(struct waiting *waiting, struct delivery *delivery);
/* The one that is due first; there must be one. */
struct delivery *waiting_take(struct waiting *waiting);

#endif
