/* SPDX-License-Identifier: MIT
 * From a whole request to its handler. */
#include "api/dispatch.h"

#include "api/accept.h"
#include "api/door.h"
#include "api/edge.h"
#include "api/http.h"
#include "api/loop.h"
#include "api/networks.h"
#include "api/problem.h"
#include "api/request.h"
#include "api/routes.h"
#include "api/session.h"

static bool is_let_in(const struct request *request);
static void enter_as(struct request *request);
static void enter(struct request *request);
static bool is_json(struct span type);
static void answer_unmatched(struct request *request, unsigned allowed);

size_t dispatch_body_most(const struct http_request *http,
                          const char *buffer,
                          size_t most)
{
    struct route_match match;
    routes_match(routes,
                 routes_count,
                 http->method,
                 http_span(buffer, http->path),
                 &match);
    return match.route && match.route->body_most > 0 ? match.route->body_most : most;
}

void dispatch(struct request *request,
              const struct http_request *http,
              const char *buffer)
{
    struct route_match match;
    request->http = http;
    request->buffer = buffer;
    request->method = http->method;
    request->path = http_span(buffer, http->path);
    request->query = http_span(buffer, http->query);
    request->body = http_body(http, buffer);
    request->english = accept_prefers_english(request_header(request, "accept-language"));
    routes_match(routes, routes_count, request->method, request->path, &match);
    request->route = match.route;
    for (size_t i = 0; i < ROUTE_PARAMS; i++) {
        request->params[i] = match.params[i];
    }
    edge_look(request);
    if (!match.route) {
        answer_unmatched(request, match.allowed);
    } else if (!is_let_in(request)) {
        request_problem(request, PROBLEM_FORBIDDEN);
    } else if (match.route->auth == ROUTE_PEOPLE) {
        session_find(request, enter_as);
    } else {
        enter(request);
    }
}

static bool is_let_in(const struct request *request)
{
    switch (request->route->auth) {
    case ROUTE_ANYONE:
        return true;
    case ROUTE_OBSERVERS: /* a proxy beside us must not let the world in */
        return networks_have(&request->loop->door->observers, &request->peer) &&
               networks_have(&request->loop->door->observers, &request->client);
    case ROUTE_PEOPLE:
        return true; /* once their session is found */
    }
    return false;
}

static void enter_as(struct request *request)
{
    if (!(request->route->roles & (unsigned)request->session->role)) {
        request_problem(request, PROBLEM_ROLE_NOT_ALLOWED);
        return;
    }
    enter(request);
}

static void enter(struct request *request)
{
    if (request->route->body == ROUTE_BODY_JSON && request->body.len > 0 &&
        !is_json(request_header(request, "content-type"))) {
        request_problem(request, PROBLEM_UNSUPPORTED_TYPE);
    } else {
        request->route->handle(request);
    }
}

/* application/json, with or without parameters. */
static bool is_json(struct span type)
{
    struct span parameters;
    return span_is_any_case(span_trim(span_cut(type, ';', &parameters)),
                            "application/json");
}

static void answer_unmatched(struct request *request, unsigned allowed)
{
    if (request->method == HTTP_OTHER) {
        request_problem(request, PROBLEM_NOT_IMPLEMENTED);
        return;
    }
    if (allowed == 0) {
        request_problem(request, PROBLEM_NOT_FOUND);
        return;
    }
    if (request->method == HTTP_OPTIONS) {
        edge_options(request, allowed);
        return;
    }
    struct text headers;
    text_init(&headers, 256);
    text_add_string(&headers, "Allow: ");
    routes_write_allowed(&headers, allowed);
    text_add_string(&headers, "\r\n");
    request_problem_with(request,
                         PROBLEM_METHOD_NOT_ALLOWED,
                         NULL,
                         0,
                         (struct span){NULL, 0},
                         text_span(&headers));
    text_done(&headers);
}
