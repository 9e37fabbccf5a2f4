/* SPDX-License-Identifier: MIT
 *
 * locations - Terminal locations, and the connection tokens that phones and readers ask
 * for.
 *
 * Owns:    nothing; both live in the store
 * Callers: the route table
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_LOCATIONS_H
#define TESTS_STRIPESIM_LOCATIONS_H

#include "tests/stripesim/object.h"

struct call;

struct location {
    struct object object;
    const char *city;
    const char *country;
    const char *line1;
    const char *line2;
    const char *postal_code;
    const char *state;
    const char *configuration_overrides;
    const char *display_name;
    const char *metadata; /* JSON */
};

/* Has no id at Stripe; here its secret is one, so that tokens can be counted. */
struct connection_token {
    struct object object;
    const char *location; /* NULL: good for every one */
};

void locations_create(struct call *call);
void locations_retrieve(struct call *call);
void locations_update(struct call *call);
void locations_list(struct call *call);
void locations_delete(struct call *call);
void locations_create_token(struct call *call);

#endif
