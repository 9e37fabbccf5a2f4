/* SPDX-License-Identifier: MIT
 * The webhook route. */
#include "api/webhook.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api/accounts.h"
#include "api/counters.h"
#include "api/door.h"
#include "api/http.h"
#include "api/ingest.h"
#include "api/loop.h"
#include "api/problem.h"
#include "api/request.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/log.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/model/event.h"
#include "common/model/signature.h"

#define KIND "stripe.event"

/* An event on its way to Redis, in the request's arena. */
struct arrival {
    struct request *request;
    struct span id;
};

static enum signature_verdict check_signature(const struct request *request,
                                              size_t *out_secret);
static bool is_test_noise(const struct request *request, const struct event *event);
static void tell_live_event(struct request *request, const struct event *event);
static void enqueue(struct request *request,
                    const struct event *event,
                    size_t which_secret);
static struct span tenant_of(struct request *request, const struct event *event);
static struct span seal_payload(struct request *request,
                                struct span id,
                                bool is_connect,
                                int64_t wall_ms);
static struct span fingerprint(struct request *request, const struct event *event);
static void on_enqueued(void *context,
                        enum outcome outcome,
                        enum enqueue_verdict verdict,
                        const struct fault *fault);
static void acknowledge(struct request *request, enum webhook_result result);
static void reject(struct request *request,
                   enum webhook_result result,
                   enum problem problem);

void webhook_receive(struct request *request)
{
    static const enum webhook_result results[SIGNATURE_VERDICTS] = {
        [SIGNATURE_MISSING] = WEBHOOK_NO_SIGNATURE,
        [SIGNATURE_MALFORMED] = WEBHOOK_MALFORMED_SIGNATURE,
        [SIGNATURE_OLD] = WEBHOOK_OLD_SIGNATURE,
        [SIGNATURE_FUTURE] = WEBHOOK_FUTURE_SIGNATURE,
        [SIGNATURE_WRONG] = WEBHOOK_WRONG_SIGNATURE,
    };
    size_t which_secret = 0;
    struct event event;
    struct fault fault;
    enum signature_verdict verdict = check_signature(request, &which_secret);
    if (verdict != SIGNATURE_GOOD) {
        reject(request, results[verdict], PROBLEM_BAD_SIGNATURE);
    } else if (event_scan(request->body, &event, &fault) != OUTCOME_DONE) {
        bool no_json = fault.code == EVENT_NOT_JSON;
        reject(request,
               no_json ? WEBHOOK_BAD_JSON : WEBHOOK_BAD_EVENT,
               no_json ? PROBLEM_BAD_JSON : PROBLEM_BAD_EVENT);
    } else if (is_test_noise(request, &event)) {
        acknowledge(request, WEBHOOK_OTHER_MODE);
    } else {
        tell_live_event(request, &event);
        enqueue(request, &event, which_secret);
    }
}

/* Two headers could be read in two ways, so they count as none that is good. */
static enum signature_verdict check_signature(const struct request *request,
                                              size_t *out_secret)
{
    const struct door *door = request->loop->door;
    if (http_header_count(request->http, request->buffer, "stripe-signature") > 1) {
        return SIGNATURE_MALFORMED;
    }
    return signature_check(request_header(request, "stripe-signature"),
                           request->body,
                           door->secrets,
                           door->secret_count,
                           clock_wall_ms(door->clock) / 1000,
                           door->settings->stripe.signature_tolerance_s,
                           out_secret);
}

/* A Connect endpoint in live mode receives test events too; they are not ours to keep. */
static bool is_test_noise(const struct request *request, const struct event *event)
{
    return request->loop->door->settings->stripe.livemode && event->has_livemode &&
           !event->livemode;
}

/* A live event in test mode is real money and a wrong setting: it is kept, and recorded
 * without being applied, so that nothing is lost until somebody mends the setting. */
static void tell_live_event(struct request *request, const struct event *event)
{
    if (event->has_livemode && event->livemode &&
        !request->loop->door->settings->stripe.livemode && loop_may_warn(request->loop)) {
        log_warning("a live event came and stripe.livemode is false: it is recorded and"
                    " not applied",
                    LOG_SPAN("id", event->id),
                    LOG_TEXT("request", request->id));
    }
}

static void enqueue(struct request *request,
                    const struct event *event,
                    size_t which_secret)
{
    const struct door *door = request->loop->door;
    struct arena *arena = &request->arena;
    struct arrival *arrival = ARENA_NEW(arena, struct arrival);
    struct span *refs = ARENA_ARRAY(arena, struct span, event->ref_count);
    for (size_t i = 0; i < event->ref_count; i++) {
        refs[i] = arena_span(arena, event->refs[i]);
    }
    arrival->request = request;
    arrival->id = refs[0];
    const struct kind *kind = kind_find(SPAN(KIND));
    assert(kind);
    struct job_new job = {
        .id = arrival->id,
        .kind = kind,
        .lane = LANE_WEBHOOK,
        .tenant = tenant_of(request, event),
        .payload = seal_payload(request,
                                arrival->id,
                                which_secret >= door->platform_secret_count,
                                clock_wall_ms(door->clock)),
        .mac = fingerprint(request, event),
        .refs = refs,
        .ref_count = event->ref_count,
    };
    ingest_add(request->loop->ingest, &job, on_enqueued, arrival);
}

/* What the payment says goes before what its account says: that of a Connect event, else
 * the one that a destination charge pays. */
static struct span tenant_of(struct request *request, const struct event *event)
{
    if (event->amicale_id.len > 0) {
        return arena_span(&request->arena, event->amicale_id);
    }
    char *tenant = arena_take(&request->arena, ACCOUNTS_TENANT_BYTES);
    struct span account = event->account.len > 0 ? event->account : event->destination;
    struct span found = {NULL, 0};
    if (account.len > 0) {
        found = accounts_find(request->loop->door->accounts, account, tenant);
    }
    return found.len > 0 ? found : SPAN("-");
}

static struct span seal_payload(struct request *request,
                                struct span id,
                                bool is_connect,
                                int64_t wall_ms)
{
    struct arena *arena = &request->arena;
    char line[80];
    int line_len = snprintf(line,
                            sizeof(line),
                            "received_ms=%lld endpoint=%s\n",
                            (long long)wall_ms,
                            is_connect ? "connect" : "platform");
    assert(line_len > 0 && (size_t)line_len < sizeof(line));
    char context[JOB_ID_BYTES + sizeof("|" KIND)];
    int context_len = snprintf(context, sizeof(context), "%.*s|" KIND, SPAN_ARGS(id));
    assert(context_len > 0 && (size_t)context_len < sizeof(context));
    size_t plain_len = (size_t)line_len + request->body.len;
    char *plain = arena_take(arena, plain_len);
    memcpy(plain, line, (size_t)line_len);
    memcpy(plain + line_len, request->body.at, request->body.len);
    return seal_seal(request->loop->door->ring,
                     (struct span){context, (size_t)context_len},
                     (struct span){plain, plain_len},
                     arena);
}

/* Of the body without the value of pending_webhooks, which tells how many endpoints still
 * wait for the event and so differs between its deliveries. */
static struct span fingerprint(struct request *request, const struct event *event)
{
    struct span body = request->body;
    struct span skip = event->pending_webhooks;
    struct digest digest;
    char *canonical = arena_take(&request->arena, body.len);
    size_t before = skip.len > 0 ? (size_t)(skip.at - body.at) : body.len;
    size_t behind = body.len - before - skip.len;
    memcpy(canonical, body.at, before);
    memcpy(canonical + before, body.at + before + skip.len, behind);
    seal_fingerprint(request->loop->door->ring,
                     SPAN("job|" KIND),
                     (struct span){canonical, before + behind},
                     &digest);
    char *hex = arena_take(&request->arena, DIGEST_HEX_BYTES);
    digest_hex(&digest, hex);
    return (struct span){hex, DIGEST_HEX_BYTES - 1};
}

static void on_enqueued(void *context,
                        enum outcome outcome,
                        enum enqueue_verdict verdict,
                        const struct fault *fault)
{
    static const enum webhook_result results[] = {
        [ENQUEUE_NEW] = WEBHOOK_NEW,
        [ENQUEUE_KNOWN] = WEBHOOK_KNOWN,
        [ENQUEUE_CONFLICT] = WEBHOOK_CONFLICT,
    };
    struct arrival *arrival = context;
    if (outcome != OUTCOME_DONE) {
        log_debug("not kept", LOG_SPAN("id", arrival->id), LOG_FAULT(fault));
        reject(arrival->request, WEBHOOK_UNAVAILABLE, PROBLEM_UNAVAILABLE);
        return;
    }
    if (verdict == ENQUEUE_CONFLICT && loop_may_warn(arrival->request->loop)) {
        log_warning("an event came again with another body: the first one stays",
                    LOG_SPAN("id", arrival->id),
                    LOG_TEXT("request", arrival->request->id));
    }
    acknowledge(arrival->request, results[verdict]);
}

static void acknowledge(struct request *request, enum webhook_result result)
{
    counter_add(&request->loop->counters->webhooks[result], 1);
    request_answer_json(request, 200, SPAN("{\"received\":true}"));
}

static void reject(struct request *request,
                   enum webhook_result result,
                   enum problem problem)
{
    counter_add(&request->loop->counters->webhooks[result], 1);
    request_problem(request, problem);
}
