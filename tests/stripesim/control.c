/* SPDX-License-Identifier: MIT
 * The control endpoint: finds the verb, and lets a caller wait until all is quiet. */
#include "tests/stripesim/control.h"

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "tests/stripesim/play.h"
#include "tests/stripesim/routes.h"
#include "tests/stripesim/server.h"
#include "tests/stripesim/sim.h"
#include "tests/stripesim/verbs.h"

#define PREFIX "/_control/"

enum { ANSWER_CEILING = 512 * 1024 * 1024, ARENA_CEILING = 4 * 1024 * 1024 };
enum { WAIT_TICK_US = 5000, MOST_WAIT_MS = 600000 };

/* A caller that wants to know when nothing is left to do. */
struct waiter {
    struct sim *sim;
    struct evhttp_request *http;
    struct event *timer;
    int64_t until_ms;
    struct waiter *next;
};

static bool is_from_here(struct evhttp_request *http);
static const struct verb *find(struct evhttp_request *http,
                               struct span path,
                               struct span *out_id,
                               bool *out_known);
static void carry_out(struct sim *sim,
                      struct evhttp_request *http,
                      const struct verb *verb,
                      struct span id);
static void wait_idle(struct sim *sim, struct evhttp_request *http);
static void on_wait(evutil_socket_t descriptor, short what, void *context);
static void free_waiter(struct waiter *waiter);
static void answer_idle(struct sim *sim, struct evhttp_request *http, bool is_idle);
static void refuse(struct evhttp_request *http, int status, const char *why);
static void answer(struct evhttp_request *http, int status, struct span body);

bool control_takes(struct evhttp_request *http)
{
    return strncmp(evhttp_request_get_uri(http), PREFIX, sizeof(PREFIX) - 1) == 0;
}

void control_handle(struct sim *sim, struct evhttp_request *http)
{
    const char *whole = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(http));
    struct span path = span_of(whole + sizeof(PREFIX) - 1);
    struct span id = {NULL, 0};
    bool is_known = false;
    if (!is_from_here(http)) {
        refuse(http, 403, "only for callers on this machine");
        return;
    }
    if (span_is(path, "idle")) {
        wait_idle(sim, http);
        return;
    }
    const struct verb *verb = find(http, path, &id, &is_known);
    if (!verb) {
        refuse(http, is_known ? 405 : 404, "there is no such verb");
        return;
    }
    carry_out(sim, http, verb, id);
}

void control_close(struct sim *sim)
{
    while (sim->waiters) {
        struct waiter *waiter = sim->waiters;
        sim->waiters = waiter->next;
        server_drop(waiter->http);
        free_waiter(waiter);
    }
}

/* Whoever can reach the port could otherwise move money in a test of somebody else. */
static bool is_from_here(struct evhttp_request *http)
{
    char *address = NULL;
    ev_uint16_t port = 0;
    evhttp_connection_get_peer(evhttp_request_get_connection(http), &address, &port);
    return address && strncmp(address, "127.", 4) == 0;
}

static const struct verb *find(struct evhttp_request *http,
                               struct span path,
                               struct span *out_id,
                               bool *out_known)
{
    const char *method = server_method(http);
    for (const struct verb *verb = verbs_table; verb->method; verb++) {
        if (routes_fits(verb->path, path, out_id)) {
            *out_known = true;
            if (strcmp(verb->method, method) == 0) {
                return verb;
            }
        }
    }
    return NULL;
}

static void carry_out(struct sim *sim,
                      struct evhttp_request *http,
                      const struct verb *verb,
                      struct span id)
{
    struct fault fault;
    struct arena arena;
    struct form query = {0};
    struct cJSON *body = NULL;
    struct text text;
    arena_init(&arena, ARENA_CEILING);
    text_init(&text, ANSWER_CEILING);
    struct json_writer json = json_writer(&text);
    struct evbuffer *buffer = evhttp_request_get_input_buffer(http);
    size_t len = evbuffer_get_length(buffer);
    struct span sent = {len ? (const char *)evbuffer_pullup(buffer, -1) : "", len};
    const char *asked = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(http));
    if (form_decode(&query, span_of(asked), &arena, &fault) != OUTCOME_DONE ||
        (len > 0 && json_parse(sent, &body, &fault) != OUTCOME_DONE)) {
        refuse(http, 400, fault.text);
        goto out;
    }
    struct order order = {.sim = sim,
                          .id = id,
                          .body = body,
                          .query = &query,
                          .answer = &json};
    json_open(&json, NULL, '{');
    verb->carry_out(&order);
    json_close(&json, '}');
    if (order.refused) {
        refuse(http, 422, order.refused);
    } else {
        answer(http, 200, text_span(&text));
    }
out:
    json_free(body);
    text_done(&text);
    arena_done(&arena);
}

/* GET idle?wait_ms=N: answers as soon as no play runs and no delivery is outstanding, or
 * when the time is up. */
static void wait_idle(struct sim *sim, struct evhttp_request *http)
{
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(http));
    struct span rest;
    struct span name = span_cut(span_of(query), '=', &rest);
    int64_t wait_ms = 0;
    if (span_is(name, "wait_ms") &&
        (!span_to_i64(rest, &wait_ms) || wait_ms < 0 || wait_ms > MOST_WAIT_MS)) {
        refuse(http, 400, "wait_ms is no number from 0 to 600000");
        return;
    }
    struct waiter *waiter = calloc(1, sizeof(*waiter));
    if (!waiter) {
        abort();
    }
    waiter->sim = sim;
    waiter->http = http;
    waiter->until_ms = clock_mono_ms(sim->clock) + wait_ms;
    waiter->next = sim->waiters;
    sim->waiters = waiter;
    waiter->timer = evtimer_new(sim->base, on_wait, waiter);
    event_active(waiter->timer, 0, 0);
}

static void on_wait(evutil_socket_t descriptor, short what, void *context)
{
    struct waiter *waiter = context;
    (void)descriptor;
    (void)what;
    bool is_idle =
        play_is_idle(waiter->sim->play) && webhooks_is_idle(waiter->sim->webhooks);
    if (!is_idle && clock_mono_ms(waiter->sim->clock) < waiter->until_ms) {
        event_add(waiter->timer, &(struct timeval){0, WAIT_TICK_US});
        return;
    }
    answer_idle(waiter->sim, waiter->http, is_idle);
    struct waiter **link = &waiter->sim->waiters;
    while (*link != waiter) {
        link = &(*link)->next;
    }
    *link = waiter->next;
    free_waiter(waiter);
}

static void free_waiter(struct waiter *waiter)
{
    event_free(waiter->timer);
    free(waiter);
}

static void answer_idle(struct sim *sim, struct evhttp_request *http, bool is_idle)
{
    struct text text;
    text_init(&text, 4096);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_bool(&json, "idle", is_idle);
    webhooks_write_counts(sim->webhooks, &json);
    play_write(sim->play, &json);
    json_close(&json, '}');
    answer(http, 200, text_span(&text));
    text_done(&text);
}

static void refuse(struct evhttp_request *http, int status, const char *why)
{
    struct text text;
    text_init(&text, 4096);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_string(&json, "error", span_of(why));
    json_close(&json, '}');
    answer(http, status, text_span(&text));
    text_done(&text);
}

static void answer(struct evhttp_request *http, int status, struct span body)
{
    struct evbuffer *buffer = evbuffer_new();
    evbuffer_add(buffer, body.at, body.len);
    evhttp_add_header(evhttp_request_get_output_headers(http),
                      "Content-Type",
                      "application/json");
    evhttp_send_reply(http, status, NULL, buffer);
    evbuffer_free(buffer);
}
