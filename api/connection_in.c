/* SPDX-License-Identifier: MIT
 * Bytes in: read, made into requests, handed over. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "api/accept.h"
#include "api/connection_state.h"
#include "api/counters.h"
#include "api/dispatch.h"
#include "api/door.h"
#include "api/edge.h"
#include "api/http_write.h"
#include "api/loop.h"
#include "api/problem.h"
#include "api/request.h"
#include "common/base/log.h"

enum {
    READ_LEAST_BYTES = 2 * 1024,
    REQUESTS_A_TURN = 32, /* of one connection, so that it leaves time for others */
};

static void on_nothing(struct connection *connection, enum stream_state state);
static void throw_away(struct connection *connection);
static void on_end(struct connection *connection);
static bool make_room(struct connection *connection);
static void on_no_room(struct connection *connection);
static bool ahead_is_useless(const struct connection *connection);
static void begin_request(struct connection *connection);
static bool step(struct connection *connection);
static bool take_head(struct connection *connection, const char *start);
static void hand_over(struct connection *connection, const char *start);

void connection_on_readable(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct connection *connection = context;
    if (connection->state == CONNECTION_LEAVING) {
        throw_away(connection);
        return;
    }
    if (!make_room(connection)) {
        on_no_room(connection);
        return;
    }
    ssize_t got = stream_read(&connection->stream,
                              connection->in + connection->in_len,
                              connection->in_room - connection->in_len);
    if (got > 0) {
        connection->in_len += (size_t)got;
        connection_advance(connection);
        connection_read_on(connection);
        return;
    }
    on_nothing(connection, (enum stream_state)got);
}

static void on_nothing(struct connection *connection, enum stream_state state)
{
    switch (state) {
    case STREAM_AGAIN:
        /* Activated by hand: what was sent ahead goes on. */
        connection_advance(connection);
        return;
    case STREAM_AGAIN_WRITABLE:
        connection_set_reading(connection, false);
        event_add(connection->write_event, NULL);
        return;
    case STREAM_ENDED:
        on_end(connection);
        return;
    case STREAM_BROKEN:
        connection_shut(connection);
        return;
    case STREAM_ALIEN:
        counter_add(&connection->loop->counters->tls_refused, 1);
        log_debug("no TLS that we speak");
        connection_leave(connection);
        return;
    }
}

void connection_read_on(struct connection *connection)
{
    if (connection->stream.more && connection->reads &&
        connection->state != CONNECTION_CLOSED) {
        event_active(connection->read_event, EV_READ, 0);
    }
}

/* Of TLS as it comes: what is in it does not matter any more. */
static void throw_away(struct connection *connection)
{
    char bytes[16 * 1024];
    ssize_t got = recv(connection->stream.fd, bytes, sizeof(bytes), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    connection->thrown_away += got > 0 ? (size_t)got : 0;
    if (got <= 0 || connection->thrown_away > CONNECTION_LEAVING_BYTES) {
        connection_shut(connection);
    }
}

/* The client sends no more. It may still read, so what it has asked is answered. */
static void on_end(struct connection *connection)
{
    connection->client_done = true;
    connection_set_reading(connection, false);
    /* Nobody sends only half an end to a stream and goes on reading it for minutes. */
    if (connection->streams ||
        (connection->state == CONNECTION_WAITING && connection_is_gone(connection))) {
        connection_shut(connection);
        return;
    }
    connection_advance(connection);
}

/* The buffer grows only with what has come: a length that was announced takes no memory.
 * False when all the buffers of the loop together would take too much. */
static bool make_room(struct connection *connection)
{
    struct loop *loop = connection->loop;
    if (connection->in_room - connection->in_len >= READ_LEAST_BYTES) {
        return true;
    }
    size_t held = connection_ahead(connection);
    if (connection->in_start > 0) {
        memmove(connection->in, connection->in + connection->in_start, held);
        connection->in_start = 0;
        connection->in_len = held;
    }
    if (connection->in_room - held >= READ_LEAST_BYTES) {
        return true;
    }
    size_t room = connection->in_room ? connection->in_room * 2 : CONNECTION_FIRST_BYTES;
    size_t more = room - connection->in_room;
    if (connection->in_room > 0 &&
        loop->buffered_bytes + more > CONNECTION_BUFFERS_BYTES) {
        return false;
    }
    char *in = realloc(connection->in, room);
    if (!in) {
        abort();
    }
    loop->buffered_bytes += more;
    connection->in = in;
    connection->in_room = room;
    return true;
}

/* While a request has no answer yet, what comes behind it can wait in the kernel. */
static void on_no_room(struct connection *connection)
{
    if (connection->state == CONNECTION_WAITING ||
        connection->state == CONNECTION_STREAMING ||
        connection->state == CONNECTION_WRITING) {
        connection_set_reading(connection, false);
        return;
    }
    connection_refuse(connection, 503, "too much is buffered");
}

void connection_drop_buffer(struct connection *connection)
{
    connection->loop->buffered_bytes -= connection->in_room;
    if (connection->in) {
        explicit_bzero(connection->in, connection->in_room); /* tokens and passwords */
    }
    free(connection->in);
    connection->in = NULL;
    connection->in_start = 0;
    connection->in_len = 0;
    connection->in_room = 0;
}

void connection_spare_buffer(struct connection *connection)
{
    if (connection->in && connection_ahead(connection) == 0) {
        connection_drop_buffer(connection);
    }
}

/* Goes on as far as the bytes that are there allow. */
void connection_advance(struct connection *connection)
{
    connection->advancing = true;
    for (int requests = 0;;) {
        if (connection->state == CONNECTION_IDLE && connection_ahead(connection) > 0) {
            if (requests++ == REQUESTS_A_TURN) {
                event_active(connection->read_event, EV_READ, 0);
                break;
            }
            begin_request(connection);
        }
        bool reads_request =
            connection->state == CONNECTION_HEAD || connection->state == CONNECTION_BODY;
        if (!reads_request || !step(connection)) {
            break;
        }
    }
    connection->advancing = false;
    if (connection->state == CONNECTION_WAITING ||
        connection->state == CONNECTION_STREAMING ||
        connection->state == CONNECTION_WRITING) {
        connection_set_reading(connection,
                               !connection->client_done &&
                                   connection_ahead(connection) < CONNECTION_AHEAD_BYTES);
    } else if (connection->client_done && connection->state != CONNECTION_LEAVING &&
               ahead_is_useless(connection)) {
        connection_shut(connection);
    } else if (connection->state == CONNECTION_IDLE &&
               connection_ahead(connection) == 0 &&
               connection->in_room > CONNECTION_FIRST_BYTES) {
        connection_drop_buffer(
            connection); /* a large body's is not kept for small ones */
    }
}

size_t connection_ahead(const struct connection *connection)
{
    return connection->in_len - connection->in_start;
}

/* The client has sent its end, and what is there is no whole request. */
static bool ahead_is_useless(const struct connection *connection)
{
    return connection->state == CONNECTION_HEAD || connection->state == CONNECTION_BODY ||
           (connection->state == CONNECTION_IDLE && connection_ahead(connection) == 0);
}

static void begin_request(struct connection *connection)
{
    http_begin(&connection->http, &connection->loop->door->limits);
    connection_move_to(connection, CONNECTION_HEAD);
}

/* Whether it came further. */
static bool step(struct connection *connection)
{
    char *start = connection->in + connection->in_start;
    size_t len = connection_ahead(connection);
    if (len == 0) {
        return false;
    }
    enum http_progress progress = http_read(&connection->http, start, &len);
    connection->in_len = connection->in_start + len;
    switch (progress) {
    case HTTP_MORE:
        return false;
    case HTTP_HEADED:
        return take_head(connection, start);
    case HTTP_WHOLE:
        hand_over(connection, start);
        return true;
    case HTTP_REFUSED:
        connection_refuse(connection, connection->http.status, connection->http.reason);
        return false;
    }
    return false;
}

/* What must be decided before the body: its limit, and whether the client may send it. */
static bool take_head(struct connection *connection, const char *start)
{
    struct http_request *http = &connection->http;
    if (http->content_length == 0 && !http->chunked) {
        return true;
    }
    size_t most = dispatch_body_most(http, start, http->limits.body_bytes);
    http->limits.body_bytes = most;
    if (http->content_length > most) {
        connection_refuse(connection, 413, "the body is too large for its route");
        return false;
    }
    if (http->expects_continue) {
        text_clear(&connection->loop->scratch);
        http_write_continue(&connection->loop->scratch);
        struct span bytes = text_span(&connection->loop->scratch);
        /* Only a client that reads no answers has no room for these few bytes. */
        if (stream_write(&connection->stream, bytes) != (ssize_t)bytes.len) {
            connection_shut(connection);
            return false;
        }
    }
    connection_move_to(connection, CONNECTION_BODY);
    return true;
}

/* The request's bytes count as used; they stay where they are until the handler returns.
 */
static void hand_over(struct connection *connection, const char *start)
{
    struct request *request = request_take(connection->loop);
    request->connection = connection;
    request->peer = connection->peer;
    request->secure = connection->secure;
    connection->request = request;
    connection->in_start += connection->http.used;
    connection_move_to(connection, CONNECTION_WAITING);
    dispatch(request, &connection->http, start);
    if (connection->request == request && request->kept_bytes == 0) {
        request->http = NULL; /* it answers later, without the buffer */
    }
    if (connection_ahead(connection) == 0) {
        connection->in_start = 0;
        connection->in_len = 0;
    }
}

/* What cannot be read as a request gets an answer too, and it is the last one: where the
 * next request begins is not known. */
void connection_refuse(struct connection *connection, int status, const char *reason)
{
    struct loop *loop = connection->loop;
    struct request *request = request_take(loop);
    const char *start = connection->in + connection->in_start;
    request->connection = connection;
    request->peer = connection->peer;
    request->secure = connection->secure;
    request->method = connection->http.method;
    request->http = &connection->http;
    request->buffer = start;
    request->path = http_span(start, connection->http.path);
    edge_look(request);
    request->english =
        accept_prefers_english(http_header(&connection->http, start, "accept-language"));
    connection->request = request;
    connection->closes = true;
    connection_move_to(connection, CONNECTION_WAITING);
    counter_add(&loop->counters->refused[status], 1);
    log_debug("refused",
              LOG_TEXT("request", request->id),
              LOG_NUMBER("status", status),
              LOG_TEXT("reason", reason));
    request_problem(request, problem_of_status(status));
}
