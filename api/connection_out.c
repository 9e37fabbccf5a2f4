/* SPDX-License-Identifier: MIT
 * Bytes out: answers, and leaving well behind the last one. */
#include <assert.h>

#include <event2/event.h>

#include "api/connection_state.h"
#include "api/http_write.h"
#include "api/loop.h"

static void send_out(struct connection *connection, struct span bytes);
static void after_answer(struct connection *connection);

void connection_answer(struct connection *connection, const struct http_answer *answer)
{
    struct loop *loop = connection->loop;
    struct http_answer last = *answer;
    assert(connection->state == CONNECTION_WAITING && connection->request);
    connection->request = NULL;
    connection->closes = connection->closes || !connection->http.keep_alive ||
                         (connection->client_done && connection_ahead(connection) == 0) ||
                         loop->draining;
    last.close = connection->closes;
    last.keep = connection->http.minor == 0;
    text_clear(&loop->scratch);
    http_write(&loop->scratch, &last, loop_date(loop));
    send_out(connection, text_span(&loop->scratch));
    if (!connection->advancing) {
        connection_advance(connection);
    }
}

static void send_out(struct connection *connection, struct span bytes)
{
    ssize_t sent = stream_write(&connection->stream, bytes);
    if (sent < 0) {
        connection_shut(connection);
        return;
    }
    size_t done = (size_t)sent;
    if (done == bytes.len) {
        after_answer(connection);
        return;
    }
    text_add(&connection->out, (struct span){bytes.at + done, bytes.len - done});
    connection->out_sent = 0;
    connection->loop->buffered_bytes += connection->out.len;
    if (connection->loop->buffered_bytes > CONNECTION_BUFFERS_BYTES) {
        connection_shut(connection);
        return;
    }
    connection_move_to(connection, CONNECTION_WRITING);
    event_add(connection->write_event, NULL);
}

void connection_on_writable(int fd, short what, void *context)
{
    struct connection *connection = context;
    if (connection->state != CONNECTION_WRITING) {
        /* A handshake that could not go on without writing. */
        connection_set_reading(connection, true);
        connection_on_readable(fd, what, connection);
        return;
    }
    struct span left = text_span(&connection->out);
    left.at += connection->out_sent;
    left.len -= connection->out_sent;
    ssize_t sent = stream_write(&connection->stream, left);
    if (sent < 0) {
        connection_shut(connection);
        return;
    }
    connection->out_sent += (size_t)sent;
    if (connection->out_sent < connection->out.len) {
        event_add(connection->write_event, NULL);
        return;
    }
    connection_drop_out(connection);
    after_answer(connection);
    connection_advance(connection);
}

void connection_drop_out(struct connection *connection)
{
    connection->loop->buffered_bytes -= connection->out.len;
    text_done(&connection->out);
}

static void after_answer(struct connection *connection)
{
    if (connection->closes) {
        connection_leave(connection);
        return;
    }
    connection_move_to(connection, CONNECTION_IDLE);
    connection_set_reading(connection, !connection->client_done);
}

/* Closing while the client still sends would make the kernel send a reset, which may
 * overtake the answer (RFC 9112, section 9.6). So only our side ends, and what comes is
 * thrown away for a while. */
void connection_leave(struct connection *connection)
{
    if (connection->client_done || !stream_end(&connection->stream)) {
        connection_shut(connection);
        return;
    }
    connection_move_to(connection, CONNECTION_LEAVING);
    connection_set_reading(connection, true);
}
