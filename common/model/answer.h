/* SPDX-License-Identifier: MIT
 *
 * answer - the result of an asked job: what its caller is told. A refusal that the caller
 * can understand is a good result of a job that is done; a job dies only of what nobody
 * expected.
 *
 * Owns:    nothing; what is decoded lives in the arena
 * Callers: worker (encode), api (decode)
 * Blocks:  never
 * Faults:  NEVER when the text is not what answer_encode writes
 *
 *   {"status":200,"body":{...}}
 *   {"problem":"invalid_fields","fields":[{"field":"amount","code":"above_rest"}],
 *    "about":{"rest":700}}
 */
#ifndef COMMON_MODEL_ANSWER_H
#define COMMON_MODEL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/model/problem.h"

enum answer_fault { ANSWER_UNREADABLE = 1 };
enum { ANSWER_FIELDS = 8 };

struct answer_field {
    struct span name;
    enum field_code code;
};

struct answer {
    int status; /* 200, 201 or 204; 0: it is a problem */
    struct span body; /* with a status: JSON; empty with 204 */
    enum problem problem;
    struct answer_field fields[ANSWER_FIELDS];
    size_t field_count;
    struct span about; /* of a problem: a JSON object for programs; empty: none */
    bool replayed; /* of an earlier request with the same Idempotency-Key */
};

struct span answer_encode(const struct answer *answer, struct arena *arena);
MUST_USE enum outcome answer_decode(struct span text,
                                    struct arena *arena,
                                    struct answer *out_answer,
                                    struct fault *fault);

/* It says nothing about what was asked, or an admin must see to something first: the same
 * request, with the same Idempotency-Key even, may fare better another time. Such an answer
 * is not kept under its key. */
bool answer_is_passing(const struct answer *answer);

/* The three sorts; what is given is borrowed. */
void answer_say(struct answer *answer, int status, struct span body);
void answer_refuse(struct answer *answer, enum problem problem, struct span about);
/* Makes it INVALID_FIELDS, and adds one. */
void answer_refuse_field(struct answer *answer, struct span field, enum field_code code);

#endif
