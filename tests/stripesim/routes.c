/* SPDX-License-Identifier: MIT
 * Finding a route. What Stripe takes and the simulator does not model is taken, and not
 * looked at. */
#include "tests/stripesim/routes.h"

#include <string.h>

static const struct route *const tables[] = {
    routes_money,
    routes_connect,
    routes_terminal,
};

const struct route *routes_find(const char *method, struct span path, struct span *out_id)
{
    for (size_t i = 0; i < FIELD_COUNT(tables); i++) {
        for (const struct route *route = tables[i]; route->method; route++) {
            if (strcmp(route->method, method) == 0 &&
                routes_fits(route->path, path, out_id)) {
                return route;
            }
        }
    }
    return NULL;
}

bool routes_fits(const char *pattern, struct span path, struct span *out_id)
{
    struct span wanted = span_of(pattern);
    while (wanted.len > 0 && path.len > 0) {
        struct span piece = span_cut(path, '/', &path);
        struct span word = span_cut(wanted, '/', &wanted);
        if (span_is(word, "{id}") && piece.len > 0) {
            *out_id = piece;
        } else if (!span_equal(word, piece)) {
            return false;
        }
    }
    return wanted.len == 0 && path.len == 0;
}
