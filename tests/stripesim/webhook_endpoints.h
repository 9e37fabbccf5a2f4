/* SPDX-License-Identifier: MIT
 *
 * webhook_endpoints - where events are to be sent, as registered through the API.
 *
 * Owns:    nothing; endpoints live in the store
 * Callers: the route table; webhooks.c asks what an endpoint wants
 * Blocks:  a host's name is resolved when an endpoint is registered
 *
 * Events go to registered endpoints beside those of the command line, where the url is
 * http://host:port/path; other urls are only remembered.
 */
#ifndef TESTS_STRIPESIM_WEBHOOK_ENDPOINTS_H
#define TESTS_STRIPESIM_WEBHOOK_ENDPOINTS_H

#include <stdbool.h>

#include "tests/stripesim/object.h"

struct call;
struct stripe_event;

struct webhook_endpoint {
    struct object object;
    const char *api_version;
    const char *application;
    const char *description;
    const char *enabled_events; /* "charge.succeeded charge.failed", or "*" */
    const char *metadata; /* JSON */
    const char *secret;
    const char *url;
    bool is_connect;
    bool is_disabled;
    bool shows_secret; /* in the answer that creates it alone */
};

/* Whether an event is to be sent there. */
bool webhook_endpoints_wants(const struct webhook_endpoint *endpoint,
                             const struct stripe_event *event);

void webhook_endpoints_create(struct call *call);
void webhook_endpoints_retrieve(struct call *call);
void webhook_endpoints_update(struct call *call);
void webhook_endpoints_list(struct call *call);
void webhook_endpoints_delete(struct call *call);

#endif
