/* SPDX-License-Identifier: MIT
 *
 * http_feed - feeds bytes to the HTTP reader in pieces and writes down what it made of
 * them.
 *
 * Owns:    nothing
 * Callers: test_http and fuzz_http
 * Blocks:  never
 *
 * Two feedings of the same bytes must give the same text.
 */
#ifndef TESTS_FUZZ_HTTP_FEED_H
#define TESTS_FUZZ_HTTP_FEED_H

#include <stdlib.h>
#include <string.h>

#include "api/http.h"

/* How many bytes come next; at least 1. `context` is the caller's. */
typedef size_t (*http_feed_fn)(size_t left, void *context);

static inline void http_feed_must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static inline void http_feed_dump(const struct http_request *request,
                                  const char *buffer,
                                  enum http_progress progress,
                                  struct text *out)
{
    if (progress == HTTP_REFUSED) {
        text_addf(out, "refused %d %s\n", request->status, request->reason);
        return;
    }
    text_addf(out,
              "%s 1.%d keep=%d expects=%d path=",
              http_method_name(request->method),
              request->minor,
              request->keep_alive,
              request->expects_continue);
    text_add(out, http_span(buffer, request->path));
    text_add_string(out, " query=");
    text_add(out, http_span(buffer, request->query));
    for (size_t i = 0; i < request->header_count; i++) {
        text_add_string(out, "\n  ");
        text_add(out, http_span(buffer, request->headers[i].name));
        text_add_char(out, '=');
        text_add(out, http_span(buffer, request->headers[i].value));
    }
    text_add_string(out, "\nbody=");
    text_add(out, http_body(request, buffer));
    text_add_string(out, "\n");
}

/* Every request of a connection, one after another, as the front door reads them. The
 * buffer has no byte to spare and moves at every step, so that a sanitizer sees what
 * reads beyond it or holds on to it. */
static inline void http_feed(struct span bytes,
                             const struct http_limits *limits,
                             http_feed_fn next,
                             void *context,
                             struct text *out)
{
    char *buffer = NULL;
    size_t len = 0;
    struct http_request request;
    bool began = false;
    enum http_progress progress = HTTP_MORE;
    while (bytes.len > 0 && progress != HTTP_REFUSED) {
        size_t take = next(bytes.len, context);
        char *moved = malloc(len + take);
        http_feed_must(moved && take > 0 && take <= bytes.len);
        if (len > 0) {
            memcpy(moved, buffer, len);
        }
        memcpy(moved + len, bytes.at, take);
        free(buffer);
        buffer = moved;
        len += take;
        bytes = (struct span){bytes.at + take, bytes.len - take};
        do {
            if (!began) {
                http_begin(&request, limits);
                began = true;
            }
            progress = http_read(&request, buffer, &len);
            if (progress == HTTP_HEADED) {
                progress = http_read(&request, buffer, &len);
            }
            http_feed_must(progress != HTTP_HEADED);
            if (progress == HTTP_WHOLE || progress == HTTP_REFUSED) {
                http_feed_dump(&request, buffer, progress, out);
                began = false;
            }
            if (progress == HTTP_WHOLE) {
                http_feed_must(request.used <= len && request.used > 0);
                len -= request.used;
                memmove(buffer, buffer + request.used, len);
            }
        } while (progress == HTTP_WHOLE && len > 0);
    }
    text_addf(out, "%s\n", began && len > 0 ? "unfinished" : "end");
    free(buffer);
}

static inline size_t http_feed_all(size_t left, void *context)
{
    (void)context;
    return left;
}

static inline size_t http_feed_one(size_t left, void *context)
{
    (void)left;
    (void)context;
    return 1;
}

/* Pieces of 1 to 64 bytes from a seed. */
static inline size_t http_feed_random(size_t left, void *context)
{
    unsigned *seed = context;
    *seed = *seed * 1103515245u + 12345u;
    size_t take = 1 + (*seed >> 16) % 64;
    return take < left ? take : left;
}

/* Two pieces: *context bytes, then the rest. */
static inline size_t http_feed_cut(size_t left, void *context)
{
    size_t *first = context;
    size_t take = *first > 0 && *first < left ? *first : left;
    *first = 0;
    return take;
}

#endif
