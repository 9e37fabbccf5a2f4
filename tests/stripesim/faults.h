/* SPDX-License-Identifier: MIT
 *
 * faults - what goes wrong with API calls, switched on and off while the simulator runs.
 *
 * Owns:    its rules, from faults_init to faults_done
 * Callers: server.c asks, the control endpoint sets
 * Blocks:  never
 * Units:   milliseconds, percents of calls
 */
#ifndef TESTS_STRIPESIM_FAULTS_H
#define TESTS_STRIPESIM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/json.h"
#include "common/base/text.h"
#include "tests/stripesim/random.h"

/* A way to go wrong. */
struct fault_action {
    const char *name;
    int64_t default_ms;
    const char *type;
    const char *code;
    const char *message;
    int status; /* answered instead; 0: what the call itself answers */
    bool executes; /* the call has its effect */
    bool waits_before; /* its ms pass before the effect; else after it */
    bool drops; /* no answer: the connection is closed */
    bool is_kept; /* the answer stays under the idempotency key */
};

enum { FAULT_PATH_BYTES = 128, FAULT_METHOD_BYTES = 8, FAULT_ALWAYS = -1 };

/* When it goes so wrong. */
struct fault_rule {
    const struct fault_action *action;
    char method[FAULT_METHOD_BYTES]; /* empty: any */
    char path[FAULT_PATH_BYTES]; /* of a route, "{id}" and all; "...*": what begins so */
    int64_t skip; /* calls that it lets pass first */
    int64_t times; /* calls left to hit, or FAULT_ALWAYS */
    int64_t percent;
    int64_t ms;
    int64_t retry_after_s; /* 0: no Retry-After */
    const char *should_retry; /* "true", "false", or NULL: no Stripe-Should-Retry */
    int64_t hits;
};

struct faults {
    struct fault_rule *rules;
    size_t count;
};

/* What happens to one call. */
struct fault_plan {
    const struct fault_action *action; /* NULL: nothing goes wrong */
    int64_t before_ms;
    int64_t after_ms;
    int64_t retry_after_s;
    const char *should_retry;
};

void faults_init(struct faults *faults);
void faults_done(struct faults *faults);
/* NULL: there is no such way to go wrong. */
const struct fault_action *faults_action(struct span name);
/* Returns its number, counted from 1. */
size_t faults_add(struct faults *faults, const struct fault_rule *rule);
void faults_clear(struct faults *faults);
/* Latencies add up; of all else the first rule that hits wins. A call that is only
 * replayed is not hit by answers that would be kept. */
void faults_plan(struct faults *faults,
                 struct random *random,
                 const char *method,
                 const char *path,
                 bool is_replay,
                 struct fault_plan *out_plan);
void faults_write(const struct faults *faults, struct json_writer *json);

#endif
