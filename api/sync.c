/* SPDX-License-Identifier: MIT
 * POST /api/payments/batch-sync: the loop's part. */
#include "api/sync.h"

#include <inttypes.h>
#include <string.h>

#include "api/asking_key.h"
#include "api/batch_job.h"
#include "api/batch_write.h"
#include "api/batches.h"
#include "api/counters.h"
#include "api/door.h"
#include "api/http_date.h"
#include "api/jobs.h"
#include "api/loop.h"
#include "api/prefer.h"
#include "api/problem.h"
#include "api/pulse.h"
#include "api/reader.h"
#include "api/request.h"
#include "api/session.h"
#include "api/sync_retry.h"
#include "api/sync_state.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/log.h"
#include "common/base/settings.h"

/* When it is not the backlog: whoever came together still comes back apart. */
enum { RETRY_LEAST_S = 2, ID_HEX_BYTES = 24 };

static bool is_backlog_full(struct request *request);
static bool is_too_heavy(struct request *request);
static void begin(struct request *request, struct span key);
static struct span batch_id_of(struct request *request, struct span key);
static void on_found(struct request *request,
                     void *context,
                     enum outcome outcome,
                     struct span sealed,
                     const struct fault *fault);
static void on_checked(struct request *request,
                       void *context,
                       enum outcome outcome,
                       const struct fault *fault);
static void charge(struct sync *sync);
static struct span user_of(const struct sync *sync);
static void on_charged(struct request *request,
                       const struct limit_state *state,
                       void *context);
static void send_jobs(struct sync *sync, void (*next)(struct sync *sync));
static void on_sent(void *context, enum outcome outcome, const struct fault *fault);
static int64_t count_new(const struct sync_flush *flush);
static void judge(struct sync *sync);
static enum outcome conclude(struct mariadb *db,
                             struct arena *arena,
                             void *context,
                             struct fault *fault);
static void on_concluded(struct request *request,
                         void *context,
                         enum outcome outcome,
                         const struct fault *fault);
static void send_batch(struct sync *sync);
static void accept_batch(struct sync *sync);
static void give_back(struct sync *sync);
static void count_verdicts(const struct sync *sync);
static void tell_clock(const struct sync *sync);
static void answer(struct sync *sync, bool replayed);
static void answer_later(struct request *request, void *context);
static void fail(struct sync *sync, const struct fault *fault);

void sync_receive(struct request *request)
{
    struct span key;
    if (!asking_key_read(request, &key)) {
        request_problem(request, PROBLEM_BAD_IDEMPOTENCY_KEY);
    } else if (!is_backlog_full(request) && !is_too_heavy(request)) {
        begin(request, key);
    }
}

/* Then it is answered. What waits already is safe; what a phone keeps is safe as well. */
static bool is_backlog_full(struct request *request)
{
    const struct door *door = request->loop->door;
    int64_t most = door->settings->sync.backlog_most;
    int64_t backlog = pulse_backlog(door->pulse);
    if (backlog <= most) {
        return false;
    }
    counter_add(&request->loop->counters->sync_refused, 1);
    sync_refuse(request,
                PROBLEM_BACKLOG_FULL,
                sync_retry_s(door->settings->sync.retry_s, backlog, most));
    return true;
}

/* The same of those that are being taken in. */
static bool is_too_heavy(struct request *request)
{
    if (request->loop->kept_bytes + request->body.len <= SYNC_KEPT_BYTES) {
        return false;
    }
    sync_refuse(request, PROBLEM_UNAVAILABLE, sync_retry_s(RETRY_LEAST_S, 0, 0));
    return true;
}

static void begin(struct request *request, struct span key)
{
    struct sync *sync = ARENA_NEW(&request->arena, struct sync);
    struct batch *batch = &sync->batch;
    struct prefer prefer;
    char line[PREFER_APPLIED_BYTES];
    int64_t phone_ms = 0;
    jobs_read_prefer(request, &prefer);
    request->lines = arena_span(&request->arena, prefer_applied(&prefer, line));
    request_keep(request);
    sync->request = request;
    sync->door = request->loop->door;
    sync->key = key;
    sync->wait_ms = prefer_wait_ms(&prefer, 0);
    sync->limit.remaining = -1;
    batch->id = batch_id_of(request, key);
    batch->pompier_id = request->session->user_id;
    batch->amicale_id = request->session->amicale_id;
    batch->received_ms = clock_wall_ms(sync->door->clock);
    if (http_date_read(request_header(request, "date"), &phone_ms)) {
        batch->has_skew = true;
        batch->skew_ms = phone_ms - batch->received_ms;
    }
    if (key.len > 0) {
        batch_job_find(request, batch->id, on_found, sync);
    } else {
        reader_ask_apart(request, sync_check, on_checked, sync);
    }
}

static struct span batch_id_of(struct request *request, struct span key)
{
    struct digest digest;
    char hex[DIGEST_HEX_BYTES];
    if (key.len > 0) {
        /* No key has a line end in it. */
        digest_sha256(span_of(arena_format(&request->arena,
                                           "%" PRId64 "\n%.*s",
                                           request->session->user_id,
                                           SPAN_ARGS(key))),
                      &digest);
    } else {
        digest_random(&digest, sizeof(digest));
    }
    digest_hex(&digest, hex);
    return span_of(arena_format(&request->arena, "bat_%.*s", ID_HEX_BYTES, hex));
}

static void on_found(struct request *request,
                     void *context,
                     enum outcome outcome,
                     struct span sealed,
                     const struct fault *fault)
{
    struct sync *sync = context;
    if (outcome != OUTCOME_DONE) {
        fail(sync, fault);
        return;
    }
    sync->sealed_before = sealed;
    reader_ask_apart(request, sync_check, on_checked, sync);
}

static void on_checked(struct request *request,
                       void *context,
                       enum outcome outcome,
                       const struct fault *fault)
{
    struct sync *sync = context;
    if (outcome != OUTCOME_DONE) {
        fail(sync, fault);
        return;
    }
    if (sync->books_away && loop_may_warn(request->loop)) {
        log_warning("offline sales are taken in without a look at the books",
                    LOG_TEXT("request", request->id),
                    LOG_FAULT(&sync->books_fault));
    }
    switch (sync->end) {
    case SYNC_GOES_ON:
        tell_clock(sync);
        charge(sync);
        return;
    case SYNC_BAD_JSON:
        request_problem(request, PROBLEM_BAD_JSON);
        return;
    case SYNC_BAD_FIELDS:
        request_problem_with(request,
                             PROBLEM_INVALID_FIELDS,
                             sync->fields,
                             sync->field_count,
                             (struct span){NULL, 0},
                             (struct span){NULL, 0});
        return;
    case SYNC_REPLAYED:
        answer(sync, true);
        return;
    case SYNC_MISMATCHED:
        request_problem(request, PROBLEM_IDEMPOTENCY_MISMATCH);
        return;
    }
}

/* Else one user could fill the queue, and everybody's phones were told that it is full.
 * What the books know, or what is rejected, adds nothing to it; a batch does. */
static void charge(struct sync *sync)
{
    sync->charged = sync->flush.count > 0 ? (int64_t)sync->flush.count : 1;
    limits_charge_many(sync->request,
                       LIMIT_OFFLINE,
                       user_of(sync),
                       sync->charged,
                       on_charged,
                       sync);
}

static struct span user_of(const struct sync *sync)
{
    return span_of(
        arena_format(&sync->request->arena, "%" PRId64, sync->batch.pompier_id));
}

static void on_charged(struct request *request,
                       const struct limit_state *state,
                       void *context)
{
    struct sync *sync = context;
    if (!state->allowed) {
        limits_refuse(request, LIMIT_OFFLINE, state);
        return;
    }
    sync->limit = *state;
    send_jobs(sync, judge);
}

/* The flush's, if it has any; `next` once Redis has taken them all. */
static void send_jobs(struct sync *sync, void (*next)(struct sync *sync))
{
    if (sync->flush.count == 0) {
        next(sync);
        return;
    }
    sync->next = next;
    sync->flush.done = on_sent;
    sync->flush.context = sync;
    sync_line_add(sync->request->loop->sync_line, &sync->flush);
}

static void on_sent(void *context, enum outcome outcome, const struct fault *fault)
{
    struct sync *sync = context;
    if (outcome != OUTCOME_DONE) {
        sync->kept += (int64_t)sync->flush.sent;
        fail(sync, fault);
        return;
    }
    sync->kept += count_new(&sync->flush);
    sync->next(sync);
}

static int64_t count_new(const struct sync_flush *flush)
{
    int64_t count = 0;
    for (size_t i = 0; i < flush->count; i++) {
        count += flush->jobs[i].verdict == ENQUEUE_NEW;
    }
    return count;
}

static void judge(struct sync *sync)
{
    reader_ask_apart(sync->request, conclude, on_concluded, sync);
}

/* On a reader's thread: a thousand verdicts take a millisecond to write. */
static enum outcome conclude(struct mariadb *db,
                             struct arena *arena,
                             void *context,
                             struct fault *fault)
{
    struct sync *sync = context;
    (void)db;
    (void)fault;
    sync_judge(sync);
    sync_make_more(sync, arena);
    sync_make_batch(sync, &sync->last, arena);
    sync->body = sync_write(sync, arena);
    return OUTCOME_DONE;
}

static void on_concluded(struct request *request,
                         void *context,
                         enum outcome outcome,
                         const struct fault *fault)
{
    (void)request;
    struct sync *sync = context;
    if (outcome != OUTCOME_DONE) {
        fail(sync, fault);
        return;
    }
    send_jobs(sync, send_batch);
}

static void send_batch(struct sync *sync)
{
    sync->flush.jobs = &sync->last;
    sync->flush.count = 1;
    send_jobs(sync, accept_batch);
}

/* A batch that is there by now came under the same key at the same moment. Its answer is
 * the other request's; this one's sales are accepted all the same. */
static void accept_batch(struct sync *sync)
{
    give_back(sync);
    switch (sync->last.verdict) {
    case ENQUEUE_NEW:
        count_verdicts(sync);
        answer(sync, false);
        return;
    case ENQUEUE_KNOWN:
        sync_refuse(sync->request, PROBLEM_IDEMPOTENCY_IN_FLIGHT, 1);
        return;
    case ENQUEUE_CONFLICT:
        request_problem(sync->request, PROBLEM_IDEMPOTENCY_MISMATCH);
        return;
    }
}

/* Who sends again what is known, or what could not be taken, pays for it once. */
static void give_back(struct sync *sync)
{
    if (sync->charged > sync->kept) {
        limits_give_back_many(sync->request,
                              LIMIT_OFFLINE,
                              user_of(sync),
                              sync->charged - sync->kept,
                              &sync->limit);
    }
}

static void count_verdicts(const struct sync *sync)
{
    struct counters *counters = sync->request->loop->counters;
    struct batch_counts counts = batch_count(&sync->batch);
    counter_add(&counters->sync_batches, 1);
    for (int i = 0; i < BATCH_VERDICTS; i++) {
        counter_add(&counters->sync_items[i], counts.of[i]);
    }
}

static void tell_clock(const struct sync *sync)
{
    const struct batch *batch = &sync->batch;
    struct loop *loop = sync->request->loop;
    if (!batch_is_off(batch, sync->door->settings->sync.skew_s)) {
        return;
    }
    counter_add(&loop->counters->sync_clocks_off, 1);
    if (loop_may_warn(loop)) {
        log_warning("a phone's clock is off",
                    LOG_TEXT("request", sync->request->id),
                    LOG_NUMBER("user", batch->pompier_id),
                    LOG_SPAN("device", batch->device_id),
                    LOG_NUMBER("skew_ms", batch->skew_ms));
    }
}

/* At once, unless the phone waits for its sales' end. */
static void answer(struct sync *sync, bool replayed)
{
    struct request *request = sync->request;
    struct span limit = limits_headers(request, LIMIT_OFFLINE, &sync->limit);
    sync->headers =
        span_of(arena_format(&request->arena,
                             "%.*s%.*sLocation: /api/batches/%.*s\r\n%s",
                             SPAN_ARGS(request->lines),
                             SPAN_ARGS(limit),
                             SPAN_ARGS(sync->batch.id),
                             replayed ? "Idempotent-Replayed: true\r\n" : ""));
    if (sync->wait_ms > 0) {
        batches_wait(request,
                     &sync->batch,
                     sync->wait_ms,
                     sync->headers,
                     answer_later,
                     sync);
    } else {
        answer_later(request, sync);
    }
}

static void answer_later(struct request *request, void *context)
{
    const struct sync *sync = context;
    request_answer(request, 202, JOBS_TYPE, sync->body, sync->headers);
}

static void fail(struct sync *sync, const struct fault *fault)
{
    struct request *request = sync->request;
    give_back(sync);
    if (loop_may_warn(request->loop)) {
        log_warning("offline sales are not taken in now",
                    LOG_TEXT("request", request->id),
                    LOG_FAULT(fault));
    }
    sync_refuse(request, PROBLEM_UNAVAILABLE, sync_retry_s(RETRY_LEAST_S, 0, 0));
}
