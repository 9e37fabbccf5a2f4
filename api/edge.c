/* SPDX-License-Identifier: MIT
 * Proxies in front of us, and pages of other origins. */
#include "api/edge.h"

#include <stdbool.h>

#include "api/cors.h"
#include "api/door.h"
#include "api/http.h"
#include "api/loop.h"
#include "api/proxies.h"
#include "api/request.h"
#include "api/routes.h"

static bool is_for_pages(const struct request *request);

void edge_look(struct request *request)
{
    const struct door *door = request->loop->door;
    request->client = request->peer;
    if (proxies_trust(&door->proxies, &request->peer)) {
        proxies_read(&door->proxies,
                     request->http,
                     request->buffer,
                     &request->client,
                     &request->secure);
    }
    if (is_for_pages(request)) {
        request->cors_lines = cors_lines(&door->cors, request_header(request, "origin"));
    }
}

void edge_options(struct request *request, unsigned allowed)
{
    struct text headers;
    text_init(&headers, 1024);
    text_add_string(&headers, "Allow: ");
    routes_write_allowed(&headers, allowed | 1u << HTTP_OPTIONS);
    text_add_string(&headers, "\r\n");
    if (request->cors_lines.len > 0 &&
        request_header(request, "access-control-request-method").len > 0 &&
        cors_allows(&request->loop->door->cors, request_header(request, "origin"))) {
        cors_write_preflight(&headers, allowed);
    }
    request_answer(request, 204, NULL, (struct span){NULL, 0}, text_span(&headers));
    text_done(&headers);
}

struct span edge_hsts(const struct request *request)
{
    return request->secure ? span_of(request->loop->door->hsts) : (struct span){NULL, 0};
}

/* Everything under /api/ but what machines alone call: Stripe's webhooks, whose rows look
 * at the body themselves. A request that fits no row of its method may fit one of POST. */
static bool is_for_pages(const struct request *request)
{
    struct route_match match = {.route = request->route};
    if (!span_starts(request->path, "/api/")) {
        return false;
    }
    if (!match.route) {
        routes_match(routes, routes_count, HTTP_POST, request->path, &match);
    }
    return !match.route || match.route->body == ROUTE_BODY_JSON;
}
