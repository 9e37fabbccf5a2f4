/* SPDX-License-Identifier: MIT
 *
 * http - a strict HTTP/1.1 request reader that knows nothing of sockets (RFC 9110, 9112).
 *
 * Owns:    nothing; offsets into the caller's buffer, whose first byte is the request's
 * Callers: connections, tests, the fuzzer
 * Blocks:  never
 * Order:   http_begin; then http_read each time the buffer has grown, until it says
 *          HTTP_WHOLE or HTTP_REFUSED; HTTP_HEADED comes once in between, for what must
 *          be decided before a body is read. What follows the request in the buffer is
 *          the next one's.
 *
 *   | request line | headers | empty line | body | next request ...
 *   0                                     ^ body_at       ^ used
 *
 * A chunked body is put together in place: the framing between its pieces goes. The
 * result does not depend on how the bytes were cut. What could be read in two ways is
 * refused, since a proxy in front of us may have read it in the other one.
 */
#ifndef API_HTTP_H
#define API_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

enum http_method {
    HTTP_OTHER, /* a token that is none of these */
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
};
enum { HTTP_METHODS = HTTP_OPTIONS + 1 };

enum {
    HTTP_MOST_HEADERS = 64,
    HTTP_MOST_EXTENSION_BYTES = 1024, /* of the chunk lines and trailers of one request */
};

/* What is taken at most. */
struct http_limits {
    size_t head_bytes; /* request line and headers */
    size_t line_bytes; /* request line */
    size_t body_bytes;
};

enum http_progress {
    HTTP_MORE, /* wants more bytes */
    HTTP_HEADED, /* the headers are there; call again to go on to the body */
    HTTP_WHOLE, /* all is there: `used` bytes of the buffer */
    HTTP_REFUSED, /* `status` says with what; nothing behind it can be trusted */
};

/* Where something stands in the buffer. */
struct http_piece {
    uint32_t at;
    uint32_t len;
};
struct http_header {
    struct http_piece name;
    struct http_piece value; /* without the spaces around it */
};

enum http_stage {
    HTTP_STAGE_LINE,
    HTTP_STAGE_HEADERS,
    HTTP_STAGE_HEADED,
    HTTP_STAGE_BODY,
    HTTP_STAGE_CHUNK_LINE,
    HTTP_STAGE_CHUNK_DATA,
    HTTP_STAGE_CHUNK_END,
    HTTP_STAGE_TRAILERS,
    HTTP_STAGE_WHOLE,
    HTTP_STAGE_REFUSED,
};

struct http_request {
    enum http_method method;
    struct http_piece method_name;
    struct http_piece path; /* begins with "/", or is "*" */
    struct http_piece query; /* behind the "?", without it */
    int minor; /* HTTP/1.minor: 0 or 1 */
    struct http_header headers[HTTP_MOST_HEADERS];
    size_t header_count;
    bool keep_alive; /* what the client wants */
    bool expects_continue;
    bool has_length;
    bool chunked;
    size_t content_length;
    size_t body_at;
    size_t body_len;

    int status; /* of HTTP_REFUSED: 400, 408 ... */
    const char *reason; /* of HTTP_REFUSED: a literal for logs and counters */
    size_t used; /* of HTTP_WHOLE */

    /* The reader's own. */
    struct http_limits limits;
    enum http_stage stage;
    size_t at; /* the next byte to look at */
    size_t scanned; /* no line end before it */
    size_t chunk_left;
    size_t extension_bytes;
    bool has_host;
    bool has_coding;
    bool has_connection_close;
    bool has_connection_keep;
};

void http_begin(struct http_request *request, const struct http_limits *limits);
/* `*len` shrinks when framing was taken out of a chunked body. */
enum http_progress http_read(struct http_request *request, char *buffer, size_t *len);
/* Bytes that are still to come at least, as far as the request has said; 0: unknown. */
size_t http_missing(const struct http_request *request, size_t len);

struct span http_span(const char *buffer, struct http_piece piece);
/* The value of a header by its lowercase name; empty when it is not there. Of several the
 * first. */
struct span http_header(const struct http_request *request,
                        const char *buffer,
                        const char *name);
/* How often it is there. */
size_t http_header_count(const struct http_request *request,
                         const char *buffer,
                         const char *name);
struct span http_body(const struct http_request *request, const char *buffer);
const char *http_method_name(enum http_method method);

/* The reader's parts: lines and headers are http_head.c's, chunks are http_chunks.c's. */
enum http_progress http_refuse(struct http_request *request,
                               int status,
                               const char *reason);
/* The next line without its CRLF: HTTP_WHOLE when there is one, HTTP_MORE, or
 * HTTP_REFUSED with `status_too_long` when it takes more than `most` bytes with its CRLF.
 */
enum http_progress http_next_line(struct http_request *request,
                                  const char *buffer,
                                  size_t len,
                                  size_t most,
                                  int status_too_long,
                                  struct http_piece *out_line);
/* HTTP_MORE when the line is good. */
enum http_progress http_read_request_line(struct http_request *request,
                                          char *buffer,
                                          struct http_piece line);
enum http_progress http_read_header(struct http_request *request,
                                    char *buffer,
                                    struct http_piece line);
/* Looks at the headers together once all are there: HTTP_HEADED or HTTP_REFUSED. */
enum http_progress http_end_headers(struct http_request *request);
enum http_progress http_read_chunks(struct http_request *request,
                                    char *buffer,
                                    size_t *len);
/* 0 to 15; -1 when it is none. */
int http_hex_digit(char c);
/* Splits "Name: value"; the name becomes lowercase in place. False when it is no header.
 */
bool http_split_header(char *buffer,
                       struct http_piece line,
                       struct http_header *out_header);

#endif
