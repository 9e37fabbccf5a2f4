/* SPDX-License-Identifier: MIT
 * The table of problems. */
#include "common/model/problem.h"

#include <assert.h>

static const struct {
    int status;
    const char *code;
} problems[PROBLEM_COUNT] = {
    [PROBLEM_BAD_REQUEST] = {400, "bad_request"},
    [PROBLEM_BAD_SIGNATURE] = {400, "bad_signature"},
    [PROBLEM_BAD_JSON] = {400, "bad_json"},
    [PROBLEM_BAD_EVENT] = {400, "bad_event"},
    [PROBLEM_BAD_IDEMPOTENCY_KEY] = {400, "bad_idempotency_key"},
    [PROBLEM_UNAUTHENTICATED] = {401, "unauthenticated"},
    [PROBLEM_WRONG_CREDENTIALS] = {401, "wrong_credentials"},
    [PROBLEM_FORBIDDEN] = {403, "forbidden"},
    [PROBLEM_ROLE_NOT_ALLOWED] = {403, "role_not_allowed"},
    [PROBLEM_CROSS_SITE] = {403, "cross_site"},
    [PROBLEM_NOT_FOUND] = {404, "not_found"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {405, "method_not_allowed"},
    [PROBLEM_TIMEOUT] = {408, "timeout"},
    [PROBLEM_IDEMPOTENCY_IN_FLIGHT] = {409, "idempotency_in_flight"},
    [PROBLEM_ACCOUNT_MISSING] = {409, "account_missing"},
    [PROBLEM_ACCOUNT_CANNOT_CHARGE] = {409, "account_cannot_charge"},
    [PROBLEM_AMICALE_INCOMPLETE] = {409, "amicale_incomplete"},
    [PROBLEM_LOCAL_ID_CONFLICT] = {409, "local_id_conflict"},
    [PROBLEM_WRONG_STATE] = {409, "wrong_state"},
    [PROBLEM_TOO_LARGE] = {413, "too_large"},
    [PROBLEM_URI_TOO_LONG] = {414, "uri_too_long"},
    [PROBLEM_UNSUPPORTED_TYPE] = {415, "unsupported_type"},
    [PROBLEM_EXPECTATION_FAILED] = {417, "expectation_failed"},
    [PROBLEM_INVALID_FIELDS] = {422, "invalid_fields"},
    [PROBLEM_IDEMPOTENCY_MISMATCH] = {422, "idempotency_mismatch"},
    [PROBLEM_STRIPE_REFUSED] = {422, "stripe_refused"},
    [PROBLEM_TOO_MANY_REQUESTS] = {429, "too_many_requests"},
    [PROBLEM_BACKLOG_FULL] = {429, "backlog_full"},
    [PROBLEM_HEADERS_TOO_LARGE] = {431, "headers_too_large"},
    [PROBLEM_JOB_FAILED] = {500, "job_failed"},
    [PROBLEM_NOT_IMPLEMENTED] = {501, "not_implemented"},
    [PROBLEM_UNAVAILABLE] = {503, "unavailable"},
    [PROBLEM_TOO_LATE] = {503, "too_late"},
    [PROBLEM_VERSION] = {505, "http_version"},
};

static const char *const field_codes[FIELD_CODES] = {
    [FIELD_MISSING] = "missing",
    [FIELD_UNKNOWN] = "unknown",
    [FIELD_WRONG_TYPE] = "wrong_type",
    [FIELD_TOO_SMALL] = "too_small",
    [FIELD_TOO_LARGE] = "too_large",
    [FIELD_TOO_LONG] = "too_long",
    [FIELD_BAD_FORMAT] = "bad_format",
    [FIELD_NOT_A_CHOICE] = "not_a_choice",
    [FIELD_ABOVE_REST] = "above_rest",
    [FIELD_IN_FUTURE] = "in_future",
    [FIELD_TOO_OLD] = "too_old",
};

int problem_status(enum problem problem)
{
    assert((int)problem >= 0 && (int)problem < PROBLEM_COUNT);
    return problems[problem].status;
}

const char *problem_code(enum problem problem)
{
    assert((int)problem >= 0 && (int)problem < PROBLEM_COUNT);
    return problems[problem].code;
}

bool problem_find(struct span code, enum problem *out_problem)
{
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        if (span_is(code, problems[i].code)) {
            *out_problem = (enum problem)i;
            return true;
        }
    }
    return false;
}

const char *field_code_name(enum field_code code)
{
    assert((int)code >= 0 && (int)code < FIELD_CODES);
    return field_codes[code];
}

bool field_code_find(struct span name, enum field_code *out_code)
{
    for (int i = 0; i < FIELD_CODES; i++) {
        if (span_is(name, field_codes[i])) {
            *out_code = (enum field_code)i;
            return true;
        }
    }
    return false;
}
