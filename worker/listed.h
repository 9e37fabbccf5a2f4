/* SPDX-License-Identifier: MIT
 *
 * listed - walks what Stripe lists, and finds our own object there by its metadata.
 *
 * Owns:    nothing
 * Callers: handlers
 * Blocks:  up to stripe.total_ms a page
 * Faults:  as stripe_get's; LATER when the list has no end
 *
 * Lists, not Stripe's search: search is not read-after-write.
 */
#ifndef WORKER_LISTED_H
#define WORKER_LISTED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/link/stripe.h"

struct cJSON;
struct handling;
struct stripe_answer;

enum { LISTED_MOST_QUERY = 2 };

struct listed {
    const char *path; /* "/v1/accounts" */
    struct stripe_param query[LISTED_MOST_QUERY]; /* besides limit and starting_after */
    size_t query_count;
    bool live;
};

/* Called for each object, newest first, until it answers false; the object is borrowed
 * until then. */
typedef bool (*listed_fn)(const struct cJSON *object, void *context);

/* out_refusal is filled on a NEVER with an HTTP status; it may be NULL. */
MUST_USE enum outcome listed_walk(struct handling *handling,
                                  const struct listed *listed,
                                  listed_fn each,
                                  void *context,
                                  struct stripe_answer *out_refusal,
                                  struct fault *fault);

/* The first one that has all the values. *out_object is yours; NULL: none has. */
struct listed_mark {
    const char *key; /* "metadata.amicale_id" */
    struct span value; /* a number as digits; empty: any */
};
enum { LISTED_MARKS = 3 };
MUST_USE enum outcome listed_find(struct handling *handling,
                                  const struct listed *listed,
                                  const struct listed_mark marks[LISTED_MARKS],
                                  struct cJSON **out_object,
                                  struct fault *fault);

#endif
