/* SPDX-License-Identifier: MIT
 *
 * asking - turns a checked request into a job, waits for it, and answers.
 *
 * Owns:    nothing; the request and its arena carry everything
 * Callers: handlers of routes that change something
 * Blocks:  never
 * Order:   the handler checks the fields, then calls ask() as its last act
 *
 *   charge the limit -> name -> seal -> enqueue -> wait -> answer
 *
 * With an Idempotency-Key the job's name comes from the key: a request that comes again
 * finds the same job. Settled, its answer is given again (Idempotent-Replayed: true), from
 * Redis or, once Redis has forgotten, from idempotency_keys; not settled, it is 409 with
 * the job's Location; with another route or body it is 422.
 *
 * The wait ends after Prefer: wait=N seconds (RFC 7240; at most 25, api.wait_ms without
 * one, 0 with respond-async): the answer is then 202 with Location: /api/jobs/{id}, and
 * the job goes on. A loop that drains answers so at once.
 */
#ifndef API_ASKING_H
#define API_ASKING_H

#include <stdbool.h>
#include <stddef.h>

#include "api/limits.h"
#include "common/base/text.h"

struct answer;
struct request;

enum { ASKING_REFS = 4 };

/* What a handler wants done. Spans must live in the request's arena, or for ever. */
struct asking {
    const char *kind;
    struct span body; /* a JSON object: checked fields and the path's parameters */
    struct span tenant; /* amicale's id in decimal; empty: the session's, else "-" */
    struct span refs[ASKING_REFS]; /* empty ones are left out */
    size_t ref_count;
    enum limit limit; /* LIMIT_NONE, or what is charged for it */
    bool perishable; /* worth nothing once nobody waits: the job then does nothing, and
                        the answer is 503 rather than 202 */
    bool keyless; /* takes no Idempotency-Key (login, logout) */
    /* Called with the job's answer instead of the usual one; it must answer the request.
     * What is perishable is told so too when there is no answer of a job (503 and the
     * like). NULL: asking_answer. */
    void (*answered)(struct request *request, const struct answer *answer);
};

void ask(struct request *request, const struct asking *asking);

/* The usual answer: JSON with its status, or the problem in the reader's language.
 * `headers` are whole further lines with CRLF, or empty. */
void asking_answer(struct request *request,
                   const struct answer *answer,
                   struct span headers);

#endif
