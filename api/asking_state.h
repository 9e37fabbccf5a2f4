/* SPDX-License-Identifier: MIT
 *
 * asking_state - what asking.c and asking_answer.c share: a request on its way through its
 * job.
 *
 * Owns:    nothing; an errand lives in its request's arena
 * Callers: these two files alone
 * Blocks:  never
 */
#ifndef API_ASKING_STATE_H
#define API_ASKING_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/asking.h"
#include "common/base/text.h"
#include "common/link/queue.h"
#include "common/model/problem.h"

struct request;

struct errand {
    struct request *request;
    struct asking asking;
    const struct kind *kind;
    struct span key; /* its Idempotency-Key; empty: none */
    struct span who; /* is charged */
    struct span id; /* of the job */
    struct span mac; /* of route and body */
    int64_t wait_ms;
    int64_t asked_ms; /* wall time */
};

/* asking_answer.c: each answers the request. */
void errand_settled(struct errand *errand, const struct job_result *job, bool replayed);
/* From idempotency_keys, where answers are kept when Redis has forgotten them. */
void errand_recall(struct errand *errand);
/* 202; 503 when the answer is worth nothing later. */
void errand_later(struct errand *errand, const struct job_result *job);
/* `located`: with the job's address. */
void errand_refuse(struct errand *errand, enum problem problem, bool located);

#endif
