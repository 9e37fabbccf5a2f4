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

enum { ERRAND_ROUNDS = 8 }; /* names of one key that may be in the queue together */

struct errand {
    struct request *request;
    struct asking asking;
    const struct kind *kind;
    struct span key; /* its Idempotency-Key; empty: none */
    struct span who; /* is charged */
    struct span id; /* of the job */
    struct span mac; /* of route and body */
    int round; /* of the key: earlier ones came to nothing */
    int64_t wait_ms;
    int64_t asked_ms; /* wall time */
};

/* What was asked under the key came to nothing (answer_is_passing): it is asked for once
 * more, by the key's next name. */
void errand_again(struct errand *errand);
bool errand_may_again(const struct errand *errand);
/* Repeating what was asked is not charged. */
void errand_give_back(struct errand *errand);

/* asking_answer.c: each answers the request. `repeated`: it came before. */
void errand_settled(struct errand *errand, const struct job_result *job, bool repeated);
/* From idempotency_keys, where answers are kept when Redis has forgotten them. */
void errand_recall(struct errand *errand, bool repeated);
/* 202; 503 when the answer is worth nothing later. */
void errand_later(struct errand *errand, const struct job_result *job);
/* `located`: with the job's address. */
void errand_refuse(struct errand *errand, enum problem problem, bool located);

#endif
