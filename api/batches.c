/* SPDX-License-Identifier: MIT
 * GET /api/batches/{id}, and the wait for a batch's end. */
#include "api/batches.h"

#include <assert.h>

#include "api/accept.h"
#include "api/batch_job.h"
#include "api/batch_read.h"
#include "api/batch_view.h"
#include "api/batch_watch.h"
#include "api/batch_write.h"
#include "api/counters.h"
#include "api/door.h"
#include "api/jobs.h"
#include "api/loop.h"
#include "api/problem.h"
#include "api/reader.h"
#include "api/request.h"
#include "api/session.h"
#include "api/sync_retry.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/batch.h"

enum {
    STREAM_EVERY_MS = 1000,
    STREAM_SLOWEST_MS = 4000,
    WAIT_EVERY_MS = 200,
    WAIT_SLOWEST_MS = 500,
    STREAM_RETRY_LEAST_S = 5,
    FIGURES_BYTES = 4096,
};
#define STREAM_TYPE "text/event-stream; charset=utf-8"
/* A proxy that gathers an answer before it passes it on would hold the events back. */
#define STREAM_HEADERS SPAN("X-Accel-Buffering: no\r\n")

/* One request for a batch, in its arena. */
struct look {
    struct request *request;
    struct span id;
    struct span sealed; /* the payload of its job; empty: its row is asked for */
    bool looked_in_redis;
    bool found;
    bool streams;
    bool synced; /* the answer of a flush that waited */
    struct batch batch;
    struct batch_view view;
    struct watch watch;
    struct span body;
    struct span headers;
    void (*late)(struct request *request, void *context);
    void *late_context;
};

static bool are_streams_full(struct request *request);
static bool wants_stream(const struct request *request);
static enum outcome load(struct mariadb *db,
                         struct arena *arena,
                         void *context,
                         struct fault *fault);
static enum outcome load_batch(struct look *look,
                               struct mariadb *db,
                               struct arena *arena,
                               struct fault *fault);
static enum outcome find_batch(struct look *look,
                               struct mariadb *db,
                               struct arena *arena,
                               struct fault *fault);
static enum outcome view_batch(struct look *look,
                               struct mariadb *db,
                               struct arena *arena,
                               struct fault *fault);
static struct span write_batch(const struct look *look,
                               const struct sql_rows *rows,
                               const size_t *places,
                               struct arena *arena);
static void put_result(struct json_writer *json,
                       const struct look *look,
                       size_t at,
                       const struct sql_rows *rows,
                       const size_t *places,
                       struct arena *arena);
static void on_loaded(struct request *request,
                      void *context,
                      enum outcome outcome,
                      const struct fault *fault);
static void on_job(struct request *request,
                   void *context,
                   enum outcome outcome,
                   struct span sealed,
                   const struct fault *fault);
static void begin_stream(struct look *look);
static void on_watched(struct request *request, void *context, enum watched watched);
static void end_stream(struct look *look);
static void send_event(struct look *look, const char *name);
static void on_waited(struct request *request, void *context, enum watched watched);
static enum outcome write_synced(struct mariadb *db,
                                 struct arena *arena,
                                 void *context,
                                 struct fault *fault);
static void on_synced(struct request *request,
                      void *context,
                      enum outcome outcome,
                      const struct fault *fault);

void batches_show(struct request *request)
{
    struct look *look = ARENA_NEW(&request->arena, struct look);
    look->request = request;
    look->id = arena_span(&request->arena, request->params[0]);
    look->streams = wants_stream(request);
    if (!batch_id_is_valid(look->id)) {
        request_problem(request, PROBLEM_NOT_FOUND);
        return;
    }
    if (look->streams && are_streams_full(request)) {
        return;
    }
    request_keep(request);
    reader_ask(request, load, on_loaded, look);
}

/* Then it is answered. */
static bool are_streams_full(struct request *request)
{
    const struct loop *loop = request->loop;
    if ((int64_t)counter_read(&loop->counters->streams) <
        loop->door->settings->api.streams_max) {
        return false;
    }
    sync_refuse(request, PROBLEM_UNAVAILABLE, sync_retry_s(STREAM_RETRY_LEAST_S, 0, 0));
    return true;
}

static bool wants_stream(const struct request *request)
{
    return request->method == HTTP_GET &&
           accept_prefers_stream(request_header(request, "accept"));
}

static enum outcome load(struct mariadb *db,
                         struct arena *arena,
                         void *context,
                         struct fault *fault)
{
    struct look *look = context;
    if (!look->streams) {
        return load_batch(look, db, arena, fault);
    }
    /* A stream lives for minutes, and needs no more than its view. */
    struct arena scratch;
    arena_init(&scratch, REQUEST_ARENA_BYTES);
    enum outcome outcome = load_batch(look, db, &scratch, fault);
    arena_done(&scratch);
    look->batch = (struct batch){.count = 0};
    return outcome;
}

static enum outcome load_batch(struct look *look,
                               struct mariadb *db,
                               struct arena *arena,
                               struct fault *fault)
{
    enum outcome outcome = find_batch(look, db, arena, fault);
    return outcome == OUTCOME_DONE && look->found ? view_batch(look, db, arena, fault)
                                                  : outcome;
}

/* A dead job that Redis has forgotten is looked for once Redis was asked: hardly any batch
 * has one. */
static enum outcome find_batch(struct look *look,
                               struct mariadb *db,
                               struct arena *arena,
                               struct fault *fault)
{
    const struct seal_ring *ring = look->request->loop->door->ring;
    int64_t user_id = look->request->session->user_id;
    struct batch *batch = &look->batch;
    if (look->sealed.len > 0) {
        look->found = true;
        return batch_read_sealed(ring,
                                 user_id,
                                 look->id,
                                 look->sealed,
                                 arena,
                                 batch,
                                 fault);
    }
    enum outcome outcome =
        batch_read_row(db, user_id, look->id, arena, batch, &look->found, fault);
    if (outcome == OUTCOME_DONE && !look->found && look->looked_in_redis) {
        outcome = batch_read_archived(db,
                                      ring,
                                      user_id,
                                      look->id,
                                      arena,
                                      batch,
                                      &look->found,
                                      fault);
    }
    return outcome;
}

/* The rows of a thousand sales are megabytes, and a flush that has waited holds some of
 * its own already. */
static enum outcome view_batch(struct look *look,
                               struct mariadb *db,
                               struct arena *arena,
                               struct fault *fault)
{
    struct sql_rows rows;
    struct arena scratch;
    size_t *places = NULL;
    arena_init(&scratch, REQUEST_ARENA_BYTES);
    batch_view_begin(&look->view,
                     look->request->loop->door->ring,
                     &look->batch,
                     &look->request->arena);
    enum outcome outcome =
        batch_view_look_at_all(&look->view, db, &scratch, &rows, &places, fault);
    if (outcome == OUTCOME_DONE && !look->streams) {
        look->body = write_batch(look, &rows, places, arena);
    }
    arena_done(&scratch);
    return outcome;
}

static struct span write_batch(const struct look *look,
                               const struct sql_rows *rows,
                               const size_t *places,
                               struct arena *arena)
{
    const struct settings *settings = look->request->loop->door->settings;
    const struct batch *batch = &look->batch;
    struct text text;
    text_init(&text, BATCH_BODY_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    batch_put_head(&json, batch, settings->sync.skew_s);
    if (!look->synced) {
        json_put_optional(&json, "device_id", batch->device_id);
        batch_view_put_figures(&json, &look->view);
    }
    json_open(&json, look->synced ? "synced" : "results", '[');
    for (size_t i = 0; i < batch->count; i++) {
        put_result(&json, look, i, rows, places, arena);
    }
    json_close(&json, ']');
    json_close(&json, '}');
    assert(!text.full);
    struct span body = arena_span(arena, text_span(&text));
    text_done(&text);
    return body;
}

static void put_result(struct json_writer *json,
                       const struct look *look,
                       size_t at,
                       const struct sql_rows *rows,
                       const size_t *places,
                       struct arena *arena)
{
    const struct batch_item *item = &look->batch.items[at];
    const struct request *request = look->request;
    json_open(json, NULL, '{');
    json_put_optional(json, "local_id", item->local_id);
    json_put_string(json, "status", span_of(view_state_name(look->view.items[at].state)));
    if (item->verdict == BATCH_REJECTED) {
        batch_put_errors(json,
                         item,
                         request->loop->door->settings->sync.oldest_days,
                         request->english,
                         arena);
    } else {
        batch_view_put_row(json, &look->view, at, item, rows, places[at]);
    }
    json_close(json, '}');
}

static void on_loaded(struct request *request,
                      void *context,
                      enum outcome outcome,
                      const struct fault *fault)
{
    struct look *look = context;
    if (outcome != OUTCOME_DONE) {
        reader_failed(request, fault);
    } else if (!look->found && !look->looked_in_redis) {
        look->looked_in_redis = true;
        batch_job_find(request, look->id, on_job, look);
    } else if (!look->found) {
        request_problem(request, PROBLEM_NOT_FOUND);
    } else if (look->streams) {
        begin_stream(look);
    } else {
        request_answer_json(request, 200, look->body);
    }
}

/* A job that is done has no payload any more, and a row since we looked. */
static void on_job(struct request *request,
                   void *context,
                   enum outcome outcome,
                   struct span sealed,
                   const struct fault *fault)
{
    struct look *look = context;
    if (outcome != OUTCOME_DONE) {
        reader_failed(request, fault);
        return;
    }
    look->sealed = sealed;
    reader_ask(request, load, on_loaded, look);
}

/* Others may have begun while its batch was read. */
static void begin_stream(struct look *look)
{
    struct request *request = look->request;
    struct loop *loop = request->loop;
    if (are_streams_full(request)) {
        return;
    }
    counter_add(&loop->counters->streams, 1);
    request_stream(request, STREAM_TYPE, STREAM_HEADERS);
    request_stream_send(
        request,
        span_of(arena_format(&request->arena, "retry: %d\n\n", (int)BATCHES_RETRY_MS)));
    send_event(look, "progress");
    look->watch = (struct watch){
        .view = &look->view,
        .until_ms = loop_mono_ms(loop) + BATCHES_STREAM_MS,
        .every_ms = STREAM_EVERY_MS,
        .slowest_ms = STREAM_SLOWEST_MS,
        .quiet_ms = BATCHES_QUIET_MS,
        .tell = on_watched,
        .context = look,
    };
    batch_watch_add(request, &look->watch);
}

static void on_watched(struct request *request, void *context, enum watched watched)
{
    struct look *look = context;
    switch (watched) {
    case WATCHED_CHANGED:
        send_event(look, "progress");
        return;
    case WATCHED_QUIET:
        request_stream_send(request, SPAN(":\n\n"));
        return;
    case WATCHED_DONE:
        send_event(look, "done");
        end_stream(look);
        return;
    case WATCHED_LATE:
    case WATCHED_LEAVING:
    case WATCHED_ENDED:
    case WATCHED_LEFT:
        end_stream(look);
        return;
    }
}

static void end_stream(struct look *look)
{
    counter_add(&look->request->loop->counters->streams, -1);
    request_stream_end(look->request);
}

static void send_event(struct look *look, const char *name)
{
    struct text text;
    text_init(&text, FIGURES_BYTES);
    text_addf(&text, "event: %s\ndata: ", name);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_string(&json, "batch_id", look->view.id);
    batch_view_put_figures(&json, &look->view);
    json_close(&json, '}');
    text_add_string(&text, "\n\n");
    assert(!text.full);
    request_stream_send(look->request, text_span(&text));
    text_done(&text);
}

void batches_wait(struct request *request,
                  const struct batch *batch,
                  int64_t wait_ms,
                  struct span headers,
                  void (*late)(struct request *request, void *context),
                  void *context)
{
    struct look *look = ARENA_NEW(&request->arena, struct look);
    *look = (struct look){
        .request = request,
        .id = batch->id,
        .synced = true,
        .batch = *batch,
        .headers = headers,
        .late = late,
        .late_context = context,
    };
    batch_view_begin(&look->view, request->loop->door->ring, batch, &request->arena);
    look->watch = (struct watch){
        .view = &look->view,
        .until_ms = loop_mono_ms(request->loop) + wait_ms,
        .every_ms = WAIT_EVERY_MS,
        .slowest_ms = WAIT_SLOWEST_MS,
        .tell = on_waited,
        .context = look,
    };
    batch_watch_add(request, &look->watch);
}

static void on_waited(struct request *request, void *context, enum watched watched)
{
    struct look *look = context;
    switch (watched) {
    case WATCHED_CHANGED:
    case WATCHED_QUIET:
        return;
    case WATCHED_DONE:
        reader_ask(request, write_synced, on_synced, look);
        return;
    case WATCHED_LATE:
    case WATCHED_LEAVING:
    case WATCHED_ENDED:
        look->late(request, look->late_context);
        return;
    case WATCHED_LEFT:
        request_drop(request);
        return;
    }
}

static enum outcome write_synced(struct mariadb *db,
                                 struct arena *arena,
                                 void *context,
                                 struct fault *fault)
{
    return view_batch(context, db, arena, fault);
}

/* What was accepted stays so, whether it can be shown or not. */
static void on_synced(struct request *request,
                      void *context,
                      enum outcome outcome,
                      const struct fault *fault)
{
    struct look *look = context;
    (void)fault;
    if (outcome == OUTCOME_DONE && look->view.waiting_count == 0) {
        request_answer(request, 200, JOBS_TYPE, look->body, look->headers);
    } else {
        look->late(request, look->late_context);
    }
}
