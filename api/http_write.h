/* SPDX-License-Identifier: MIT
 *
 * http_write - writes HTTP/1.1 answers.
 *
 * Owns:    nothing; pure
 * Callers: connections, tests
 * Blocks:  never
 *
 * Every answer carries its length, its request's id, and headers that keep a browser from
 * doing anything with it but reading it. Cache-Control (no-store) and
 * Content-Security-Policy (nothing at all) are the answer's own when `headers` has them.
 */
#ifndef API_HTTP_WRITE_H
#define API_HTTP_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

enum { HTTP_DATE_BYTES = 32, HTTP_EDGE_SPANS = 2 };

struct http_answer {
    int status;
    const char *type; /* Content-Type; NULL: none */
    struct span body;
    struct span headers; /* further ones, whole lines with CRLF; may be empty */
    struct span edge[HTTP_EDGE_SPANS]; /* the front door's own, as `headers` */
    struct span request_id;
    bool close; /* the connection ends with it */
    bool keep; /* it does not, which HTTP/1.0 wants to hear */
    bool in_pieces; /* its length is not known: no body, and no Content-Length */
    bool chunked; /* the same, and each piece says how long it is */
    bool without_body; /* of HEAD: the length is told, the body stays */
};

/* `date` as http_date writes it. */
void http_write(struct text *out, const struct http_answer *answer, const char *date);
/* A piece of what is chunked; an empty one is the end (RFC 9112, section 7.1). */
void http_write_chunk(struct text *out, struct span piece);
/* "HTTP/1.1 100 Continue" and its empty line. */
void http_write_continue(struct text *out);
/* "Sun, 22 Nov 2026 10:05:00 GMT" (RFC 9110, section 5.6.7). */
void http_date(int64_t wall_ms, char out[HTTP_DATE_BYTES]);
/* "Not Found"; a status that we do not use has an empty reason, which is allowed. */
const char *http_reason(int status);

#endif
