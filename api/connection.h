/* SPDX-License-Identifier: MIT
 *
 * connection - one client's socket: bytes in, requests out; answers in, bytes out.
 *
 * Owns:    its socket and buffers, from connection_open until the turn in which it closes
 *          ends
 * Callers: its loop; request (answers)
 * Blocks:  never
 *
 * One request at a time: what a client sends ahead waits in the buffer (at most
 * CONNECTION_AHEAD_BYTES, then nothing more is read) until the answer is out, so answers
 * leave in the order of the requests.
 */
#ifndef API_CONNECTION_H
#define API_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "api/networks.h"
#include "common/base/text.h"

struct connection;
struct http_answer;
struct loop;

enum {
    CONNECTION_AHEAD_BYTES = 16 * 1024,
    /* Of one loop. Beyond it large bodies get 503, and who does not read is cut. */
    CONNECTION_BUFFERS_BYTES = 128 << 20,
    CONNECTION_FRESH_MS = 500, /* for the first byte, when the loop is leaving */
    CONNECTION_STREAM_BYTES = 64 * 1024, /* of a stream that its client does not read */
    CONNECTION_LEAVING_MS = 2000,
    CONNECTION_LEAVING_BYTES = 4 << 20,
};

/* The socket is given, and its places among all connections and of its peer (floods.h):
 * both are left when it closes. `secure`: it came to the HTTPS listener. */
void connection_open(struct loop *loop, int fd, const struct address *peer, bool secure);
/* The answer to the request that it waits with. */
void connection_answer(struct connection *connection, const struct http_answer *answer);
/* One that goes out piece by piece: the request stays with it until the end. Each may find
 * that the client has left, who is told by the request's `left`. */
void connection_stream(struct connection *connection, const struct http_answer *answer);
void connection_stream_send(struct connection *connection, struct span piece);
void connection_stream_end(struct connection *connection);
/* Cuts those whose time has run out; called at every tick of the loop. */
void connection_expire(struct loop *loop, int64_t now_ms);
/* Those that wait, for a handler or for the next request, give their buffers back; clients
 * of waiting ones that have left are noticed. Called about once a second. */
void connection_sweep(struct loop *loop, int64_t now_ms);
/* Those without a request close; the others after their answer. Called when the loop is
 * told to stop, and at every tick from then on. */
void connection_drain(struct loop *loop, int64_t now_ms);
void connection_close_all(struct loop *loop);
/* Frees those that were closed: nobody refers to them between two turns. */
void connection_free_closed(struct loop *loop);

#endif
