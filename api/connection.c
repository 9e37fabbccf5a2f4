/* SPDX-License-Identifier: MIT
 * Connections: reading requests, handing them over, writing answers, leaving well. */
#include "api/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "api/counters.h"
#include "api/dispatch.h"
#include "api/http.h"
#include "api/http_write.h"
#include "api/loop.h"
#include "api/problem.h"
#include "api/request.h"
#include "common/base/log.h"
#include "common/base/settings.h"

enum {
    FIRST_BUFFER_BYTES = 8 * 1024,
    READ_LEAST_BYTES = 2 * 1024,
    ANSWER_MOST_BYTES = 64 << 20,
    REQUESTS_A_TURN = 32, /* of one connection, so that it leaves time for others */
};

struct connection {
    struct loop *loop;
    struct connection *before; /* in the list of its state */
    struct connection *behind;
    enum connection_state state;
    int64_t until_ms; /* when its state's time runs out */
    int fd;
    struct address peer;
    struct event read_event;
    struct event write_event;
    bool reads; /* the read event is pending */
    bool client_done; /* it sent its end */
    bool advancing; /* connection_advance is on the stack */
    bool closes; /* after the answer that is going out */
    struct http_request http;
    struct request *request; /* of CONNECTION_WAITING */
    char *in; /* from in_start to in_len: what was read and not used */
    size_t in_start;
    size_t in_len;
    size_t in_room;
    struct text out; /* what could not be sent at once */
    size_t out_sent;
    size_t thrown_away; /* of CONNECTION_LEAVING */
};

static void enter(struct connection *connection, enum connection_state state);
static void move_to(struct connection *connection, enum connection_state state);
static int64_t limit_ms(const struct loop *loop, enum connection_state state);
static void unlink_from(struct connection_list *list, struct connection *connection);
static void on_readable(evutil_socket_t fd, short what, void *context);
static void on_end(struct connection *connection);
static void throw_away(struct connection *connection);
static bool make_room(struct connection *connection);
static void drop_buffer(struct connection *connection);
static void advance(struct connection *connection);
static size_t ahead(const struct connection *connection);
static bool ahead_is_useless(const struct connection *connection);
static void begin_request(struct connection *connection);
static bool step(struct connection *connection);
static bool take_head(struct connection *connection, const char *start);
static void hand_over(struct connection *connection, const char *start);
static void refuse(struct connection *connection, int status, const char *reason);
static void send_out(struct connection *connection, struct span bytes);
static void on_writable(evutil_socket_t fd, short what, void *context);
static void after_answer(struct connection *connection);
static void leave(struct connection *connection);
static void set_reading(struct connection *connection, bool reads);
static void shut(struct connection *connection);

void connection_open(struct loop *loop, int fd, const struct address *peer)
{
    struct connection *connection = malloc(sizeof(*connection));
    if (!connection) {
        abort();
    }
    memset(connection, 0, sizeof(*connection));
    connection->loop = loop;
    connection->fd = fd;
    connection->peer = *peer;
    text_init(&connection->out, ANSWER_MOST_BYTES);
    if (event_assign(&connection->read_event,
                     loop->base,
                     fd,
                     EV_READ | EV_PERSIST,
                     on_readable,
                     connection) != 0 ||
        event_assign(&connection->write_event,
                     loop->base,
                     fd,
                     EV_WRITE,
                     on_writable,
                     connection) != 0) {
        abort();
    }
    loop->connection_count++;
    counter_add(&loop->counters->connections, 1);
    counter_add(&loop->counters->accepted, 1);
    /* A client that connects and says nothing has as long as one that starts to speak. */
    http_begin(&connection->http, &loop->door->limits);
    enter(connection, CONNECTION_HEAD);
    set_reading(connection, true);
}

void connection_answer(struct connection *connection, const struct http_answer *answer)
{
    struct loop *loop = connection->loop;
    struct http_answer last = *answer;
    assert(connection->state == CONNECTION_WAITING && connection->request);
    connection->request = NULL;
    connection->closes = connection->closes || !connection->http.keep_alive ||
                         (connection->client_done && ahead(connection) == 0) ||
                         loop->draining;
    last.close = connection->closes;
    text_clear(&loop->scratch);
    http_write(&loop->scratch, &last, loop_date(loop));
    send_out(connection, text_span(&loop->scratch));
    if (!connection->advancing) {
        advance(connection);
    }
}

void connection_expire(struct loop *loop, int64_t now_ms)
{
    for (int state = 0; state < CONNECTION_CLOSED; state++) {
        struct connection *connection = loop->lists[state].first;
        while (connection && connection->until_ms <= now_ms) {
            if ((state == CONNECTION_HEAD && ahead(connection) > 0) ||
                state == CONNECTION_BODY) {
                refuse(connection, 408, "it came too slowly");
            } else {
                shut(connection);
            }
            connection = loop->lists[state].first;
        }
    }
}

/* Whatever has arrived before we stopped is still answered. */
void connection_drain(struct loop *loop)
{
    static const enum connection_state quiet[] = {CONNECTION_IDLE, CONNECTION_HEAD};
    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
        struct connection *connection = loop->lists[quiet[i]].first;
        while (connection) {
            struct connection *behind = connection->behind;
            char byte;
            if (ahead(connection) == 0 &&
                recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
                shut(connection);
            }
            connection = behind;
        }
    }
}

void connection_close_all(struct loop *loop)
{
    for (int state = 0; state < CONNECTION_CLOSED; state++) {
        while (loop->lists[state].first) {
            shut(loop->lists[state].first);
        }
    }
}

void connection_free_closed(struct loop *loop)
{
    struct connection *connection = loop->lists[CONNECTION_CLOSED].first;
    loop->lists[CONNECTION_CLOSED] = (struct connection_list){NULL, NULL};
    while (connection) {
        struct connection *behind = connection->behind;
        text_done(&connection->out);
        drop_buffer(connection);
        free(connection);
        connection = behind;
    }
}

/* Into the list of a state, at its end: the limit of a state is the same for all. */
static void enter(struct connection *connection, enum connection_state state)
{
    struct loop *loop = connection->loop;
    struct connection_list *list = &loop->lists[state];
    int64_t limit = limit_ms(loop, state);
    connection->state = state;
    connection->until_ms = limit == INT64_MAX ? limit : loop_mono_ms(loop) + limit;
    connection->before = list->last;
    connection->behind = NULL;
    if (list->last) {
        list->last->behind = connection;
    } else {
        list->first = connection;
    }
    list->last = connection;
}

static void move_to(struct connection *connection, enum connection_state state)
{
    unlink_from(&connection->loop->lists[connection->state], connection);
    enter(connection, state);
}

static int64_t limit_ms(const struct loop *loop, enum connection_state state)
{
    const struct settings *settings = loop->door->settings;
    switch (state) {
    case CONNECTION_IDLE:
        return settings->api.idle_ms;
    case CONNECTION_HEAD:
        return settings->api.header_ms;
    case CONNECTION_BODY:
        return settings->api.body_ms;
    case CONNECTION_WRITING:
        return settings->api.answer_ms;
    case CONNECTION_LEAVING:
        return CONNECTION_LEAVING_MS;
    case CONNECTION_WAITING:
    case CONNECTION_CLOSED:
        return INT64_MAX;
    }
    return 0;
}

static void unlink_from(struct connection_list *list, struct connection *connection)
{
    if (connection->before) {
        connection->before->behind = connection->behind;
    } else {
        list->first = connection->behind;
    }
    if (connection->behind) {
        connection->behind->before = connection->before;
    } else {
        list->last = connection->before;
    }
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct connection *connection = context;
    if (connection->state == CONNECTION_LEAVING) {
        throw_away(connection);
        return;
    }
    if (!make_room(connection)) {
        refuse(connection, 503, "too much is buffered");
        return;
    }
    ssize_t got = recv(fd,
                       connection->in + connection->in_len,
                       connection->in_room - connection->in_len,
                       0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        /* Activated by hand: what was sent ahead goes on. */
        advance(connection);
        return;
    }
    if (got < 0) {
        shut(connection);
        return;
    }
    if (got == 0) {
        on_end(connection);
        return;
    }
    connection->in_len += (size_t)got;
    advance(connection);
}

/* The client sends no more. It may still read, so what it has asked is answered. */
static void on_end(struct connection *connection)
{
    connection->client_done = true;
    set_reading(connection, false);
    advance(connection);
}

static void throw_away(struct connection *connection)
{
    char bytes[16 * 1024];
    ssize_t got = recv(connection->fd, bytes, sizeof(bytes), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    connection->thrown_away += got > 0 ? (size_t)got : 0;
    if (got <= 0 || connection->thrown_away > CONNECTION_LEAVING_BYTES) {
        shut(connection);
    }
}

/* The buffer grows only with what has come: a length that was announced takes no memory.
 * False when all the buffers of the loop together would take too much. */
static bool make_room(struct connection *connection)
{
    struct loop *loop = connection->loop;
    if (connection->in_room - connection->in_len >= READ_LEAST_BYTES) {
        return true;
    }
    size_t held = ahead(connection);
    if (connection->in_start > 0) {
        memmove(connection->in, connection->in + connection->in_start, held);
        connection->in_start = 0;
        connection->in_len = held;
    }
    if (connection->in_room - held >= READ_LEAST_BYTES) {
        return true;
    }
    size_t room = connection->in_room ? connection->in_room * 2 : FIRST_BUFFER_BYTES;
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

static void drop_buffer(struct connection *connection)
{
    connection->loop->buffered_bytes -= connection->in_room;
    free(connection->in);
    connection->in = NULL;
    connection->in_start = 0;
    connection->in_len = 0;
    connection->in_room = 0;
}

/* Goes on as far as the bytes that are there allow. */
static void advance(struct connection *connection)
{
    connection->advancing = true;
    for (int requests = 0;;) {
        if (connection->state == CONNECTION_IDLE && ahead(connection) > 0) {
            if (requests++ == REQUESTS_A_TURN) {
                event_active(&connection->read_event, EV_READ, 0);
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
        connection->state == CONNECTION_WRITING) {
        set_reading(connection,
                    !connection->client_done &&
                        ahead(connection) < CONNECTION_AHEAD_BYTES);
    } else if (connection->client_done && connection->state != CONNECTION_LEAVING &&
               ahead_is_useless(connection)) {
        shut(connection);
    }
}

static size_t ahead(const struct connection *connection)
{
    return connection->in_len - connection->in_start;
}

/* The client has sent its end, and what is there is no whole request. */
static bool ahead_is_useless(const struct connection *connection)
{
    return connection->state == CONNECTION_HEAD || connection->state == CONNECTION_BODY ||
           (connection->state == CONNECTION_IDLE && ahead(connection) == 0);
}

static void begin_request(struct connection *connection)
{
    http_begin(&connection->http, &connection->loop->door->limits);
    move_to(connection, CONNECTION_HEAD);
}

/* Whether it came further. */
static bool step(struct connection *connection)
{
    char *start = connection->in + connection->in_start;
    size_t len = ahead(connection);
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
        refuse(connection, connection->http.status, connection->http.reason);
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
        refuse(connection, 413, "the body is too large for its route");
        return false;
    }
    if (http->expects_continue) {
        text_clear(&connection->loop->scratch);
        http_write_continue(&connection->loop->scratch);
        struct span bytes = text_span(&connection->loop->scratch);
        /* A courtesy: a client that does not get it sends its body after a while. */
        ssize_t sent = send(connection->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        (void)sent;
    }
    move_to(connection, CONNECTION_BODY);
    return true;
}

/* The request's bytes count as used; they stay where they are until the handler returns.
 */
static void hand_over(struct connection *connection, const char *start)
{
    struct request *request = request_take(connection->loop);
    request->connection = connection;
    request->peer = connection->peer;
    connection->request = request;
    connection->in_start += connection->http.used;
    move_to(connection, CONNECTION_WAITING);
    dispatch(request, &connection->http, start);
    if (connection->request == request) {
        request->http = NULL; /* it answers later, without the buffer */
    }
    if (ahead(connection) == 0) {
        connection->in_start = 0;
        connection->in_len = 0;
    }
}

/* What cannot be read as a request gets an answer too, and it is the last one: where the
 * next request begins is not known. */
static void refuse(struct connection *connection, int status, const char *reason)
{
    struct loop *loop = connection->loop;
    struct request *request = request_take(loop);
    const char *start = connection->in + connection->in_start;
    request->connection = connection;
    request->method = connection->http.method;
    request->english =
        problem_prefers_english(http_header(&connection->http, start, "accept-language"));
    connection->request = request;
    connection->closes = true;
    move_to(connection, CONNECTION_WAITING);
    counter_add(&loop->counters->refused[status], 1);
    log_debug("refused",
              LOG_TEXT("request", request->id),
              LOG_NUMBER("status", status),
              LOG_TEXT("reason", reason));
    request_problem(request, problem_of_status(status));
}

static void send_out(struct connection *connection, struct span bytes)
{
    ssize_t sent = send(connection->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        shut(connection);
        return;
    }
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done == bytes.len) {
        after_answer(connection);
        return;
    }
    text_add(&connection->out, (struct span){bytes.at + done, bytes.len - done});
    connection->out_sent = 0;
    move_to(connection, CONNECTION_WRITING);
    event_add(&connection->write_event, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct connection *connection = context;
    struct span left = text_span(&connection->out);
    left.at += connection->out_sent;
    left.len -= connection->out_sent;
    ssize_t sent = send(fd, left.at, left.len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        shut(connection);
        return;
    }
    connection->out_sent += sent > 0 ? (size_t)sent : 0;
    if (connection->out_sent < connection->out.len) {
        event_add(&connection->write_event, NULL);
        return;
    }
    text_done(&connection->out);
    after_answer(connection);
    advance(connection);
}

static void after_answer(struct connection *connection)
{
    if (connection->closes) {
        leave(connection);
        return;
    }
    move_to(connection, CONNECTION_IDLE);
    set_reading(connection, !connection->client_done);
    if (ahead(connection) == 0 && connection->in_room > FIRST_BUFFER_BYTES &&
        !connection->advancing) {
        drop_buffer(connection); /* a large body's is not kept for small ones */
    }
}

/* Closing while the client still sends would make the kernel send a reset, which may
 * overtake the answer (RFC 9112, section 9.6). So only our side ends, and what comes is
 * thrown away for a while. */
static void leave(struct connection *connection)
{
    if (connection->client_done || shutdown(connection->fd, SHUT_WR) != 0) {
        shut(connection);
        return;
    }
    move_to(connection, CONNECTION_LEAVING);
    set_reading(connection, true);
}

static void set_reading(struct connection *connection, bool reads)
{
    if (connection->reads == reads) {
        return;
    }
    connection->reads = reads;
    if (reads) {
        event_add(&connection->read_event, NULL);
    } else {
        event_del(&connection->read_event);
    }
}

static void shut(struct connection *connection)
{
    struct loop *loop = connection->loop;
    if (connection->state == CONNECTION_CLOSED) {
        return;
    }
    if (connection->request) {
        connection->request->connection = NULL;
        connection->request = NULL;
    }
    event_del(&connection->read_event);
    event_del(&connection->write_event);
    close(connection->fd);
    connection->fd = -1;
    move_to(connection, CONNECTION_CLOSED);
    loop->connection_count--;
    counter_add(&loop->counters->connections, -1);
    atomic_fetch_sub_explicit(loop->connection_total, 1, memory_order_relaxed);
}
