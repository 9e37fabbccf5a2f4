/* SPDX-License-Identifier: MIT
 *
 * routes - the API's routes, each with its parameters and its handler.
 *
 * Owns:    nothing
 * Callers: server.c
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_ROUTES_H
#define TESTS_STRIPESIM_ROUTES_H

#include <stdbool.h>

#include "common/base/text.h"
#include "tests/stripesim/object.h"
#include "tests/stripesim/params.h"

struct call;

struct route {
    const char *method;
    const char *path; /* "/v1/charges/{id}" */
    enum kind answers; /* the kind of object, or of a list's: what can be expanded */
    const struct param *params; /* ends with an empty row */
    void (*handle)(struct call *call);
};

/* Each ends with a row without method. */
extern const struct route routes_money[], routes_connect[], routes_terminal[];

/* NULL: there is none. *out_id is what stood for {id}. */
const struct route *routes_find(const char *method,
                                struct span path,
                                struct span *out_id);
/* Whether a path fits "/v1/charges/{id}"; *out_id is written when something stood for it.
 */
bool routes_fits(const char *pattern, struct span path, struct span *out_id);

#endif
