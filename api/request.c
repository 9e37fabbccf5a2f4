/* SPDX-License-Identifier: MIT
 * The life of a request, and the one place where it is settled. */
#include "api/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/connection.h"
#include "api/counters.h"
#include "api/edge.h"
#include "api/http_write.h"
#include "api/loop.h"
#include "common/base/log.h"

enum {
    PROBLEM_BYTES = 64 * 1024,
    SPARES_MOST = 128, /* of a loop; each holds an arena's block */
};

static struct span rebase(struct span span, const char *from, const char *to);
static void write_id(uint64_t number, char out[REQUEST_ID_BYTES]);
static void settle(struct request *request, int status);
static void wipe_kept(struct request *request);

/* The whole request moves as one piece, so that every place in it stays right. */
void request_keep(struct request *request)
{
    if (request->kept_bytes > 0) {
        return;
    }
    assert(request->http);
    const char *from = request->buffer;
    size_t bytes = request->http->body_at + request->http->body_len;
    struct http_request *http = ARENA_NEW(&request->arena, struct http_request);
    char *buffer = arena_take(&request->arena, bytes);
    memcpy(buffer, from, bytes);
    *http = *request->http;
    request->path = rebase(request->path, from, buffer);
    request->query = rebase(request->query, from, buffer);
    request->body = rebase(request->body, from, buffer);
    for (size_t i = 0; i < ROUTE_PARAMS; i++) {
        request->params[i] = rebase(request->params[i], from, buffer);
    }
    request->http = http;
    request->buffer = buffer;
    request->kept_bytes = bytes;
    request->loop->kept_bytes += bytes;
}

static struct span rebase(struct span span, const char *from, const char *to)
{
    return span.at ? (struct span){to + (span.at - from), span.len} : span;
}

struct span request_header(const struct request *request, const char *name)
{
    assert(request->http);
    return http_header(request->http, request->buffer, name);
}

void request_answer(struct request *request,
                    int status,
                    const char *type,
                    struct span body,
                    struct span headers)
{
    struct http_answer answer = {
        .status = status,
        .type = type,
        .body = body,
        .headers = headers,
        .edge = {edge_hsts(request), request->cors_lines},
        .request_id = {request->id, REQUEST_ID_BYTES - 1},
        .without_body = request->method == HTTP_HEAD,
    };
    struct connection *connection = request->connection;
    settle(request, status);
    if (connection) {
        connection_answer(connection, &answer);
    }
    request_drop(request);
}

void request_stream(struct request *request, const char *type, struct span headers)
{
    struct http_answer answer = {
        .status = 200,
        .type = type,
        .headers = headers,
        .edge = {edge_hsts(request), request->cors_lines},
        .request_id = {request->id, REQUEST_ID_BYTES - 1},
    };
    settle(request, answer.status);
    if (request->connection) {
        connection_stream(request->connection, &answer);
    }
}

void request_stream_send(struct request *request, struct span piece)
{
    if (request->connection && piece.len > 0) {
        connection_stream_send(request->connection, piece);
    }
}

void request_stream_end(struct request *request)
{
    struct connection *connection = request->connection;
    request->left = NULL;
    if (connection) {
        connection_stream_end(connection);
    }
    request_drop(request);
}

void request_answer_json(struct request *request, int status, struct span body)
{
    request_answer(request,
                   status,
                   "application/json; charset=utf-8",
                   body,
                   (struct span){NULL, 0});
}

void request_problem(struct request *request, enum problem problem)
{
    struct span headers = {NULL, 0};
    if (problem_status(problem) == 503) {
        headers = SPAN("Retry-After: 1\r\n");
    }
    request_problem_with(request, problem, NULL, 0, (struct span){NULL, 0}, headers);
}

void request_problem_with(struct request *request,
                          enum problem problem,
                          const struct problem_field *fields,
                          size_t field_count,
                          struct span about,
                          struct span headers)
{
    struct text body;
    text_init(&body, PROBLEM_BYTES);
    problem_write(&body,
                  problem,
                  span_of(request->id),
                  request->english,
                  fields,
                  field_count,
                  about);
    request_answer(request,
                   problem_status(problem),
                   PROBLEM_TYPE,
                   text_span(&body),
                   headers);
    text_done(&body);
}

struct request *request_take(struct loop *loop)
{
    struct request *request = loop->spare_requests;
    struct arena arena;
    if (request) {
        loop->spare_requests = request->next_spare;
        loop->spare_count--;
        arena = request->arena;
    } else {
        request = malloc(sizeof(*request));
        if (!request) {
            abort();
        }
        arena_init(&arena, REQUEST_ARENA_BYTES);
    }
    *request =
        (struct request){.loop = loop, .arena = arena, .began_us = loop_mono_us(loop)};
    write_id(loop->next_id++, request->id);
    counter_add(&loop->counters->waiting, 1);
    loop_saw_crowd(&loop->waiting_most, counter_read(&loop->counters->waiting));
    return request;
}

void request_drop(struct request *request)
{
    struct loop *loop = request->loop;
    counter_add(&loop->counters->waiting, -1);
    loop->kept_bytes -= request->kept_bytes;
    wipe_kept(request);
    if (loop->spare_count == SPARES_MOST) {
        arena_done(&request->arena);
        free(request);
        return;
    }
    arena_reset(&request->arena);
    request->next_spare = loop->spare_requests;
    loop->spare_requests = request;
    loop->spare_count++;
}

/* It may hold a token or a password. */
static void wipe_kept(struct request *request)
{
    if (request->kept_bytes > 0) {
        explicit_bzero((void *)(uintptr_t)request->buffer, request->kept_bytes);
    }
}

void request_leave(struct request *request)
{
    void (*left)(struct request *, void *) = request->left;
    request->connection = NULL;
    request->left = NULL;
    if (left) {
        left(request, request->left_context);
    }
}

void request_forsake(struct request *request)
{
    wipe_kept(request);
    arena_done(&request->arena);
    free(request);
}

void request_free_spares(struct loop *loop)
{
    while (loop->spare_requests) {
        struct request *next = loop->spare_requests->next_spare;
        arena_done(&loop->spare_requests->arena);
        free(loop->spare_requests);
        loop->spare_requests = next;
    }
    loop->spare_count = 0;
}

/* Consecutive numbers become names that do not look alike (the finaliser of splitmix64,
 * which maps no two numbers to one). */
static void write_id(uint64_t number, char out[REQUEST_ID_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9U;
    number = (number ^ (number >> 27)) * 0x94d049bb133111ebU;
    number ^= number >> 31;
    memcpy(out, "req_", 4);
    for (int i = 0; i < 16; i++) {
        out[4 + i] = hex[number >> (60 - 4 * i) & 15];
    }
    out[REQUEST_ID_BYTES - 1] = '\0';
}

static void settle(struct request *request, int status)
{
    struct loop *loop = request->loop;
    int64_t took_us = loop_mono_us(loop) - request->began_us;
    size_t row = request->route ? (size_t)(request->route - routes) : ROUTES_MOST;
    enum log_level level =
        status >= 500 && loop_may_warn(loop) ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG;
    counters_answered(loop->counters, row, status, took_us);
    if (log_is_on(level)) {
        LOG_AT_(level,
                "answered",
                LOG_TEXT("request", request->id),
                LOG_TEXT("method", http_method_name(request->method)),
                LOG_TEXT("route", request->route ? request->route->name : "none"),
                LOG_NUMBER("status", status),
                LOG_NUMBER("took_us", took_us),
                LOG_NUMBER("left", request->connection ? 0 : 1));
    }
}
