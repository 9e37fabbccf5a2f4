/* SPDX-License-Identifier: MIT
 *
 * request - one request, from its last byte to its answer: what handlers work with.
 *
 * Owns:    its arena and what is in it, until it is answered
 * Callers: dispatch makes it; handlers answer it, exactly once, now or later
 * Blocks:  never
 * Units:   moments in microseconds of the monotonic clock
 * Order:   request_take; the handler; request_answer or one of its kin, which ends the
 *          struct's life
 *
 * path, query, params, body and headers are borrowed from the connection's buffer until
 * the handler returns: a handler that answers later copies what it needs into the arena,
 * or all of it by request_keep.
 *
 * A client that leaves before its answer costs nothing: the answer then goes nowhere. Seen
 * at once are a reset, and over TLS an end without close_notify; the close of a Unix
 * socket within a second. A TCP client that closes in order looks like one that only
 * stopped sending and still reads (both send the same FIN), so that is no leaving.
 */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "api/http.h"
#include "api/networks.h"
#include "api/problem.h"
#include "api/routes.h"
#include "common/base/arena.h"
#include "common/base/text.h"

struct connection;
struct http_answer;
struct loop;
struct question;
struct session;

enum { REQUEST_ID_BYTES = 4 + 16 + 1, REQUEST_ARENA_BYTES = 16 << 20 };

struct request {
    struct loop *loop; /* whose thread this is */
    struct connection *connection; /* NULL: the client has left */
    const struct route *route; /* NULL: none fits */
    struct address peer; /* who is connected */
    struct address client; /* who asks: the peer, or whom a trusted proxy names */
    bool secure; /* it came over HTTPS, to us or to a trusted proxy */
    struct span cors_lines; /* of its answer, for a page of another origin */
    const struct session *session; /* of ROUTE_PEOPLE; else NULL. In the arena */
    enum http_method method;
    struct span path;
    struct span query;
    struct span params[ROUTE_PARAMS];
    struct span body;
    const struct http_request *http; /* NULL once the handler has returned, unless kept */
    const char *buffer; /* what http's pieces stand in */
    size_t kept_bytes; /* of buffer, when it is in the arena; 0: it was not kept */
    bool english; /* wanted by Accept-Language */
    void *context; /* the handler's own, in the arena */
    struct question *question; /* the reader's, for the next one that is asked */
    struct span lines; /* headers of its answer that asking knows before its job does */
    char id[REQUEST_ID_BYTES];
    int64_t began_us;
    /* Called once when the client leaves before its answer, never from within the
     * handler; `connection` is NULL by then. The request must still be answered, or
     * dropped, there or later. NULL: nobody wants to know. */
    void (*left)(struct request *request, void *context);
    void *left_context;
    struct arena arena;
    struct request *next_spare;
};

/* Copies path, query, params, body and headers into the arena: a handler that goes on
 * after it has returned calls it first, and request_header works from then on until the
 * answer. The copy is wiped with the request. Safe twice. */
void request_keep(struct request *request);
/* By lowercase name; empty when it is not there. */
struct span request_header(const struct request *request, const char *name);

/* The answer is copied. `headers` are whole further lines with CRLF, or empty; nothing is
 * kept by a cache or shown in a page unless they say otherwise (http_write.h). */
void request_answer(struct request *request,
                    int status,
                    const char *type,
                    struct span body,
                    struct span headers);
void request_answer_json(struct request *request, int status, struct span body);
void request_problem(struct request *request, enum problem problem);
void request_problem_with(struct request *request,
                          enum problem problem,
                          const struct problem_field *fields,
                          size_t field_count,
                          struct span about,
                          struct span headers);

/* An answer that goes out piece by piece: its head (200), its pieces, its end, which ends
 * the request. When the client leaves, `left` is called, and what is sent goes nowhere;
 * the end is still due. A client that reads too slowly is cut, as one that leaves. */
void request_stream(struct request *request, const char *type, struct span headers);
void request_stream_send(struct request *request, struct span piece);
void request_stream_end(struct request *request);

/* Of loops and connections: a fresh one with an id, and one that nobody waits for. */
struct request *request_take(struct loop *loop);
void request_drop(struct request *request);
/* The client has left: whoever wants to know is told. */
void request_leave(struct request *request);
/* Of a loop that is gone; from any thread. */
void request_forsake(struct request *request);
void request_free_spares(struct loop *loop);

#endif
