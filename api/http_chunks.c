/* SPDX-License-Identifier: MIT
 * Chunked bodies (RFC 9112, section 7.1), put together in place. */
#include "api/http.h"

#include <string.h>

enum { SIZE_DIGITS = 8 };

static enum http_progress read_chunk_line(struct http_request *, char *, size_t);
static enum http_progress read_chunk_data(struct http_request *, char *, size_t);
static enum http_progress read_chunk_end(struct http_request *, const char *, size_t);
static enum http_progress read_trailer(struct http_request *, char *, size_t);
static size_t read_size(struct span line, size_t *out_size);
static void close_gap(struct http_request *request, char *buffer, size_t *len);

enum http_progress http_read_chunks(struct http_request *request,
                                    char *buffer,
                                    size_t *len)
{
    enum http_progress progress = HTTP_MORE;
    size_t at;
    enum http_stage stage;
    do {
        at = request->at;
        stage = request->stage;
        if (stage == HTTP_STAGE_CHUNK_LINE) {
            progress = read_chunk_line(request, buffer, *len);
        } else if (stage == HTTP_STAGE_CHUNK_DATA) {
            progress = read_chunk_data(request, buffer, *len);
        } else if (stage == HTTP_STAGE_CHUNK_END) {
            progress = read_chunk_end(request, buffer, *len);
        } else {
            progress = read_trailer(request, buffer, *len);
        }
    } while (progress == HTTP_MORE && (request->stage != stage || request->at != at));
    if (progress == HTTP_MORE) {
        close_gap(request, buffer, len);
    }
    return progress;
}

/* size [;extension] CRLF. Extensions are passed over, within a bound for the whole body.
 */
static enum http_progress read_chunk_line(struct http_request *request,
                                          char *buffer,
                                          size_t len)
{
    struct http_piece piece;
    size_t most = SIZE_DIGITS + 2 + HTTP_MOST_EXTENSION_BYTES - request->extension_bytes;
    enum http_progress progress = http_next_line(request, buffer, len, most, 400, &piece);
    if (progress != HTTP_WHOLE) {
        return progress;
    }
    struct span line = http_span(buffer, piece);
    size_t size = 0;
    size_t digits = read_size(line, &size);
    bool good = digits > 0 && (digits == line.len || line.at[digits] == ';');
    for (size_t i = digits; i < line.len && good; i++) {
        unsigned char byte = (unsigned char)line.at[i];
        good = (byte >= 0x20 && byte != 0x7f) || byte == '\t';
    }
    request->extension_bytes += line.len - digits;
    if (!good || request->extension_bytes > HTTP_MOST_EXTENSION_BYTES) {
        return http_refuse(request, 400, "a chunk's size is malformed");
    }
    if (size > request->limits.body_bytes - request->body_len) {
        return http_refuse(request, 413, "the body is too large");
    }
    request->chunk_left = size;
    request->stage = size > 0 ? HTTP_STAGE_CHUNK_DATA : HTTP_STAGE_TRAILERS;
    return HTTP_MORE;
}

static enum http_progress read_chunk_data(struct http_request *request,
                                          char *buffer,
                                          size_t len)
{
    size_t there = len - request->at;
    size_t take = there < request->chunk_left ? there : request->chunk_left;
    memmove(buffer + request->body_at + request->body_len, buffer + request->at, take);
    request->body_len += take;
    request->at += take;
    request->scanned = request->at;
    request->chunk_left -= take;
    if (request->chunk_left == 0) {
        request->stage = HTTP_STAGE_CHUNK_END;
    }
    return HTTP_MORE;
}

static enum http_progress read_chunk_end(struct http_request *request,
                                         const char *buffer,
                                         size_t len)
{
    if (len - request->at < 2) {
        return HTTP_MORE;
    }
    if (buffer[request->at] != '\r' || buffer[request->at + 1] != '\n') {
        return http_refuse(request, 400, "a chunk does not end where it says");
    }
    request->at += 2;
    request->scanned = request->at;
    request->stage = HTTP_STAGE_CHUNK_LINE;
    return HTTP_MORE;
}

/* Trailers must be headers, and are dropped: nothing here may come after the body. */
static enum http_progress read_trailer(struct http_request *request,
                                       char *buffer,
                                       size_t len)
{
    struct http_piece line;
    struct http_header ignored;
    size_t most = 2 + HTTP_MOST_EXTENSION_BYTES - request->extension_bytes;
    enum http_progress progress = http_next_line(request, buffer, len, most, 431, &line);
    if (progress != HTTP_WHOLE) {
        return progress;
    }
    if (line.len == 0) {
        request->used = request->at;
        request->stage = HTTP_STAGE_WHOLE;
        return HTTP_WHOLE;
    }
    request->extension_bytes += line.len;
    if (!http_split_header(buffer, line, &ignored)) {
        return http_refuse(request, 400, "a trailer is malformed");
    }
    return HTTP_MORE;
}

/* The number of hex digits; 0 when there are none, or too many to be meant. */
static size_t read_size(struct span line, size_t *out_size)
{
    size_t size = 0;
    size_t i = 0;
    for (; i < line.len; i++) {
        int digit = http_hex_digit(line.at[i]);
        if (digit < 0) {
            break;
        }
        if (i == SIZE_DIGITS) {
            return 0;
        }
        size = size * 16 + (size_t)digit;
    }
    *out_size = size;
    return i;
}

/* What is not read yet moves up to the body's end, so that a body in tiny chunks does not
 * make the buffer grow by its framing. */
static void close_gap(struct http_request *request, char *buffer, size_t *len)
{
    size_t end = request->body_at + request->body_len;
    size_t gap = request->at - end;
    if (gap > 0) {
        memmove(buffer + end, buffer + request->at, *len - request->at);
        *len -= gap;
        request->at -= gap;
        request->scanned -= gap;
    }
}
