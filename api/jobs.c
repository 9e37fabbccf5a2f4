/* SPDX-License-Identifier: MIT
 * GET /api/jobs/{id}. */
#include "api/jobs.h"

#include <string.h>

#include "api/door.h"
#include "api/http.h"
#include "api/loop.h"
#include "api/prefer.h"
#include "api/problem.h"
#include "api/request.h"
#include "api/session.h"
#include "api/waiting.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/seal.h"
#include "common/link/queue.h"
#include "common/model/answer.h"
#include "common/model/ask.h"

enum { PROBLEM_BYTES = 64 * 1024 };

static struct span decoded(struct arena *arena, struct span text);
static void on_waited(struct request *request,
                      void *context,
                      enum waited waited,
                      const struct job_result *job);
static void answer_job(struct request *request,
                       struct span id,
                       const struct job_result *job);
static void put_answer(struct json_writer *json,
                       const struct request *request,
                       const struct answer *answer);
static const char *status_of(enum job_state state);

void jobs_show(struct request *request)
{
    struct prefer prefer;
    char line[PREFER_APPLIED_BYTES];
    jobs_read_prefer(request, &prefer);
    request->lines = arena_span(&request->arena, prefer_applied(&prefer, line));
    int64_t wait_ms = prefer_wait_ms(&prefer, 0);
    struct span *id = ARENA_NEW(&request->arena, struct span);
    *id = decoded(&request->arena, request->params[0]);
    if (!job_id_is_valid(*id) || ask_owner(*id) != request->session->user_id) {
        request_problem(request, PROBLEM_NOT_FOUND);
        return;
    }
    struct wait wait = {
        .job_id = *id,
        .until_ms =
            loop_mono_ms(request->loop) + (wait_ms > 0 ? wait_ms : WAITING_MOST_MS),
        .look_now = true,
        .once = wait_ms == 0,
        .answer = on_waited,
        .context = id,
    };
    request_keep(request);
    waiting_add(request, &wait);
}

/* Clients may encode the colons of an id. What is not decodable is no id. */
static struct span decoded(struct arena *arena, struct span text)
{
    char *out = arena_take(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int high = i + 2 < text.len ? http_hex_digit(text.at[i + 1]) : -1;
        int low = i + 2 < text.len ? http_hex_digit(text.at[i + 2]) : -1;
        if (text.at[i] == '%' && high >= 0 && low >= 0) {
            out[len++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[len++] = text.at[i];
        }
    }
    return (struct span){out, len};
}

void jobs_read_prefer(const struct request *request, struct prefer *out_prefer)
{
    struct prefer prefer = {.has_wait = false};
    const struct http_request *http = request->http;
    for (size_t i = 0; i < http->header_count; i++) {
        if (span_is(http_span(request->buffer, http->headers[i].name), "prefer")) {
            prefer_read(&prefer, http_span(request->buffer, http->headers[i].value));
        }
    }
    *out_prefer = prefer;
}

/* A job that was not seen may still run: only Redis can say that there is none. */
static void on_waited(struct request *request,
                      void *context,
                      enum waited waited,
                      const struct job_result *job)
{
    const struct span *id = context;
    switch (waited) {
    case WAITED_SETTLED:
    case WAITED_SEEN:
        answer_job(request, *id, job);
        return;
    case WAITED_LATE:
    case WAITED_LEAVING:
        if (job->known) {
            answer_job(request, *id, job);
            return;
        }
        request_problem(request, PROBLEM_UNAVAILABLE);
        return;
    case WAITED_UNSEEN:
        request_problem(request, PROBLEM_UNAVAILABLE);
        return;
    case WAITED_GONE:
        request_problem(request, PROBLEM_NOT_FOUND);
        return;
    case WAITED_LEFT:
        request_drop(request);
        return;
    }
}

static void answer_job(struct request *request,
                       struct span id,
                       const struct job_result *job)
{
    struct arena *arena = &request->arena;
    struct answer answer;
    struct fault fault;
    struct text body;
    bool answered = job->state == JOB_DONE && job->result.len > 0;
    if (answered && jobs_open_answer(request,
                                     jobs_result_binding(arena, id),
                                     job->result,
                                     &answer,
                                     &fault) != OUTCOME_DONE) {
        log_warning("an answer cannot be read", LOG_SPAN("id", id), LOG_FAULT(&fault));
        answered = false;
    }
    text_init(&body, JOBS_BODY_BYTES);
    jobs_write(&body, request, id, job, answered ? &answer : NULL);
    request_answer(request, 200, JOBS_TYPE, text_span(&body), request->lines);
    text_wipe(&body);
}

void jobs_write(struct text *out,
                const struct request *request,
                struct span id,
                const struct job_result *job,
                const struct answer *answer)
{
    char stamp[CLOCK_STAMP_BYTES];
    struct span rest;
    struct json_writer json = json_writer(out);
    json_open(&json, NULL, '{');
    json_put_string(&json, "id", id);
    json_put_string(&json, "kind", span_cut(id, ':', &rest));
    json_put_string(&json, "status", span_of(status_of(job->state)));
    json_put_integer(&json, "attempts", job->attempt);
    struct span created = {NULL, 0};
    if (job->enqueued_ms > 0) {
        created = span_of(clock_stamp(job->enqueued_ms, stamp));
    }
    json_put_optional(&json, "created_at", created);
    if (answer) {
        put_answer(&json, request, answer);
    } else {
        json_put_null(&json, "answer");
    }
    json_close(&json, '}');
}

static void put_answer(struct json_writer *json,
                       const struct request *request,
                       const struct answer *answer)
{
    json_open(json, "answer", '{');
    if (answer->status != 0) {
        json_put_integer(json, "status", answer->status);
        if (answer->body.len > 0) {
            json_put_raw(json, "body", answer->body);
        } else {
            json_put_null(json, "body");
        }
    } else {
        struct text problem;
        struct problem_field fields[ANSWER_FIELDS];
        text_init(&problem, PROBLEM_BYTES);
        problem_write(&problem,
                      answer->problem,
                      span_of(request->id),
                      request->english,
                      fields,
                      jobs_fields(answer, fields),
                      answer->about);
        json_put_integer(json, "status", problem_status(answer->problem));
        json_put_raw(json, "body", text_span(&problem));
        text_done(&problem);
    }
    json_close(json, '}');
}

size_t jobs_fields(const struct answer *answer, struct problem_field *out_fields)
{
    for (size_t i = 0; i < answer->field_count; i++) {
        out_fields[i] = (struct problem_field){.field = answer->fields[i].name,
                                               .code = answer->fields[i].code};
    }
    return answer->field_count;
}

struct span jobs_result_binding(struct arena *arena, struct span id)
{
    return span_of(arena_format(arena, "%.*s|result", SPAN_ARGS(id)));
}

enum outcome jobs_open_answer(struct request *request,
                              struct span binding,
                              struct span sealed,
                              struct answer *out_answer,
                              struct fault *fault)
{
    struct span text;
    enum outcome outcome = seal_unseal(request->loop->door->ring,
                                       binding,
                                       sealed,
                                       &request->arena,
                                       &text,
                                       fault);
    if (outcome == OUTCOME_DONE) {
        outcome = answer_decode(text, &request->arena, out_answer, fault);
    }
    return outcome;
}

static const char *status_of(enum job_state state)
{
    switch (state) {
    case JOB_READY:
    case JOB_SCHEDULED:
        return "waiting";
    case JOB_LEASED:
        return "running";
    case JOB_DONE:
        return "done";
    case JOB_DEAD:
        return "failed";
    }
    return "waiting";
}
