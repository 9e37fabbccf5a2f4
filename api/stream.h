/* SPDX-License-Identifier: MIT
 *
 * stream - the bytes of one connection, plain or over TLS: one road for both.
 *
 * Owns:    the socket, and its TLS when it has any, until stream_close
 * Callers: connections
 * Blocks:  never
 */
#ifndef API_STREAM_H
#define API_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/text.h"

struct ssl_st;
struct tls;

/* What stream_read gives instead of a number of bytes. */
enum stream_state {
    STREAM_ENDED = 0, /* the client sends no more, and said so */
    STREAM_AGAIN = -1, /* nothing now: wait until the socket can be read */
    STREAM_AGAIN_WRITABLE = -2, /* nothing now: wait until it can be written */
    STREAM_BROKEN = -3, /* a reset, or an end in the middle of TLS */
    STREAM_ALIEN = -4, /* what came is no TLS that we speak; the client was told */
};

struct stream {
    int fd; /* -1: closed */
    struct ssl_st *ssl; /* NULL: plain */
    bool more; /* the last read left bytes behind that the socket will not tell of */
    bool failed; /* TLS is not to be touched any more */
};

/* The socket is given. `tls` is NULL for a plain one. */
void stream_open(struct stream *stream, int fd, struct tls *tls);
/* How many bytes came, or an enum stream_state. */
ssize_t stream_read(struct stream *stream, char *out, size_t room);
/* How many bytes went; less than all when no more can go now: the rest, as it is, comes
 * next. -1 when the connection is broken. */
ssize_t stream_write(struct stream *stream, struct span bytes);
/* Whether something came that nobody has read. */
bool stream_has_bytes(const struct stream *stream);
/* We send no more; the client may. False when that cannot be said to it. */
bool stream_end(struct stream *stream);
/* `tells`: over TLS, that this is the end and nothing was cut off. Safe twice. */
void stream_close(struct stream *stream, bool tells);

#endif
