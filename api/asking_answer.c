/* SPDX-License-Identifier: MIT
 * From what became of a job to the answer of the request that asked for it. */
#include <inttypes.h>
#include <stdlib.h>

#include "api/asking_state.h"
#include "api/door.h"
#include "api/jobs.h"
#include "api/loop.h"
#include "api/reader.h"
#include "api/request.h"
#include "api/session.h"
#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/seal.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"

/* What MariaDB keeps of an answer; in the request's arena. */
struct recalled {
    struct errand *errand;
    int64_t user_id;
    bool repeated;
    struct span mac; /* empty: there is no such key */
    struct span sealed_answer; /* empty: it has none yet */
};

static enum outcome read_answer(struct mariadb *db,
                                struct arena *arena,
                                void *context,
                                struct fault *fault);
static void on_recalled(struct request *request,
                        void *context,
                        enum outcome outcome,
                        const struct fault *fault);
static void deliver(struct errand *errand,
                    struct span binding,
                    struct span sealed,
                    bool repeated);
static struct span about_of(const struct errand *errand);
static struct span headers_of(struct request *request, struct span more, bool replayed);

void errand_settled(struct errand *errand, const struct job_result *job, bool repeated)
{
    if (job->state == JOB_DEAD || job->discarded) {
        errand_refuse(errand, PROBLEM_JOB_FAILED, true);
    } else if (job->result.len == 0) {
        errand_recall(errand, repeated);
    } else {
        deliver(errand,
                jobs_result_binding(&errand->request->arena, errand->id),
                job->result,
                repeated);
    }
}

void errand_recall(struct errand *errand, bool repeated)
{
    struct request *request = errand->request;
    if (errand->key.len == 0 || !request->session) {
        errand_refuse(errand, PROBLEM_JOB_FAILED, true);
        return;
    }
    struct recalled *recalled = ARENA_NEW(&request->arena, struct recalled);
    recalled->errand = errand;
    recalled->user_id = request->session->user_id;
    recalled->repeated = repeated;
    reader_ask(request, read_answer, on_recalled, recalled);
}

static enum outcome read_answer(struct mariadb *db,
                                struct arena *arena,
                                void *context,
                                struct fault *fault)
{
    struct recalled *recalled = context;
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        db,
        "SELECT request_mac, sealed_answer FROM idempotency_keys"
        " WHERE user_id = ? AND idempotency_key = ?",
        SQL_VALUES(SQL_I64(recalled->user_id), SQL_SPAN(recalled->errand->key)),
        arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE && rows.count > 0) {
        recalled->mac = sql_text(&rows, 0, 0);
        recalled->sealed_answer = sql_text(&rows, 0, 1);
    }
    return outcome;
}

/* A job that is done and left no answer anywhere gave one that was worth nothing. */
static void on_recalled(struct request *request,
                        void *context,
                        enum outcome outcome,
                        const struct fault *fault)
{
    struct recalled *recalled = context;
    struct errand *errand = recalled->errand;
    if (outcome != OUTCOME_DONE) {
        reader_failed(request, fault);
    } else if (recalled->mac.len > 0 && !span_equal(recalled->mac, errand->mac)) {
        errand_give_back(errand);
        errand_refuse(errand, PROBLEM_IDEMPOTENCY_MISMATCH, false);
    } else if (recalled->sealed_answer.len > 0) {
        struct span binding = span_of(arena_format(&request->arena,
                                                   "idempotency|%" PRId64 "|%.*s",
                                                   recalled->user_id,
                                                   SPAN_ARGS(errand->key)));
        deliver(errand, binding, recalled->sealed_answer, true);
    } else if (recalled->repeated && errand_may_again(errand)) {
        errand_again(errand);
    } else {
        errand_refuse(errand, PROBLEM_JOB_FAILED, true);
    }
}

static void deliver(struct errand *errand,
                    struct span binding,
                    struct span sealed,
                    bool repeated)
{
    struct request *request = errand->request;
    struct answer answer;
    struct fault fault;
    if (jobs_open_answer(request, binding, sealed, &answer, &fault) != OUTCOME_DONE) {
        log_warning("an answer cannot be read",
                    LOG_SPAN("id", errand->id),
                    LOG_FAULT(&fault));
        errand_refuse(errand, PROBLEM_JOB_FAILED, true);
        return;
    }
    if (repeated && answer_is_passing(&answer) && errand_may_again(errand)) {
        errand_again(errand);
        return;
    }
    if (repeated) {
        errand_give_back(errand);
        answer.replayed = true;
    }
    if (errand->asking.answered) {
        errand->asking.answered(request, &answer);
    } else {
        asking_answer(request, &answer, (struct span){NULL, 0});
    }
}

void errand_later(struct errand *errand, const struct job_result *job)
{
    struct request *request = errand->request;
    struct text body;
    if (errand->asking.perishable) {
        errand_refuse(errand, PROBLEM_TOO_LATE, false);
        return;
    }
    struct job_result seen = *job;
    seen.kind = span_of(errand->kind->name);
    if (!seen.known) {
        seen = (struct job_result){.state = JOB_READY,
                                   .kind = seen.kind,
                                   .enqueued_ms = errand->asked_ms};
    }
    text_init(&body, JOBS_BODY_BYTES);
    jobs_write(&body, request, errand->id, &seen, NULL);
    struct span headers = span_of(arena_format(&request->arena,
                                               "Location: /api/jobs/%.*s\r\n"
                                               "Retry-After: 1\r\n",
                                               SPAN_ARGS(errand->id)));
    request_answer(request,
                   202,
                   JOBS_TYPE,
                   text_span(&body),
                   headers_of(request, headers, false));
    text_done(&body);
}

void errand_refuse(struct errand *errand, enum problem problem, bool located)
{
    struct request *request = errand->request;
    struct span headers = {NULL, 0};
    struct span about = {NULL, 0};
    bool again =
        problem_status(problem) == 503 || problem == PROBLEM_IDEMPOTENCY_IN_FLIGHT;
    if (errand->asking.answered && errand->asking.perishable) {
        struct answer refusal = {.status = 0};
        answer_refuse(&refusal, problem, (struct span){NULL, 0});
        errand->asking.answered(request, &refusal);
        return;
    }
    if (located) {
        headers = span_of(arena_format(&request->arena,
                                       "Location: /api/jobs/%.*s\r\n",
                                       SPAN_ARGS(errand->id)));
        about = about_of(errand);
    }
    if (again) {
        headers = span_of(
            arena_format(&request->arena, "%.*sRetry-After: 1\r\n", SPAN_ARGS(headers)));
    }
    request_problem_with(request,
                         problem,
                         NULL,
                         0,
                         about,
                         headers_of(request, headers, false));
}

static struct span about_of(const struct errand *errand)
{
    /* Names of jobs need no escapes. */
    return span_of(arena_format(&errand->request->arena,
                                "{\"job_id\":\"%.*s\"}",
                                SPAN_ARGS(errand->id)));
}

void asking_answer(struct request *request,
                   const struct answer *answer,
                   struct span headers)
{
    if (answer->status != 0) {
        request_answer(request,
                       answer->status,
                       JOBS_TYPE,
                       answer->body,
                       headers_of(request, headers, answer->replayed));
        return;
    }
    struct problem_field fields[ANSWER_FIELDS];
    if (problem_status(answer->problem) == 503) {
        headers = span_of(
            arena_format(&request->arena, "%.*sRetry-After: 1\r\n", SPAN_ARGS(headers)));
    }
    request_problem_with(request,
                         answer->problem,
                         fields,
                         jobs_fields(answer, fields),
                         answer->about,
                         headers_of(request, headers, answer->replayed));
}

static struct span headers_of(struct request *request, struct span more, bool replayed)
{
    return span_of(arena_format(&request->arena,
                                "%.*s%.*s%s",
                                SPAN_ARGS(request->lines),
                                SPAN_ARGS(more),
                                replayed ? "Idempotent-Replayed: true\r\n" : ""));
}
