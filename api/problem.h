/* SPDX-License-Identifier: MIT
 *
 * problem - every error that the front door may answer, as problem+json (RFC 9457).
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

enum problem {
    PROBLEM_BAD_REQUEST, /* not HTTP as we read it */
    PROBLEM_BAD_SIGNATURE,
    PROBLEM_BAD_JSON,
    PROBLEM_BAD_EVENT,
    PROBLEM_FORBIDDEN,
    PROBLEM_NOT_FOUND,
    PROBLEM_METHOD_NOT_ALLOWED,
    PROBLEM_TIMEOUT,
    PROBLEM_TOO_LARGE,
    PROBLEM_URI_TOO_LONG,
    PROBLEM_UNSUPPORTED_TYPE,
    PROBLEM_EXPECTATION_FAILED,
    PROBLEM_HEADERS_TOO_LARGE,
    PROBLEM_NOT_IMPLEMENTED,
    PROBLEM_UNAVAILABLE, /* a neighbour that is needed does not answer */
    PROBLEM_VERSION,
};
enum { PROBLEM_COUNT = PROBLEM_VERSION + 1 };

#define PROBLEM_TYPE "application/problem+json; charset=utf-8"

/* What is wrong with one field of a request. */
struct problem_field {
    struct span field; /* "transactions[3].amount" */
    const char *code; /* "too_small" */
    struct span detail;
};

int problem_status(enum problem problem);
const char *problem_code(enum problem problem);
/* The problem that a refusal of the HTTP reader is. */
enum problem problem_of_status(int status);
/* Whether English is wanted rather than French. */
bool problem_prefers_english(struct span accept_language);
void problem_write(struct text *out,
                   enum problem problem,
                   struct span request_id,
                   bool english,
                   const struct problem_field *fields,
                   size_t field_count);

#endif
