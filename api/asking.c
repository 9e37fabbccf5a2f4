/* SPDX-License-Identifier: MIT
 * From a checked request to its job, and from the job's result to the answer. */
#include "api/asking.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "api/asking_key.h"
#include "api/asking_state.h"
#include "api/door.h"
#include "api/ingest.h"
#include "api/jobs.h"
#include "api/loop.h"
#include "api/prefer.h"
#include "api/request.h"
#include "api/session.h"
#include "api/subscriber.h"
#include "api/waiting.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/model/ask.h"

enum { PERISHABLE_WAIT_MS = 10000 };

static int64_t wait_of(struct request *request, bool perishable);
static struct span who_is_charged(struct request *request);
static void on_charged(struct request *request,
                       const struct limit_state *state,
                       void *context);
static void enqueue(struct errand *errand);
static struct span tenant_of(const struct errand *errand);
static struct span seal_payload(struct errand *errand);
static void on_enqueued(void *context,
                        enum outcome outcome,
                        enum enqueue_verdict verdict,
                        const struct fault *fault);
static void wait_for(struct errand *errand);
static void on_waited(struct request *request,
                      void *context,
                      enum waited waited,
                      const struct job_result *job);
static void look_at_known(struct errand *errand);
static void on_known(struct request *request,
                     void *context,
                     enum waited waited,
                     const struct job_result *job);
static void add_line(struct request *request, struct span line);

void ask(struct request *request, const struct asking *asking)
{
    struct errand *errand = ARENA_NEW(&request->arena, struct errand);
    errand->request = request;
    errand->asking = *asking;
    errand->kind = kind_find(span_of(asking->kind));
    assert(errand->kind && asking->ref_count <= ASKING_REFS);
    if (!asking->keyless && !asking_key_read(request, &errand->key)) {
        request_problem(request, PROBLEM_BAD_IDEMPOTENCY_KEY);
        return;
    }
    errand->wait_ms = wait_of(request, asking->perishable);
    if (asking->limit == LIMIT_NONE) {
        enqueue(errand);
        return;
    }
    errand->who = who_is_charged(request);
    request_keep(request);
    limits_charge(request, asking->limit, errand->who, on_charged, errand);
}

/* What is worth nothing later is always waited for. */
static int64_t wait_of(struct request *request, bool perishable)
{
    int64_t otherwise_ms = request->loop->door->settings->api.wait_ms;
    struct prefer prefer;
    jobs_read_prefer(request, &prefer);
    if (perishable && prefer_wait_ms(&prefer, otherwise_ms) == 0) {
        return otherwise_ms > 0 ? otherwise_ms : PERISHABLE_WAIT_MS;
    }
    char line[PREFER_APPLIED_BYTES];
    add_line(request, prefer_applied(&prefer, line));
    return prefer_wait_ms(&prefer, otherwise_ms);
}

static struct span who_is_charged(struct request *request)
{
    if (!request->session) {
        return limits_address(request);
    }
    return span_of(arena_format(&request->arena, "%" PRId64, request->session->user_id));
}

static void on_charged(struct request *request,
                       const struct limit_state *state,
                       void *context)
{
    struct errand *errand = context;
    enum limit limit = errand->asking.limit;
    if (!state->allowed) {
        limits_refuse(request, limit, state);
        return;
    }
    add_line(request, limits_headers(request, limit, state));
    enqueue(errand);
}

static void enqueue(struct errand *errand)
{
    struct request *request = errand->request;
    struct loop *loop = request->loop;
    struct asking *asking = &errand->asking;
    struct span *refs = ARENA_ARRAY(&request->arena, struct span, ASKING_REFS);
    size_t ref_count = 0;
    for (size_t i = 0; i < asking->ref_count; i++) {
        if (asking->refs[i].len > 0) {
            refs[ref_count++] = asking->refs[i];
        }
    }
    errand->asked_ms = clock_wall_ms(loop->door->clock);
    errand->id = asking_key_name(request, errand->kind, errand->key, errand->round);
    errand->mac = asking_key_mac(request, asking->body);
    struct job_new job = {
        .id = errand->id,
        .kind = errand->kind,
        .lane = errand->kind->lane,
        .tenant = tenant_of(errand),
        .payload = seal_payload(errand),
        .mac = errand->mac,
        .reply = errand->wait_ms > 0 ? subscriber_channel(loop->subscriber)
                                     : (struct span){NULL, 0},
        .refs = refs,
        .ref_count = ref_count,
    };
    request_keep(request);
    ingest_add(loop->ingest, &job, on_enqueued, errand);
}

static struct span tenant_of(const struct errand *errand)
{
    const struct session *session = errand->request->session;
    if (errand->asking.tenant.len > 0) {
        return errand->asking.tenant;
    }
    if (session && session->amicale_id > 0) {
        return span_of(
            arena_format(&errand->request->arena, "%" PRId64, session->amicale_id));
    }
    return SPAN("-");
}

static struct span seal_payload(struct errand *errand)
{
    struct request *request = errand->request;
    struct arena *arena = &request->arena;
    const struct session *session = request->session;
    struct ask ask = {
        .request_id = span_of(request->id),
        .idempotency_key = errand->key,
        .mac = errand->key.len > 0 ? errand->mac : (struct span){NULL, 0},
        .at_ms = errand->asked_ms,
        .until_ms = errand->asking.perishable ? errand->asked_ms + errand->wait_ms : 0,
        .body = errand->asking.body,
    };
    if (session) {
        ask.user_id = session->user_id;
        ask.role = session->role;
        ask.amicale_id = session->amicale_id;
    }
    struct span binding = span_of(
        arena_format(arena, "%.*s|%s", SPAN_ARGS(errand->id), errand->kind->name));
    return seal_seal(request->loop->door->ring, binding, ask_encode(&ask, arena), arena);
}

/* A job that may be in the queue is named to its caller, who can then look. */
static void on_enqueued(void *context,
                        enum outcome outcome,
                        enum enqueue_verdict verdict,
                        const struct fault *fault)
{
    struct errand *errand = context;
    if (outcome != OUTCOME_DONE) {
        log_debug("not kept", LOG_SPAN("id", errand->id), LOG_FAULT(fault));
        errand_refuse(errand, PROBLEM_UNAVAILABLE, outcome == OUTCOME_UNSURE);
        return;
    }
    switch (verdict) {
    case ENQUEUE_NEW:
        wait_for(errand);
        return;
    case ENQUEUE_KNOWN:
        look_at_known(errand);
        return;
    case ENQUEUE_CONFLICT:
        errand_give_back(errand);
        errand_refuse(errand, PROBLEM_IDEMPOTENCY_MISMATCH, false);
        return;
    }
}

static void wait_for(struct errand *errand)
{
    struct wait wait = {
        .job_id = errand->id,
        .until_ms = loop_mono_ms(errand->request->loop) + errand->wait_ms,
        .answer = on_waited,
        .context = errand,
    };
    if (errand->wait_ms == 0) {
        errand_later(errand, &(struct job_result){.known = false});
        return;
    }
    waiting_add(errand->request, &wait);
}

static void on_waited(struct request *request,
                      void *context,
                      enum waited waited,
                      const struct job_result *job)
{
    struct errand *errand = context;
    switch (waited) {
    case WAITED_SETTLED:
        errand_settled(errand, job, false);
        return;
    case WAITED_LATE:
    case WAITED_LEAVING:
        errand_later(errand, job);
        return;
    case WAITED_GONE: /* Redis lost it after it had taken it */
    case WAITED_SEEN:
    case WAITED_UNSEEN:
        errand_refuse(errand, PROBLEM_UNAVAILABLE, true);
        return;
    case WAITED_LEFT:
        request_drop(request);
        return;
    }
}

/* The key came before with the same request: one look says how far that is. */
static void look_at_known(struct errand *errand)
{
    struct wait wait = {
        .job_id = errand->id,
        .until_ms = loop_mono_ms(errand->request->loop) + WAITING_MOST_MS,
        .look_now = true,
        .once = true,
        .answer = on_known,
        .context = errand,
    };
    waiting_add(errand->request, &wait);
}

static void on_known(struct request *request,
                     void *context,
                     enum waited waited,
                     const struct job_result *job)
{
    struct errand *errand = context;
    switch (waited) {
    case WAITED_SETTLED:
        errand_settled(errand, job, true);
        return;
    case WAITED_SEEN:
        errand_give_back(errand);
        errand_refuse(errand, PROBLEM_IDEMPOTENCY_IN_FLIGHT, true);
        return;
    case WAITED_GONE: /* forgotten since */
        errand_recall(errand, true);
        return;
    case WAITED_UNSEEN:
    case WAITED_LATE:
    case WAITED_LEAVING:
        errand_refuse(errand, PROBLEM_UNAVAILABLE, true);
        return;
    case WAITED_LEFT:
        request_drop(request);
        return;
    }
}

bool errand_may_again(const struct errand *errand)
{
    return errand->key.len > 0 && errand->round + 1 < ERRAND_ROUNDS;
}

void errand_again(struct errand *errand)
{
    errand->round++;
    enqueue(errand);
}

void errand_give_back(struct errand *errand)
{
    if (errand->asking.limit != LIMIT_NONE) {
        limits_give_back(errand->request, errand->asking.limit, errand->who);
    }
}

static void add_line(struct request *request, struct span line)
{
    request->lines = span_of(arena_format(&request->arena,
                                          "%.*s%.*s",
                                          SPAN_ARGS(request->lines),
                                          SPAN_ARGS(line)));
}
