/* SPDX-License-Identifier: MIT
 * Carries signed events to one endpoint, by libevent's HTTP client. */
#include "tests/stripesim/courier.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "tests/stripesim/events.h"
#include "tests/stripesim/pretty.h"

enum { MOST_BODY_BYTES = 1024 * 1024, SIGNATURE_BYTES = 64 + DIGEST_HEX_BYTES };

/* One connection, and what it is carrying. */
struct carrier {
    struct courier *courier;
    struct evhttp_connection *connection;
    courier_sent_fn sent; /* NULL: it is idle */
    void *context;
    struct carrier *next_idle;
    struct carrier *next; /* of all */
};

struct courier {
    struct event_base *base;
    char *host;
    char *host_header;
    char *path;
    char *secret;
    uint16_t port;
    struct carrier *all;
    struct carrier *idle;
    struct text compact;
    struct text body;
};

static bool read_url(struct courier *courier, const char *url);
static char *own(const char *format, ...) PRINTF_LIKE(1, 2);
static struct carrier *carrier_of(struct courier *courier);
static void fill_body(struct courier *courier, const struct stripe_event *event);
static void add_headers(struct courier *courier,
                        struct evkeyvalq *headers,
                        enum courier_seal seal);
static void sign(struct courier *courier,
                 enum courier_seal seal,
                 char out[SIGNATURE_BYTES]);
static void on_answer(struct evhttp_request *request, void *context);

enum outcome courier_new(struct event_base *base,
                         const struct webhooks_endpoint *endpoint,
                         struct courier **out_courier,
                         struct fault *fault)
{
    struct courier *courier = calloc(1, sizeof(*courier));
    if (!courier) {
        abort();
    }
    courier->base = base;
    courier->secret = own("%s", endpoint->secret);
    text_init(&courier->compact, MOST_BODY_BYTES);
    text_init(&courier->body, MOST_BODY_BYTES);
    if (!read_url(courier, endpoint->url)) {
        courier_free(courier);
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "courier",
                         1,
                         "not http://host:port/path: %s",
                         endpoint->url);
    }
    *out_courier = courier;
    return OUTCOME_DONE;
}

void courier_free(struct courier *courier)
{
    if (!courier) {
        return;
    }
    struct carrier *carrier = courier->all;
    while (carrier) {
        struct carrier *next = carrier->next;
        evhttp_connection_free(carrier->connection);
        if (carrier->sent) {
            carrier->sent(carrier->context, 0);
        }
        free(carrier);
        carrier = next;
    }
    text_done(&courier->compact);
    text_done(&courier->body);
    free(courier->host);
    free(courier->host_header);
    free(courier->path);
    explicit_bzero(courier->secret, strlen(courier->secret));
    free(courier->secret);
    free(courier);
}

void courier_send(struct courier *courier,
                  const struct stripe_event *event,
                  enum courier_seal seal,
                  int64_t timeout_ms,
                  courier_sent_fn sent,
                  void *context)
{
    struct carrier *carrier = carrier_of(courier);
    carrier->sent = sent;
    carrier->context = context;
    struct evhttp_request *request = evhttp_request_new(on_answer, carrier);
    if (!request) {
        abort();
    }
    fill_body(courier, event);
    evbuffer_add(evhttp_request_get_output_buffer(request),
                 courier->body.at,
                 courier->body.len);
    add_headers(courier, evhttp_request_get_output_headers(request), seal);
    evhttp_connection_set_timeout_tv(
        carrier->connection,
        &(struct timeval){timeout_ms / 1000, (timeout_ms % 1000) * 1000});
    /* A connection that cannot be opened ends in on_answer too; only memory that is
     * refused makes this fail. */
    if (evhttp_make_request(carrier->connection,
                            request,
                            EVHTTP_REQ_POST,
                            courier->path) != 0) {
        abort();
    }
}

static bool read_url(struct courier *courier, const char *url)
{
    struct evhttp_uri *uri = evhttp_uri_parse(url);
    const char *scheme = uri ? evhttp_uri_get_scheme(uri) : NULL;
    const char *host = uri ? evhttp_uri_get_host(uri) : NULL;
    bool good = scheme && strcmp(scheme, "http") == 0 && host && host[0];
    if (good) {
        int port = evhttp_uri_get_port(uri);
        const char *path = evhttp_uri_get_path(uri);
        courier->port = (uint16_t)(port > 0 ? port : 80);
        courier->host = own("%s", host);
        courier->host_header = own("%s:%d", host, courier->port);
        courier->path = own("%s", path && path[0] ? path : "/");
    }
    if (uri) {
        evhttp_uri_free(uri);
    }
    return good;
}

static char *own(const char *format, ...)
{
    char *copy = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&copy, format, args) < 0) {
        abort();
    }
    va_end(args);
    return copy;
}

/* An idle connection, else one more: how many there are is webhooks.c's to bound. */
static struct carrier *carrier_of(struct courier *courier)
{
    struct carrier *carrier = courier->idle;
    if (carrier) {
        courier->idle = carrier->next_idle;
        return carrier;
    }
    carrier = calloc(1, sizeof(*carrier));
    if (!carrier) {
        abort();
    }
    carrier->courier = courier;
    carrier->connection =
        evhttp_connection_base_new(courier->base, NULL, courier->host, courier->port);
    if (!carrier->connection) {
        abort();
    }
    evhttp_connection_set_max_body_size(carrier->connection, MOST_BODY_BYTES);
    carrier->next = courier->all;
    courier->all = carrier;
    return carrier;
}

/* As at Stripe, pending_webhooks is what it is at the time of sending: a duplicate that
 * follows an accepted delivery differs from it in that. */
static void fill_body(struct courier *courier, const struct stripe_event *event)
{
    text_clear(&courier->compact);
    text_clear(&courier->body);
    struct json_writer json = json_writer(&courier->compact);
    object_write(&event->object, &json, NULL, NULL);
    pretty_add(&courier->body, text_span(&courier->compact));
    assert(!courier->compact.full && !courier->body.full);
}

static void add_headers(struct courier *courier,
                        struct evkeyvalq *headers,
                        enum courier_seal seal)
{
    evhttp_add_header(headers, "Host", courier->host_header);
    evhttp_add_header(headers, "Content-Type", "application/json; charset=utf-8");
    evhttp_add_header(headers, "Cache-Control", "no-cache");
    evhttp_add_header(headers, "Accept", "*/*; q=0.5, application/xml");
    evhttp_add_header(headers,
                      "User-Agent",
                      "Stripe/1.0 (+https://stripe.com/docs/webhooks)");
    if (seal != COURIER_UNSIGNED) {
        char signature[SIGNATURE_BYTES];
        sign(courier, seal, signature);
        evhttp_add_header(headers, "Stripe-Signature", signature);
    }
}

static void sign(struct courier *courier,
                 enum courier_seal seal,
                 char out[SIGNATURE_BYTES])
{
    struct digest digest;
    char hex[DIGEST_HEX_BYTES];
    char stamp[32];
    long long now_s = (long long)(clock_wall_ms(&clock_system) / 1000);
    int len = snprintf(stamp, sizeof(stamp), "%lld.", now_s);
    struct span parts[] = {{stamp, (size_t)len}, text_span(&courier->body)};
    struct span key = seal == COURIER_FORGED ? SPAN("whsec_of_somebody_else")
                                             : span_of(courier->secret);
    digest_hmac(key, parts, 2, &digest);
    digest_hex(&digest, hex);
    snprintf(out, SIGNATURE_BYTES, "t=%lld,v1=%s", now_s, hex);
}

static void on_answer(struct evhttp_request *request, void *context)
{
    struct carrier *carrier = context;
    courier_sent_fn sent = carrier->sent;
    carrier->sent = NULL;
    carrier->next_idle = carrier->courier->idle;
    carrier->courier->idle = carrier;
    sent(carrier->context, request ? evhttp_request_get_response_code(request) : 0);
}
