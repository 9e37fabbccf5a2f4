/* SPDX-License-Identifier: MIT
 *
 * connection_state - the inside of a struct connection, for the files that are its parts.
 *
 * Owns:    as connection.h says
 * Callers: connection.c, connection_in.c, connection_out.c alone
 * Blocks:  never
 */
#ifndef API_CONNECTION_STATE_H
#define API_CONNECTION_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/connection.h"
#include "api/http.h"
#include "api/loop.h"
#include "api/networks.h"
#include "api/stream.h"
#include "common/base/text.h"

struct event;
struct request;

enum { CONNECTION_FIRST_BYTES = 8 * 1024 }; /* of its buffer */

struct connection {
    struct loop *loop;
    struct connection *before; /* in the list of its state */
    struct connection *behind;
    enum connection_state state;
    int64_t until_ms; /* when its state's time runs out */
    struct stream stream;
    struct address peer;
    bool secure; /* it came to the HTTPS listener */
    struct event *read_event;
    struct event *write_event;
    bool reads; /* the read event is pending */
    bool client_done; /* it sent its end */
    bool advancing; /* connection_advance is on the stack */
    bool closes; /* after the answer that is going out */
    bool streams; /* the answer's end is still to come */
    bool chunked; /* its pieces say how long they are */
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

/* connection.c */
void connection_move_to(struct connection *connection, enum connection_state state);
void connection_set_reading(struct connection *connection, bool reads);
/* The client neither sends nor reads any more, as far as can be seen. */
bool connection_is_gone(const struct connection *connection);
/* The socket closes at once; the struct lives until the end of the turn. A handler that
 * has a request of it is told. */
void connection_shut(struct connection *connection);

/* connection_in.c: an event's callback; as far as the bytes that are there allow; bytes
 * read and not used yet; what cannot be read as a request is answered and ends the
 * connection. */
void connection_on_readable(int fd, short what, void *context);
/* What was decrypted and not taken is read in the next turn: the socket will not tell. */
void connection_read_on(struct connection *connection);
void connection_advance(struct connection *connection);
size_t connection_ahead(const struct connection *connection);
void connection_refuse(struct connection *connection, int status, const char *reason);
void connection_drop_buffer(struct connection *connection);
/* Drops it when nothing is in it that is still wanted. */
void connection_spare_buffer(struct connection *connection);

/* connection_out.c: an event's callback; what could not be sent is given up; our side
 * ends, and what still comes is thrown away for a while. */
void connection_on_writable(int fd, short what, void *context);
void connection_drop_out(struct connection *connection);
void connection_leave(struct connection *connection);

#endif
