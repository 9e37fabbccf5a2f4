/* SPDX-License-Identifier: MIT
 * The job that moves the end of a session. */
#include "api/session_extend.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "api/door.h"
#include "api/ingest.h"
#include "api/loop.h"
#include "api/request.h"
#include "api/session.h"
#include "api/session_cache.h"
#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/log.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/model/ask.h"

#define KIND "session.extend"

enum { JOB_ARENA_BYTES = 256 * 1024, HOUR_MS = 3600 * 1000, HASH_CHARACTERS = 16 };

/* What the job points to outlives the request. */
struct extension {
    struct arena arena;
    struct job_new job;
};

static void fill(struct extension *extension,
                 const struct request *request,
                 int64_t period,
                 int64_t now_ms);
static void on_enqueued(void *context,
                        enum outcome outcome,
                        enum enqueue_verdict verdict,
                        const struct fault *fault);

void session_extend(struct request *request, const struct digest *token_hash)
{
    struct loop *loop = request->loop;
    int64_t now_ms = clock_wall_ms(loop->door->clock);
    int64_t idle_ms = loop->door->settings->session.idle_s * 1000;
    int64_t period_ms = idle_ms / 4 < HOUR_MS ? idle_ms / 4 : HOUR_MS;
    if (now_ms + idle_ms - request->session->expires_ms < period_ms ||
        !session_cache_is_first(loop->sessions, token_hash, now_ms / period_ms)) {
        return;
    }
    struct extension *extension = calloc(1, sizeof(*extension));
    if (!extension) {
        abort();
    }
    arena_init(&extension->arena, JOB_ARENA_BYTES);
    fill(extension, request, now_ms / period_ms, now_ms);
    ingest_add(loop->ingest, &extension->job, on_enqueued, extension);
}

static void fill(struct extension *extension,
                 const struct request *request,
                 int64_t period,
                 int64_t now_ms)
{
    const struct session *session = request->session;
    const struct seal_ring *ring = request->loop->door->ring;
    struct arena *arena = &extension->arena;
    struct digest digest;
    char *mac = arena_take(arena, DIGEST_HEX_BYTES);
    struct span id = span_of(arena_format(arena,
                                          KIND ":%" PRId64 ":%.*s-%" PRId64,
                                          session->user_id,
                                          HASH_CHARACTERS,
                                          session->token_hash,
                                          period));
    const struct ask ask = {
        .user_id = session->user_id,
        .role = session->role,
        .amicale_id = session->amicale_id,
        .request_id = span_of(request->id),
        .at_ms = now_ms,
        .body =
            span_of(arena_format(arena, "{\"token_hash\":\"%s\"}", session->token_hash))};
    struct span binding = span_of(arena_format(arena, "%.*s|" KIND, SPAN_ARGS(id)));
    seal_fingerprint(ring, SPAN("job|" KIND), ask.body, &digest);
    digest_hex(&digest, mac);
    extension->job = (struct job_new){
        .id = id,
        .kind = kind_find(SPAN(KIND)),
        .tenant = session->amicale_id > 0
                      ? span_of(arena_format(arena, "%" PRId64, session->amicale_id))
                      : SPAN("-"),
        .payload = seal_seal(ring, binding, ask_encode(&ask, arena), arena),
        .mac = span_of(mac)};
    assert(extension->job.kind);
    extension->job.lane = extension->job.kind->lane;
}

static void on_enqueued(void *context,
                        enum outcome outcome,
                        enum enqueue_verdict verdict,
                        const struct fault *fault)
{
    struct extension *extension = context;
    (void)verdict; /* another front door may have been first */
    if (outcome != OUTCOME_DONE) {
        log_debug("a session is not extended", LOG_FAULT(fault));
    }
    arena_done(&extension->arena);
    free(extension);
}
