/* SPDX-License-Identifier: MIT
 *
 * jobs - how far a job is that its caller asked for, and what came of it.
 *
 * Owns:    nothing
 * Callers: routes, asking
 * Blocks:  never
 *
 *   {"id":"payment.refund:7:5d41...","kind":"payment.refund",
 *    "status":"waiting|running|done|failed","attempts":0,
 *    "created_at":"2026-11-22T10:05:00.123Z","answer":null|{"status":200,"body":{...}}}
 *
 * A job is its owner's alone: to anybody else it is not there. Its answer stays for a
 * quarter of an hour; afterwards it is null, and only the request with its Idempotency-Key
 * still finds it.
 */
#ifndef API_JOBS_H
#define API_JOBS_H

#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct answer;
struct arena;
struct job_result;
struct prefer;
struct problem_field;
struct request;

#define JOBS_TYPE "application/json; charset=utf-8"

enum { JOBS_BODY_BYTES = 1 << 20 };

void jobs_show(struct request *request); /* GET /api/jobs/{id} */

/* What asking needs too. `answer` may be NULL. */
void jobs_write(struct text *out,
                const struct request *request,
                struct span id,
                const struct job_result *job,
                const struct answer *answer);
/* What a result is sealed for. */
struct span jobs_result_binding(struct arena *arena, struct span id);
MUST_USE enum outcome jobs_open_answer(struct request *request,
                                       struct span binding,
                                       struct span sealed,
                                       struct answer *out_answer,
                                       struct fault *fault);
/* The fields of an answer that is a problem; out_fields has room for ANSWER_FIELDS. */
size_t jobs_fields(const struct answer *answer, struct problem_field *out_fields);
void jobs_read_prefer(const struct request *request, struct prefer *out_prefer);

#endif
