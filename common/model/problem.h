/* SPDX-License-Identifier: MIT
 *
 * problem - every error that a caller of the front door may be told: its code and its
 * HTTP status. The front door finds some itself, workers find others and name them in
 * their answer (common/model/answer.h); the texts for people are the front door's.
 *
 * Owns:    nothing; pure
 * Callers: api, worker
 * Blocks:  never
 */
#ifndef COMMON_MODEL_PROBLEM_H
#define COMMON_MODEL_PROBLEM_H

#include <stdbool.h>

#include "common/base/text.h"

enum problem {
    PROBLEM_BAD_REQUEST, /* not HTTP as we read it */
    PROBLEM_BAD_SIGNATURE,
    PROBLEM_BAD_JSON,
    PROBLEM_BAD_EVENT,
    PROBLEM_BAD_IDEMPOTENCY_KEY,
    PROBLEM_UNAUTHENTICATED, /* no session, or one that has ended */
    PROBLEM_WRONG_CREDENTIALS, /* of a login: no more is ever said */
    PROBLEM_FORBIDDEN, /* this address */
    PROBLEM_ROLE_NOT_ALLOWED,
    PROBLEM_CROSS_SITE, /* a write with a cookie, from a page of somebody else's */
    PROBLEM_NOT_FOUND, /* or not of the caller's amicale */
    PROBLEM_METHOD_NOT_ALLOWED,
    PROBLEM_TIMEOUT,
    PROBLEM_IDEMPOTENCY_IN_FLIGHT, /* the first request with the key is not answered */
    PROBLEM_ACCOUNT_MISSING, /* the amicale has no Stripe account */
    PROBLEM_ACCOUNT_CANNOT_CHARGE, /* it has one that is not ready */
    PROBLEM_AMICALE_INCOMPLETE, /* it lacks what Stripe wants: the fields say what */
    PROBLEM_LOCAL_ID_CONFLICT, /* the sale is known with another amount or method */
    PROBLEM_WRONG_STATE, /* what is asked cannot be done with it as it is */
    PROBLEM_TOO_LARGE,
    PROBLEM_URI_TOO_LONG,
    PROBLEM_UNSUPPORTED_TYPE,
    PROBLEM_EXPECTATION_FAILED,
    PROBLEM_INVALID_FIELDS, /* the fields say which and why */
    PROBLEM_IDEMPOTENCY_MISMATCH, /* the key came before with another request */
    PROBLEM_STRIPE_REFUSED, /* for good; `about` has what it said */
    PROBLEM_TOO_MANY_REQUESTS,
    PROBLEM_BACKLOG_FULL, /* too many offline sales wait in the queue */
    PROBLEM_HEADERS_TOO_LARGE,
    PROBLEM_JOB_FAILED, /* its job is dead: an operator sees why */
    PROBLEM_NOT_IMPLEMENTED,
    PROBLEM_UNAVAILABLE, /* a neighbour that is needed does not answer */
    PROBLEM_TOO_LATE, /* the job's turn came when nobody waited any more */
    PROBLEM_VERSION,
};
enum { PROBLEM_COUNT = PROBLEM_VERSION + 1 };

int problem_status(enum problem problem);
const char *problem_code(enum problem problem);
bool problem_find(struct span code, enum problem *out_problem);

/* What is wrong with one field of a request. Its text is the front door's too. */
enum field_code {
    FIELD_MISSING,
    FIELD_UNKNOWN, /* there is no such field */
    FIELD_WRONG_TYPE,
    FIELD_TOO_SMALL,
    FIELD_TOO_LARGE,
    FIELD_TOO_LONG,
    FIELD_BAD_FORMAT,
    FIELD_NOT_A_CHOICE,
    FIELD_ABOVE_REST, /* more than is left to refund or to capture */
    FIELD_IN_FUTURE, /* a moment that has not come yet */
    FIELD_TOO_OLD, /* a moment that lies too far back */
};
enum { FIELD_CODES = FIELD_TOO_OLD + 1 };

const char *field_code_name(enum field_code code);
bool field_code_find(struct span name, enum field_code *out_code);

#endif
