/* SPDX-License-Identifier: MIT
 * HTTP in. A call's way: read, admit, reserve its key, plan its faults, carry out,
 * finish. */
#include "tests/stripesim/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "tests/stripesim/account_links.h"
#include "tests/stripesim/admit.h"
#include "tests/stripesim/call.h"
#include "tests/stripesim/control.h"
#include "tests/stripesim/pretty.h"
#include "tests/stripesim/routes.h"
#include "tests/stripesim/sim.h"

struct server {
    struct evhttp *http;
    uint16_t port;
};

enum { MOST_KEY_BYTES = 255 };
enum { DIGEST_CEILING_BYTES = 4 * 1024 * 1024 };
enum { MOST_HEADER_BYTES = 64 * 1024, MOST_BODY_BYTES = 1024 * 1024, IDLE_S = 600 };

static void on_request(struct evhttp_request *http, void *context);
static struct call *read_call(struct sim *sim, struct evhttp_request *http);
static bool reserve_key(struct call *call, bool *out_replays);
static void digest_call(struct call *call, struct digest *out_digest);
static int compare_entries(const void *a, const void *b);
static void hold(struct call *call, int64_t ms, event_callback_fn then);
static void let_go(struct call *call);
static void on_held_before(evutil_socket_t descriptor, short what, void *context);
static void carry_out(struct call *call);
static void on_held_after(evutil_socket_t descriptor, short what, void *context);
static void finish(struct call *call);
static void reply(struct call *call, struct span body);
static void end_call(struct call *call);

enum outcome server_open(struct sim *sim,
                         const char *address,
                         uint16_t port,
                         struct server **out_server,
                         struct fault *fault)
{
    struct server *server = calloc(1, sizeof(*server));
    if (!server) {
        abort();
    }
    server->http = evhttp_new(sim->base);
    evhttp_set_allowed_methods(server->http,
                               EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE);
    evhttp_set_max_headers_size(server->http, MOST_HEADER_BYTES);
    evhttp_set_max_body_size(server->http, MOST_BODY_BYTES);
    evhttp_set_timeout(server->http, IDLE_S);
    evhttp_set_gencb(server->http, on_request, sim);
    struct evhttp_bound_socket *bound =
        evhttp_bind_socket_with_handle(server->http, address, port);
    if (!bound) {
        server_close(server);
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "server",
                         1,
                         "cannot listen on %s port %u",
                         address,
                         port);
    }
    struct sockaddr_in name = {0};
    socklen_t len = sizeof(name);
    if (getsockname(evhttp_bound_socket_get_fd(bound),
                    (struct sockaddr *)(void *)&name,
                    &len) != 0) {
        abort();
    }
    server->port = ntohs(name.sin_port);
    *out_server = server;
    return OUTCOME_DONE;
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

void server_close(struct server *server)
{
    if (server) {
        evhttp_free(server->http);
        free(server);
    }
}

void server_drop_held(struct sim *sim)
{
    while (sim->held) {
        struct call *call = sim->held;
        server_drop(call->http);
        end_call(call);
    }
}

const char *server_method(struct evhttp_request *http)
{
    enum evhttp_cmd_type command = evhttp_request_get_command(http);
    return command == EVHTTP_REQ_POST     ? "POST"
           : command == EVHTTP_REQ_DELETE ? "DELETE"
                                          : "GET";
}

/* libevent notices a client that left only when it answers, so the connection of a
 * request that is not answered yet is still there. */
void server_drop(struct evhttp_request *http)
{
    evhttp_connection_free(evhttp_request_get_connection(http));
}

static void on_request(struct evhttp_request *http, void *context)
{
    struct sim *sim = context;
    if (control_takes(http)) {
        control_handle(sim, http);
        return;
    }
    if (account_links_takes(http)) {
        account_links_handle(sim, http);
        return;
    }
    bool replays = false;
    struct call *call = read_call(sim, http);
    if (!admit_call(call) || !reserve_key(call, &replays)) {
        finish(call);
        return;
    }
    faults_plan(&sim->faults,
                &sim->choices,
                call->method,
                call->route->path,
                replays,
                &call->plan);
    if (call->plan.before_ms > 0) {
        hold(call, call->plan.before_ms, on_held_before);
    } else {
        carry_out(call);
    }
}

static struct call *read_call(struct sim *sim, struct evhttp_request *http)
{
    struct call *call = call_new(sim);
    call->http = http;
    call->request_id = store_id(&sim->store, "req_");
    call->method = server_method(http);
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(http));
    call->path = arena_span(&call->arena, span_of(path ? path : "/"));
    call->idempotency_key = admit_header(call, "Idempotency-Key");
    call->version = admit_header(call, "Stripe-Version");
    return call;
}

/* False when the answer is known without carrying the call out, or it is refused. */
static bool reserve_key(struct call *call, bool *out_replays)
{
    if (call->idempotency_key.len == 0 || strcmp(call->method, "POST") != 0) {
        return true;
    }
    if (call->idempotency_key.len > MOST_KEY_BYTES) {
        call_refuse(call,
                    &(struct refusal){.status = 400, .type = "idempotency_error"},
                    "The idempotency key cannot be longer than %d characters.",
                    MOST_KEY_BYTES);
        return false;
    }
    struct digest asked;
    struct idempotency_record *record;
    digest_call(call, &asked);
    switch (idempotency_begin(&call->sim->idempotency,
                              call->account,
                              call->idempotency_key,
                              call->path,
                              &asked,
                              &record)) {
    case IDEMPOTENCY_NEW:
        call->record = record;
        return true;
    case IDEMPOTENCY_REPLAY:
        call->status = record->status;
        call->replayed_from = record->request_id;
        text_add(&call->body, text_span(&record->body));
        *out_replays = true;
        return true;
    case IDEMPOTENCY_MISMATCH:
        if (!span_is(call->path, record->path)) {
            call_refuse(
                call,
                &(struct refusal){.status = 400, .type = "idempotency_error"},
                "Keys for idempotent requests can only be used for the same endpoint "
                "they were first used for ('%.*s' vs '%s'). Try using a key other than "
                "'%.*s' if you meant to execute a different request.",
                SPAN_ARGS(call->path),
                record->path,
                SPAN_ARGS(call->idempotency_key));
            return false;
        }
        call_refuse(call,
                    &(struct refusal){.status = 400, .type = "idempotency_error"},
                    "Keys for idempotent requests can only be used with the same "
                    "parameters they were first used with. Try using a key other than "
                    "'%.*s' if you meant to execute a different request.",
                    SPAN_ARGS(call->idempotency_key));
        return false;
    case IDEMPOTENCY_BUSY:
        call_refuse(
            call,
            &(struct refusal){.status = 409,
                              .type = "idempotency_error",
                              .code = "idempotency_key_in_use"},
            "There is currently another in-progress request using this Idempotent "
            "Key (that probably means you submitted twice, and the other request "
            "is still going through): %.*s. Please try again later.",
            SPAN_ARGS(call->idempotency_key));
        return false;
    }
    abort();
}

/* The same parameters in another order are the same call. */
static void digest_call(struct call *call, struct digest *out_digest)
{
    struct form_entry *entries =
        ARENA_ARRAY(&call->arena, struct form_entry, call->form.count + 1);
    struct text text;
    text_init(&text, DIGEST_CEILING_BYTES);
    text_addf(&text, "%s %.*s", call->method, SPAN_ARGS(call->path));
    if (call->form.count > 0) {
        memcpy(entries, call->form.entries, call->form.count * sizeof(*entries));
        qsort(entries, call->form.count, sizeof(*entries), compare_entries);
    }
    for (size_t i = 0; i < call->form.count; i++) {
        text_addf(&text,
                  "\n%zu %.*s=%.*s",
                  entries[i].name.len,
                  SPAN_ARGS(entries[i].name),
                  SPAN_ARGS(entries[i].value));
    }
    digest_sha256(text_span(&text), out_digest);
    text_done(&text);
}

static int compare_entries(const void *a, const void *b)
{
    const struct form_entry *left = a;
    const struct form_entry *right = b;
    size_t shorter = left->name.len < right->name.len ? left->name.len : right->name.len;
    int order = memcmp(left->name.at, right->name.at, shorter);
    if (order == 0 && left->name.len != right->name.len) {
        order = left->name.len < right->name.len ? -1 : 1;
    }
    /* Elements of one list keep their order. */
    return order
               ? order
               : (left->value.at > right->value.at) - (left->value.at < right->value.at);
}

static void hold(struct call *call, int64_t ms, event_callback_fn then)
{
    call->next = call->sim->held;
    call->link = &call->sim->held;
    if (call->next) {
        call->next->link = &call->next;
    }
    call->sim->held = call;
    call->timer = evtimer_new(call->sim->base, then, call);
    event_add(call->timer, &(struct timeval){ms / 1000, (ms % 1000) * 1000});
}

static void let_go(struct call *call)
{
    *call->link = call->next;
    if (call->next) {
        call->next->link = call->link;
    }
    call->link = NULL;
    event_free(call->timer);
    call->timer = NULL;
}

static void on_held_before(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    let_go(context);
    carry_out(context);
}

static void carry_out(struct call *call)
{
    struct sim *sim = call->sim;
    const struct fault_action *action = call->plan.action;
    if (!call->replayed_from && (!action || action->executes) &&
        params_check(call, call->route->params) && admit_expansion(call)) {
        call->executed = true;
        sim->store.cause.request_id = call->request_id;
        sim->store.cause.idempotency_key = store_copy(&sim->store, call->idempotency_key);
        call->route->handle(call);
        sim->store.cause = (struct cause){0};
    }
    if (action && action->status) {
        call->replayed_from = NULL;
        call_refuse(call,
                    &(struct refusal){.status = action->status,
                                      .type = action->type,
                                      .code = action->code},
                    "%s",
                    action->message);
    }
    if (call->plan.after_ms > 0) {
        hold(call, call->plan.after_ms, on_held_after);
    } else {
        finish(call);
    }
}

static void on_held_after(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    let_go(context);
    finish(context);
}

/* The key is in flight until now: who asks again while the call is held gets 409. */
static void finish(struct call *call)
{
    const struct fault_action *action = call->plan.action;
    struct text pretty;
    text_init(&pretty, 4 * (size_t)CALL_BODY_BYTES);
    if (call->replayed_from) {
        text_add(&pretty, text_span(&call->body));
    } else {
        pretty_add(&pretty, text_span(&call->body));
        text_add_char(&pretty, '\n');
    }
    if (call->record && (call->executed || (action && action->is_kept))) {
        idempotency_keep(call->record,
                         call->status,
                         text_span(&pretty),
                         call->request_id);
        call->record = NULL;
    }
    if (action && action->drops) {
        server_drop(call->http);
    } else {
        reply(call, text_span(&pretty));
    }
    text_done(&pretty);
    end_call(call);
}

static void reply(struct call *call, struct span body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(call->http);
    call->sim->calls++;
    evhttp_add_header(headers, "Content-Type", "application/json");
    evhttp_add_header(headers, "Server", "nginx");
    evhttp_add_header(headers, "Request-Id", call->request_id);
    evhttp_add_header(headers, "Stripe-Version", arena_copy(&call->arena, call->version));
    if (call->status == 401) {
        evhttp_add_header(headers, "WWW-Authenticate", "Basic realm=\"Stripe\"");
    }
    if (call->account) {
        evhttp_add_header(headers, "Stripe-Account", call->account);
    }
    if (call->idempotency_key.len > 0 && strcmp(call->method, "POST") == 0) {
        evhttp_add_header(headers,
                          "Idempotency-Key",
                          arena_copy(&call->arena, call->idempotency_key));
        evhttp_add_header(headers,
                          "Original-Request",
                          call->replayed_from ? call->replayed_from : call->request_id);
    }
    if (call->replayed_from) {
        evhttp_add_header(headers, "Idempotent-Replayed", "true");
    }
    if (call->plan.retry_after_s > 0) {
        evhttp_add_header(
            headers,
            "Retry-After",
            arena_format(&call->arena, "%lld", (long long)call->plan.retry_after_s));
    }
    if (call->plan.should_retry) {
        evhttp_add_header(headers, "Stripe-Should-Retry", call->plan.should_retry);
    }
    struct evbuffer *buffer = evbuffer_new();
    evbuffer_add(buffer, body.at, body.len);
    evhttp_send_reply(call->http, call->status, NULL, buffer);
    evbuffer_free(buffer);
}

/* A record that nothing was kept in gives its key back. */
static void end_call(struct call *call)
{
    if (call->link) {
        let_go(call);
    }
    if (call->record) {
        idempotency_forget(&call->sim->idempotency, call->record);
    }
    call_free(call);
}
