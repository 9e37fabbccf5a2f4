/* SPDX-License-Identifier: MIT
 *
 * problem - the errors of common/model/problem.h as problem+json (RFC 9457), with texts.
 *
 * Owns:    nothing; pure
 * Callers: connections, handlers, tests
 * Blocks:  never
 *
 *   {"type":"urn:tocsin:problem:bad-signature","title":"...","status":400,
 *    "detail":"...","code":"bad_signature","request_id":"req_..."}
 *
 * title and detail are French, or English when Accept-Language prefers it.
 */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"
#include "common/model/problem.h"

struct json_writer;

#define PROBLEM_TYPE "application/problem+json; charset=utf-8"

/* What is wrong with one field of a request. */
struct problem_field {
    struct span field; /* "transactions[3].amount" */
    enum field_code code;
    struct span detail; /* in the reader's language; empty: the code's own text */
};

/* The problem that a refusal of the HTTP reader is. */
enum problem problem_of_status(int status);
/* `about` is a JSON object for programs, or empty. */
void problem_write(struct text *out,
                   enum problem problem,
                   struct span request_id,
                   bool english,
                   const struct problem_field *fields,
                   size_t field_count,
                   struct span about);
/* The member `errors` alone, where errors are part of a good answer. */
void problem_put_fields(struct json_writer *json,
                        const struct problem_field *fields,
                        size_t field_count,
                        bool english);

#endif
