/* SPDX-License-Identifier: MIT
 * Decodes headers and errors of Stripe, and decides. */
#include "common/link/stripe_answer.h"

#include <string.h>
#include <strings.h>

#include "common/base/json.h"

enum { FIRST_WAIT_MS = 500, RETRY_AFTER_MOST_S = 3600 };

static void on_request_id(struct stripe_try *attempt, struct span value);
static void on_retry_after(struct stripe_try *attempt, struct span value);
static void on_should_retry(struct stripe_try *attempt, struct span value);
static bool is_transient(long status);
static enum outcome judge_silence(const struct stripe_try *attempt,
                                  enum stripe_method method,
                                  struct fault *fault);
static enum outcome say(enum outcome outcome,
                        int code,
                        const struct stripe_try *attempt,
                        const struct stripe_answer *answer,
                        struct fault *fault);

static const struct {
    const char *name;
    void (*take)(struct stripe_try *attempt, struct span value);
} headers[] = {
    {"Request-Id", on_request_id},
    {"Retry-After", on_retry_after},
    {"Stripe-Should-Retry", on_should_retry},
};

void stripe_answer_header(struct stripe_try *attempt, struct span line)
{
    while (line.len > 0 && strchr("\r\n", line.at[line.len - 1])) {
        line.len--;
    }
    struct span value;
    struct span name = span_cut(line, ':', &value);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (name.len == strlen(headers[i].name) &&
            strncasecmp(name.at, headers[i].name, name.len) == 0) {
            headers[i].take(attempt, span_trim(value));
        }
    }
}

/* A 500 to a write is stored under its Idempotency-Key and would only be played back. */
bool stripe_answer_repeats(const struct stripe_try *attempt,
                           enum stripe_method method,
                           int tries)
{
    if (tries >= STRIPE_MOST_TRIES || attempt->wish == STRIPE_WISH_NO_RETRY) {
        return false;
    }
    if (attempt->wish == STRIPE_WISH_RETRY || attempt->status == 0) {
        return true;
    }
    return is_transient(attempt->status) &&
           !(method == STRIPE_WRITE && attempt->status == 500);
}

int64_t stripe_answer_wait_ms(const struct stripe_try *attempt,
                              int tries,
                              uint32_t random)
{
    int64_t window = (int64_t)FIRST_WAIT_MS << (tries - 1);
    int64_t wait = window / 2 + (int64_t)(random % (uint32_t)(window / 2 + 1));
    return wait > attempt->retry_after_ms ? wait : attempt->retry_after_ms;
}

void stripe_answer_error(const struct cJSON *document,
                         struct arena *arena,
                         struct stripe_answer *answer)
{
    const struct {
        const char *path;
        struct span *field;
    } fields[] = {{"error.type", &answer->error_type},
                  {"error.code", &answer->error_code},
                  {"error.decline_code", &answer->decline_code},
                  {"error.param", &answer->error_param},
                  {"error.message", &answer->error_message}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        *fields[i].field = arena_span(arena, json_string(document, fields[i].path));
    }
}

enum outcome stripe_answer_judge(const struct stripe_try *attempt,
                                 enum stripe_method method,
                                 const struct stripe_answer *answer,
                                 struct fault *fault)
{
    long status = attempt->status;
    bool succeeded = status >= 200 && status < 300;
    if (succeeded && !attempt->garbled) {
        return OUTCOME_DONE;
    }
    if (status == 0) {
        return judge_silence(attempt, method, fault);
    }
    if (succeeded || status < 400) {
        bool happened = succeeded && method == STRIPE_WRITE;
        return fault_set(fault,
                         happened ? OUTCOME_UNSURE : OUTCOME_LATER,
                         "stripe",
                         STRIPE_BAD_ANSWER,
                         "the answer with status %ld cannot be read (%s)",
                         status,
                         attempt->request_id);
    }
    if (status >= 500) {
        bool write = method == STRIPE_WRITE;
        enum outcome outcome = say(write ? OUTCOME_UNSURE : OUTCOME_LATER,
                                   (int)status,
                                   attempt,
                                   answer,
                                   fault);
        fault->neighbour = write ? NULL : "stripe";
        return outcome;
    }
    /* A key that is refused is the operator's to mend: no job should die of it. */
    if (status == 401) {
        enum outcome outcome = say(OUTCOME_LATER, 401, attempt, answer, fault);
        fault->neighbour = "stripe";
        return outcome;
    }
    bool later = is_transient(status) || attempt->wish == STRIPE_WISH_RETRY;
    return say(later ? OUTCOME_LATER : OUTCOME_NEVER,
               (int)status,
               attempt,
               answer,
               fault);
}

bool stripe_answer_is_rate_limit(const struct stripe_try *attempt,
                                 const struct stripe_answer *answer)
{
    return attempt->status == 429 && !span_is(answer->error_code, "lock_timeout");
}

static void on_request_id(struct stripe_try *attempt, struct span value)
{
    size_t len = value.len < sizeof(attempt->request_id)
                     ? value.len
                     : sizeof(attempt->request_id) - 1;
    memcpy(attempt->request_id, value.at, len);
    attempt->request_id[len] = '\0';
}

/* In seconds; the form with a date is not used by Stripe and is passed over. */
static void on_retry_after(struct stripe_try *attempt, struct span value)
{
    int64_t seconds = 0;
    if (span_to_i64(value, &seconds) && seconds > 0) {
        attempt->retry_after_ms =
            1000 * (seconds < RETRY_AFTER_MOST_S ? seconds : RETRY_AFTER_MOST_S);
    }
}

static void on_should_retry(struct stripe_try *attempt, struct span value)
{
    if (span_is(value, "true")) {
        attempt->wish = STRIPE_WISH_RETRY;
    } else if (span_is(value, "false")) {
        attempt->wish = STRIPE_WISH_NO_RETRY;
    }
}

static bool is_transient(long status)
{
    return status == 409 || status == 429 || status >= 500;
}

/* No whole answer came. What was not sent did not happen, and a read may be repeated. */
static enum outcome judge_silence(const struct stripe_try *attempt,
                                  enum stripe_method method,
                                  struct fault *fault)
{
    bool doubtful = attempt->sent && method == STRIPE_WRITE;
    enum outcome outcome =
        fault_set(fault,
                  doubtful ? OUTCOME_UNSURE : OUTCOME_LATER,
                  "stripe",
                  attempt->sent ? STRIPE_LOST_ANSWER : STRIPE_UNREACHABLE,
                  "%s: %s",
                  attempt->sent ? "no answer came" : "Stripe cannot be reached",
                  attempt->detail ? attempt->detail : "");
    fault->neighbour = doubtful ? NULL : "stripe";
    return outcome;
}

static enum outcome say(enum outcome outcome,
                        int code,
                        const struct stripe_try *attempt,
                        const struct stripe_answer *answer,
                        struct fault *fault)
{
    outcome = fault_set(fault,
                        outcome,
                        "stripe",
                        code,
                        "%ld %.*s %.*s: %.*s (%s)",
                        attempt->status,
                        SPAN_ARGS(answer->error_type),
                        SPAN_ARGS(answer->error_code),
                        SPAN_ARGS(answer->error_message),
                        attempt->request_id);
    fault->retry_after_ms = attempt->retry_after_ms;
    return outcome;
}
