/* SPDX-License-Identifier: MIT
 *
 * event_types - the types of Stripe's events that are handled, and which endpoint is to
 * be told of them.
 *
 * Owns:    nothing
 * Callers: ctl registers endpoints for them, the worker lists them; tests hold the worker's
 *          table against them
 * Blocks:  never
 *
 * Payments are the platform's, so the platform's endpoint hears of them. What happens to
 * an amicale's account is told on the Connect endpoint alone; payouts there are of both.
 */
#ifndef COMMON_MODEL_EVENT_TYPES_H
#define COMMON_MODEL_EVENT_TYPES_H

#include <stdbool.h>
#include <stddef.h>

/* The walks through GET /v1/events, which lists at most EVENT_WALK_TYPES types at once. */
enum event_walk { EVENT_WALK_MONEY, EVENT_WALK_ACCOUNTS };
enum { EVENT_WALK_COUNT = 2, EVENT_WALK_TYPES = 20 };

struct event_types_row {
    const char *type; /* "charge.succeeded" */
    bool platform;
    bool connect;
    enum event_walk walk; /* in which it is looked for */
};

extern const struct event_types_row event_types_handled[];
extern const size_t event_types_handled_count;

/* "money", "accounts": as event_cursors.walk has it. */
const char *event_walk_name(enum event_walk walk);

#endif
