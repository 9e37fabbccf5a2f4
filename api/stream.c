/* SPDX-License-Identifier: MIT
 * Bytes in and out, of a socket as it is or of the TLS on it. */
#include "api/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "api/tls.h"

static ssize_t read_tls(struct stream *stream, char *out, size_t room);
static ssize_t why_not_read(struct stream *stream, int got);
static ssize_t write_tls(struct stream *stream, struct span bytes);
static void notify_close(struct stream *stream);

void stream_open(struct stream *stream, int fd, struct tls *tls)
{
    *stream = (struct stream){.fd = fd, .ssl = tls ? tls_accept(tls, fd) : NULL};
}

ssize_t stream_read(struct stream *stream, char *out, size_t room)
{
    if (stream->ssl) {
        return read_tls(stream, out, room);
    }
    ssize_t got = recv(stream->fd, out, room, 0);
    if (got >= 0) {
        return got;
    }
    return errno == EAGAIN || errno == EINTR ? STREAM_AGAIN : STREAM_BROKEN;
}

ssize_t stream_write(struct stream *stream, struct span bytes)
{
    if (stream->ssl) {
        return write_tls(stream, bytes);
    }
    ssize_t sent = send(stream->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
    if (sent >= 0) {
        return sent;
    }
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

bool stream_has_bytes(const struct stream *stream)
{
    char byte;
    return (stream->ssl && SSL_has_pending(stream->ssl)) ||
           recv(stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool stream_end(struct stream *stream)
{
    notify_close(stream);
    return shutdown(stream->fd, SHUT_WR) == 0;
}

void stream_close(struct stream *stream, bool tells)
{
    if (stream->ssl) {
        if (tells) {
            notify_close(stream);
        }
        SSL_free(stream->ssl);
        stream->ssl = NULL;
    }
    if (stream->fd >= 0) {
        close(stream->fd);
        stream->fd = -1;
    }
}

/* A handshake goes on by itself with the first reads. */
static ssize_t read_tls(struct stream *stream, char *out, size_t room)
{
    size_t got = 0;
    stream->more = false;
    if (stream->failed) {
        return STREAM_BROKEN;
    }
    ERR_clear_error();
    int done = SSL_read_ex(stream->ssl, out, room, &got);
    if (done == 1) {
        stream->more = SSL_has_pending(stream->ssl);
        return (ssize_t)got;
    }
    return why_not_read(stream, done);
}

/* An end without close_notify may be somebody else's doing, who cuts a body short: it
 * counts as broken, whatever came before it. */
static ssize_t why_not_read(struct stream *stream, int got)
{
    int why = SSL_get_error(stream->ssl, got);
    if (why == SSL_ERROR_ZERO_RETURN) {
        return STREAM_ENDED;
    }
    if (why == SSL_ERROR_WANT_READ) {
        return STREAM_AGAIN;
    }
    /* Later than in the handshake nothing that is read makes it write at once. */
    if (why == SSL_ERROR_WANT_WRITE && !SSL_is_init_finished(stream->ssl)) {
        return STREAM_AGAIN_WRITABLE;
    }
    stream->failed = true;
    bool speaks = why == SSL_ERROR_SSL &&
                  ERR_GET_REASON(ERR_peek_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING;
    return speaks ? STREAM_ALIEN : STREAM_BROKEN;
}

/* Each turn is one record. A record that did not go whole is kept by OpenSSL, which wants
 * the same bytes again. */
static ssize_t write_tls(struct stream *stream, struct span bytes)
{
    size_t sent = 0;
    while (sent < bytes.len && !stream->failed) {
        size_t more = 0;
        ERR_clear_error();
        int done = SSL_write_ex(stream->ssl, bytes.at + sent, bytes.len - sent, &more);
        if (done == 1) {
            sent += more;
        } else if (SSL_get_error(stream->ssl, done) == SSL_ERROR_WANT_WRITE) {
            return (ssize_t)sent;
        } else {
            stream->failed = true;
        }
    }
    return stream->failed ? -1 : (ssize_t)sent;
}

static void notify_close(struct stream *stream)
{
    if (stream->ssl && !stream->failed && SSL_is_init_finished(stream->ssl)) {
        ERR_clear_error();
        /* A courtesy: when it does not go out at once, the client sees a cut. */
        (void)SSL_shutdown(stream->ssl);
        stream->failed = true;
    }
}
