/* SPDX-License-Identifier: MIT
 * The life of a connection: its states and their limits of time, from accepting to
 * closing. Bytes in are connection_in.c's, bytes out connection_out.c's. */
#include "api/connection.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "api/connection_state.h"
#include "api/counters.h"
#include "api/door.h"
#include "api/floods.h"
#include "api/loop.h"
#include "api/request.h"
#include "common/base/settings.h"

enum { ANSWER_MOST_BYTES = 64 << 20, IDLE_KEEPS_BUFFER_MS = 1000 };

static void enter(struct connection *connection, enum connection_state state);
static int64_t limit_ms(const struct loop *loop, enum connection_state state);
static void unlink_from(struct connection_list *list, struct connection *connection);

void connection_open(struct loop *loop, int fd, const struct address *peer, bool secure)
{
    struct connection *connection = malloc(sizeof(*connection));
    if (!connection) {
        abort();
    }
    memset(connection, 0, sizeof(*connection));
    connection->loop = loop;
    connection->secure = secure;
    stream_open(&connection->stream, fd, secure ? loop->door->tls : NULL);
    connection->peer = *peer;
    text_init(&connection->out, ANSWER_MOST_BYTES);
    connection->read_event = event_new(loop->base,
                                       fd,
                                       EV_READ | EV_PERSIST,
                                       connection_on_readable,
                                       connection);
    connection->write_event =
        event_new(loop->base, fd, EV_WRITE, connection_on_writable, connection);
    if (!connection->read_event || !connection->write_event) {
        abort();
    }
    loop->connection_count++;
    loop_saw_crowd(&loop->connected_most, loop->connection_count);
    counter_add(&loop->counters->connections, 1);
    counter_add(&loop->counters->accepted, 1);
    /* A client that connects and says nothing has as long as one that starts to speak, and
     * a handshake is within that time. */
    http_begin(&connection->http, &loop->door->limits);
    enter(connection, CONNECTION_HEAD);
    connection_set_reading(connection, true);
}

void connection_expire(struct loop *loop, int64_t now_ms)
{
    for (int state = 0; state < CONNECTION_CLOSED; state++) {
        struct connection *connection = loop->lists[state].first;
        while (connection && connection->until_ms <= now_ms) {
            if ((state == CONNECTION_HEAD && connection_ahead(connection) > 0) ||
                state == CONNECTION_BODY) {
                connection_refuse(connection, 408, "it came too slowly");
            } else {
                connection_shut(connection);
            }
            connection = loop->lists[state].first;
        }
    }
}

void connection_sweep(struct loop *loop, int64_t now_ms)
{
    static const enum connection_state patient[] = {CONNECTION_WAITING,
                                                    CONNECTION_STREAMING};
    struct connection *connection = NULL;
    for (size_t i = 0; i < sizeof(patient) / sizeof(patient[0]); i++) {
        connection = loop->lists[patient[i]].first;
        while (connection) {
            struct connection *behind = connection->behind;
            if (!connection->reads && connection_is_gone(connection)) {
                connection_shut(connection);
            } else {
                connection_spare_buffer(connection);
            }
            connection = behind;
        }
    }
    int64_t until_ms = now_ms + limit_ms(loop, CONNECTION_IDLE) - IDLE_KEEPS_BUFFER_MS;
    connection = loop->lists[CONNECTION_IDLE].first;
    while (connection && connection->until_ms <= until_ms) {
        connection_spare_buffer(connection);
        connection = connection->behind;
    }
}

/* Nothing that the client still reads looks like this: a reset, or both ways closed (which
 * only a Unix socket tells). */
bool connection_is_gone(const struct connection *connection)
{
    struct pollfd socket = {.fd = connection->stream.fd};
    return poll(&socket, 1, 0) > 0 && (socket.revents & (POLLERR | POLLHUP)) != 0;
}

/* Whatever has arrived before we stopped is still answered, and a client that has only
 * just come in has a moment to say what it wants. */
void connection_drain(struct loop *loop, int64_t now_ms)
{
    int64_t fresh_from_ms =
        now_ms - CONNECTION_FRESH_MS + limit_ms(loop, CONNECTION_HEAD);
    static const enum connection_state quiet[] = {CONNECTION_IDLE, CONNECTION_HEAD};
    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
        struct connection *connection = loop->lists[quiet[i]].first;
        while (connection) {
            struct connection *behind = connection->behind;
            bool fresh = connection->state == CONNECTION_HEAD &&
                         connection->until_ms > fresh_from_ms;
            if (!fresh && connection_ahead(connection) == 0 &&
                !stream_has_bytes(&connection->stream)) {
                connection_shut(connection);
            }
            connection = behind;
        }
    }
}

void connection_close_all(struct loop *loop)
{
    for (int state = 0; state < CONNECTION_CLOSED; state++) {
        while (loop->lists[state].first) {
            connection_shut(loop->lists[state].first);
        }
    }
}

void connection_free_closed(struct loop *loop)
{
    struct connection *connection = loop->lists[CONNECTION_CLOSED].first;
    loop->lists[CONNECTION_CLOSED] = (struct connection_list){NULL, NULL};
    while (connection) {
        struct connection *behind = connection->behind;
        event_free(connection->read_event);
        event_free(connection->write_event);
        connection_drop_out(connection);
        connection_drop_buffer(connection);
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

void connection_move_to(struct connection *connection, enum connection_state state)
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
    case CONNECTION_STREAMING:
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

void connection_set_reading(struct connection *connection, bool reads)
{
    if (connection->reads == reads) {
        return;
    }
    connection->reads = reads;
    if (reads) {
        event_add(connection->read_event, NULL);
        connection_read_on(connection);
    } else {
        event_del(connection->read_event);
    }
}

void connection_shut(struct connection *connection)
{
    struct loop *loop = connection->loop;
    struct request *request = connection->request;
    if (connection->state == CONNECTION_CLOSED) {
        return;
    }
    connection->request = NULL;
    event_del(connection->read_event);
    event_del(connection->write_event);
    /* An answer that is cut off must look so. */
    stream_close(&connection->stream,
                 connection->out_sent >= connection->out.len && !connection->streams);
    connection_move_to(connection, CONNECTION_CLOSED);
    loop->connection_count--;
    counter_add(&loop->counters->connections, -1);
    floods_leave(loop->door->floods, FLOOD_CONNECTIONS, &connection->peer);
    atomic_fetch_sub_explicit(loop->connection_total, 1, memory_order_relaxed);
    if (request) {
        request_leave(request);
    }
}
