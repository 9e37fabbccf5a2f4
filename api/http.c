/* SPDX-License-Identifier: MIT
 * The request reader: goes from line to line and from stage to stage. */
#include "api/http.h"

#include <assert.h>
#include <string.h>

static enum http_progress read_line_stage(struct http_request *, char *, size_t);
static enum http_progress read_header_stage(struct http_request *, char *, size_t);
static enum http_progress begin_body(struct http_request *request);
static enum http_progress read_body_stage(struct http_request *request, size_t len);
static size_t least(size_t a, size_t b);

static const char *const method_names[HTTP_METHODS] = {
    [HTTP_OTHER] = "",
    [HTTP_GET] = "GET",
    [HTTP_HEAD] = "HEAD",
    [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT",
    [HTTP_PATCH] = "PATCH",
    [HTTP_DELETE] = "DELETE",
    [HTTP_OPTIONS] = "OPTIONS",
};

/* The headers are not cleared: header_count says which are set, and clearing 1 KB for
 * each request shows in the profile. */
void http_begin(struct http_request *request, const struct http_limits *limits)
{
    memset(request, 0, offsetof(struct http_request, headers));
    memset(&request->header_count,
           0,
           sizeof(*request) - offsetof(struct http_request, header_count));
    request->limits = *limits;
    assert(limits->head_bytes < UINT32_MAX && limits->body_bytes < UINT32_MAX);
}

enum http_progress http_read(struct http_request *request, char *buffer, size_t *len)
{
    enum http_progress progress = HTTP_MORE;
    enum http_stage before;
    do {
        before = request->stage;
        switch (request->stage) {
        case HTTP_STAGE_LINE:
            progress = read_line_stage(request, buffer, *len);
            break;
        case HTTP_STAGE_HEADERS:
            progress = read_header_stage(request, buffer, *len);
            break;
        case HTTP_STAGE_HEADED:
            progress = begin_body(request);
            break;
        case HTTP_STAGE_BODY:
            progress = read_body_stage(request, *len);
            break;
        case HTTP_STAGE_CHUNK_LINE:
        case HTTP_STAGE_CHUNK_DATA:
        case HTTP_STAGE_CHUNK_END:
        case HTTP_STAGE_TRAILERS:
            progress = http_read_chunks(request, buffer, len);
            break;
        case HTTP_STAGE_WHOLE:
            return HTTP_WHOLE;
        case HTTP_STAGE_REFUSED:
            return HTTP_REFUSED;
        }
    } while (progress == HTTP_MORE && request->stage != before);
    return progress;
}

size_t http_missing(const struct http_request *request, size_t len)
{
    size_t whole = request->body_at + request->content_length;
    return request->stage == HTTP_STAGE_BODY && whole > len ? whole - len : 0;
}

struct span http_span(const char *buffer, struct http_piece piece)
{
    return (struct span){buffer + piece.at, piece.len};
}

struct span http_header(const struct http_request *request,
                        const char *buffer,
                        const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (span_is(http_span(buffer, request->headers[i].name), name)) {
            return http_span(buffer, request->headers[i].value);
        }
    }
    return (struct span){NULL, 0};
}

size_t http_header_count(const struct http_request *request,
                         const char *buffer,
                         const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        count += span_is(http_span(buffer, request->headers[i].name), name) ? 1 : 0;
    }
    return count;
}

struct span http_body(const struct http_request *request, const char *buffer)
{
    return (struct span){buffer + request->body_at, request->body_len};
}

const char *http_method_name(enum http_method method)
{
    assert((int)method >= 0 && (int)method < HTTP_METHODS);
    return method_names[method];
}

enum http_progress http_refuse(struct http_request *request,
                               int status,
                               const char *reason)
{
    request->stage = HTTP_STAGE_REFUSED;
    request->status = status;
    request->reason = reason;
    return HTTP_REFUSED;
}

enum http_progress http_next_line(struct http_request *request,
                                  const char *buffer,
                                  size_t len,
                                  size_t most,
                                  int status_too_long,
                                  struct http_piece *out_line)
{
    size_t start = request->at;
    const char *end = NULL;
    if (len > request->scanned) {
        end = memchr(buffer + request->scanned, '\n', len - request->scanned);
    }
    size_t taken = end ? (size_t)(end - buffer) + 1 - start : len - start;
    if (end ? taken > most : taken >= most) {
        return http_refuse(request,
                           status_too_long,
                           "a line or the headers are too long");
    }
    if (!end) {
        request->scanned = len;
        return HTTP_MORE;
    }
    if (taken < 2 || end[-1] != '\r') {
        return http_refuse(request, 400, "a line ends without CR");
    }
    *out_line = (struct http_piece){(uint32_t)start, (uint32_t)(taken - 2)};
    request->at = start + taken;
    request->scanned = request->at;
    return HTTP_WHOLE;
}

int http_hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static enum http_progress read_line_stage(struct http_request *request,
                                          char *buffer,
                                          size_t len)
{
    /* One empty line before a request is passed over: some clients send one behind a body
     * (RFC 9112, section 2.2). */
    if (request->at == 0 && len >= 2 && buffer[0] == '\r' && buffer[1] == '\n') {
        request->at = 2;
        request->scanned = 2;
    }
    struct http_piece line;
    size_t most = least(request->limits.line_bytes, request->limits.head_bytes);
    enum http_progress progress = http_next_line(request, buffer, len, most, 414, &line);
    if (progress != HTTP_WHOLE) {
        return progress;
    }
    progress = http_read_request_line(request, buffer, line);
    if (progress == HTTP_MORE) {
        request->stage = HTTP_STAGE_HEADERS;
    }
    return progress;
}

static enum http_progress read_header_stage(struct http_request *request,
                                            char *buffer,
                                            size_t len)
{
    struct http_piece line = {0, 0};
    for (;;) {
        size_t left = request->limits.head_bytes > request->at
                          ? request->limits.head_bytes - request->at
                          : 0;
        enum http_progress progress =
            http_next_line(request, buffer, len, left, 431, &line);
        if (progress != HTTP_WHOLE) {
            return progress;
        }
        if (line.len == 0) {
            break;
        }
        progress = http_read_header(request, buffer, line);
        if (progress != HTTP_MORE) {
            return progress;
        }
    }
    request->body_at = request->at;
    return http_end_headers(request);
}

static enum http_progress begin_body(struct http_request *request)
{
    request->stage = request->chunked ? HTTP_STAGE_CHUNK_LINE : HTTP_STAGE_BODY;
    return HTTP_MORE;
}

static enum http_progress read_body_stage(struct http_request *request, size_t len)
{
    if (len - request->body_at < request->content_length) {
        return HTTP_MORE;
    }
    request->body_len = request->content_length;
    request->used = request->body_at + request->body_len;
    request->stage = HTTP_STAGE_WHOLE;
    return HTTP_WHOLE;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}
