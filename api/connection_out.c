/* SPDX-License-Identifier: MIT
 * Bytes out: answers, and leaving well behind the last one. */
#include <assert.h>

#include <event2/event.h>

#include "api/connection_state.h"
#include "api/http_write.h"
#include "api/loop.h"

static void send_out(struct connection *connection, struct span bytes);
static void after_piece(struct connection *connection);
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

/* Behind what could not be sent yet, if there is any. */
static void send_out(struct connection *connection, struct span bytes)
{
    bool waits = connection->state == CONNECTION_WRITING;
    ssize_t sent = waits ? 0 : stream_write(&connection->stream, bytes);
    if (sent < 0) {
        connection_shut(connection);
        return;
    }
    size_t done = (size_t)sent;
    if (!waits && done == bytes.len) {
        after_piece(connection);
        return;
    }
    text_add(&connection->out, (struct span){bytes.at + done, bytes.len - done});
    connection->loop->buffered_bytes += bytes.len - done;
    bool too_slow = connection->streams &&
                    connection->out.len - connection->out_sent > CONNECTION_STREAM_BYTES;
    if (too_slow || connection->loop->buffered_bytes > CONNECTION_BUFFERS_BYTES) {
        connection_shut(connection);
        return;
    }
    if (!waits) {
        connection->out_sent = 0;
        connection_move_to(connection, CONNECTION_WRITING);
        event_add(connection->write_event, NULL);
    }
}

void connection_stream(struct connection *connection, const struct http_answer *answer)
{
    struct loop *loop = connection->loop;
    struct http_answer head = *answer;
    assert(connection->state == CONNECTION_WAITING && connection->request);
    connection->streams = true;
    connection->chunked = connection->http.minor > 0;
    connection->closes = connection->closes || !connection->http.keep_alive ||
                         !connection->chunked || loop->draining;
    head.close = connection->closes;
    head.in_pieces = true;
    head.chunked = connection->chunked;
    text_clear(&loop->scratch);
    http_write(&loop->scratch, &head, loop_date(loop));
    send_out(connection, text_span(&loop->scratch));
}

void connection_stream_send(struct connection *connection, struct span piece)
{
    struct text *scratch = &connection->loop->scratch;
    assert(connection->streams && piece.len > 0);
    if (!connection->chunked) {
        send_out(connection, piece);
        return;
    }
    text_clear(scratch);
    http_write_chunk(scratch, piece);
    send_out(connection, text_span(scratch));
}

void connection_stream_end(struct connection *connection)
{
    struct text *scratch = &connection->loop->scratch;
    assert(connection->streams && connection->request);
    connection->request = NULL;
    connection->streams = false;
    connection->closes = connection->closes || connection->loop->draining;
    text_clear(scratch);
    if (connection->chunked) {
        http_write_chunk(scratch, (struct span){NULL, 0});
    }
    send_out(connection, text_span(scratch));
    if (!connection->advancing) {
        connection_advance(connection);
    }
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
    after_piece(connection);
    connection_advance(connection);
}

void connection_drop_out(struct connection *connection)
{
    connection->loop->buffered_bytes -= connection->out.len;
    text_done(&connection->out);
}

static void after_piece(struct connection *connection)
{
    if (!connection->streams) {
        after_answer(connection);
    } else if (connection->state != CONNECTION_STREAMING) {
        connection_move_to(connection, CONNECTION_STREAMING);
    }
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
