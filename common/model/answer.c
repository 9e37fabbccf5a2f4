/* SPDX-License-Identifier: MIT
 * Answers of asked jobs, there and back. */
#include "common/model/answer.h"

#include <assert.h>

#include "common/base/json.h"

enum { ANSWER_BYTES = 256 * 1024 };

static void encode_fields(struct json_writer *json, const struct answer *answer);
static bool decode_problem(const struct cJSON *document,
                           struct arena *arena,
                           struct answer *answer);

struct span answer_encode(const struct answer *answer, struct arena *arena)
{
    struct text text;
    text_init(&text, ANSWER_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    if (answer->status != 0) {
        json_put_integer(&json, "status", answer->status);
    } else {
        json_put_string(&json, "problem", span_of(problem_code(answer->problem)));
        encode_fields(&json, answer);
    }
    if (answer->status != 0 && answer->body.len > 0) {
        json_put_raw(&json, "body", answer->body);
    }
    if (answer->status == 0 && answer->about.len > 0) {
        json_put_raw(&json, "about", answer->about);
    }
    if (answer->replayed) {
        json_put_bool(&json, "replayed", true);
    }
    json_close(&json, '}');
    assert(!text.full);
    struct span encoded = arena_span(arena, text_span(&text));
    text_wipe(&text);
    return encoded;
}

enum outcome answer_decode(struct span text,
                           struct arena *arena,
                           struct answer *out_answer,
                           struct fault *fault)
{
    struct cJSON *document = NULL;
    struct answer answer = {.status = 0};
    int64_t status = 0;
    enum outcome outcome = json_parse(text, &document, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    bool good = false;
    if (json_integer(document, "status", &status)) {
        good = status >= 200 && status < 300;
        answer.status = (int)status;
        answer.body = json_has(document, "body")
                          ? json_print(json_at(document, "body"), arena)
                          : (struct span){NULL, 0};
    } else {
        good = decode_problem(document, arena, &answer);
    }
    answer.replayed = json_is_true(document, "replayed");
    json_free(document);
    if (!good) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "answer",
                         ANSWER_UNREADABLE,
                         "the result is not what a worker writes");
    }
    *out_answer = answer;
    return OUTCOME_DONE;
}

bool answer_is_passing(const struct answer *answer)
{
    if (answer->status != 0) {
        return false;
    }
    int status = problem_status(answer->problem);
    return status >= 500 || status == 401 || status == 403 || status == 429 ||
           answer->problem == PROBLEM_IDEMPOTENCY_IN_FLIGHT ||
           answer->problem == PROBLEM_ACCOUNT_MISSING ||
           answer->problem == PROBLEM_ACCOUNT_CANNOT_CHARGE ||
           answer->problem == PROBLEM_AMICALE_INCOMPLETE;
}

void answer_say(struct answer *answer, int status, struct span body)
{
    *answer = (struct answer){.status = status, .body = body};
}

void answer_refuse(struct answer *answer, enum problem problem, struct span about)
{
    *answer = (struct answer){.problem = problem, .about = about};
}

void answer_refuse_field(struct answer *answer, struct span field, enum field_code code)
{
    answer->status = 0;
    answer->problem = PROBLEM_INVALID_FIELDS;
    assert(answer->field_count < ANSWER_FIELDS);
    answer->fields[answer->field_count++] = (struct answer_field){field, code};
}

static void encode_fields(struct json_writer *json, const struct answer *answer)
{
    if (answer->field_count == 0) {
        return;
    }
    json_open(json, "fields", '[');
    for (size_t i = 0; i < answer->field_count; i++) {
        json_open(json, NULL, '{');
        json_put_string(json, "field", answer->fields[i].name);
        json_put_string(json, "code", span_of(field_code_name(answer->fields[i].code)));
        json_close(json, '}');
    }
    json_close(json, ']');
}

static bool decode_problem(const struct cJSON *document,
                           struct arena *arena,
                           struct answer *answer)
{
    if (!problem_find(json_string(document, "problem"), &answer->problem)) {
        return false;
    }
    for (const struct cJSON *field = json_first(document, "fields"); field;
         field = json_next(field)) {
        enum field_code code;
        if (answer->field_count == ANSWER_FIELDS ||
            !field_code_find(json_string(field, "code"), &code)) {
            return false;
        }
        answer->fields[answer->field_count++] =
            (struct answer_field){arena_span(arena, json_string(field, "field")), code};
    }
    if (json_has(document, "about")) {
        answer->about = json_print(json_at(document, "about"), arena);
    }
    return true;
}
