/* SPDX-License-Identifier: MIT
 *
 * call - one API call: what was asked, and the answer that is being made.
 *
 * Owns:    its arena and its answer, from call_new to call_free
 * Callers: the handlers of routes, and server.c
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_CALL_H
#define TESTS_STRIPESIM_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/text.h"
#include "tests/stripesim/faults.h"
#include "tests/stripesim/form.h"
#include "tests/stripesim/object.h"

struct evhttp_request;
struct event;
struct idempotency_record;
struct route;
struct sim;

struct call {
    struct sim *sim;
    struct arena arena;
    struct evhttp_request *http;
    const struct route *route;
    const char *method; /* "GET" */
    struct span path; /* without the query */
    struct span path_id; /* what stood for {id} */
    struct form form; /* query and body */
    const char *account; /* Stripe-Account, a string of the store; NULL: the platform */
    const char *request_id; /* a string of the store */
    struct span idempotency_key; /* empty: none */
    struct span version;
    struct idempotency_record *record; /* reserved for this call, or NULL */
    struct expansion expansion;

    int status;
    struct text body; /* JSON without spaces */
    bool executed; /* a handler ran, so the answer is kept under the key */
    const char *replayed_from; /* the request id of the first answer */
    struct fault_plan plan; /* what goes wrong with it */
    struct event *timer; /* while it is held */
    struct call *next; /* of the calls that are held */
    struct call **link; /* what points to this one there; NULL: it is not held */
};

enum { CALL_ARENA_BYTES = 16 * 1024 * 1024, CALL_BODY_BYTES = 64 * 1024 * 1024 };

struct call *call_new(struct sim *sim);
void call_free(struct call *call);

/* Everything about an error but its text. Zero means: 400, invalid_request_error. */
struct refusal {
    int status;
    const char *type;
    const char *code;
    const char *decline_code;
    const char *param;
    const char *charge;
    const struct object *payment_intent;
};

void call_refuse(struct call *call,
                 const struct refusal *refusal,
                 const char *format,
                 ...) PRINTF_LIKE(3, 4);
void call_answer(struct call *call, const struct object *object);
/* The object of the call's account that the path names, or NULL after refusing with
 * resource_missing. */
void *call_find(struct call *call, enum kind kind, struct span id);
/* Likewise, named by a parameter: NULL after refusing with that status. */
void *call_find_param(struct call *call, enum kind kind, const char *param, int status);
/* Answers with the object that the path names; with what is left of it, when it was
 * deleted. */
void call_retrieve(struct call *call, enum kind kind);
void call_delete(struct call *call, enum kind kind);
/* The parameter's value in the store, or NULL when it is missing or empty. */
const char *call_string(struct call *call, const char *name);
/* The parameter's number, or `otherwise`; the route's table has checked that it is one.
 */
int64_t call_integer(struct call *call, const char *name, int64_t otherwise);
bool call_is_true(const struct call *call, const char *name);

#endif
