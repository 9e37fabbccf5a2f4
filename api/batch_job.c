/* SPDX-License-Identifier: MIT
 * Asks Redis for a batch's job. */
#include "api/batch_job.h"

#include "api/door.h"
#include "api/loop.h"
#include "api/redis_async.h"
#include "api/request.h"
#include "api/session.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/model/batch.h"

enum { COMMAND_ARENA_BYTES = 64 * 1024, REPLY_ARENA_BYTES = 4 << 20 };

struct search {
    struct request *request;
    batch_job_fn found;
    void *context;
};

static void on_reply(void *context,
                     enum outcome outcome,
                     const struct reply *reply,
                     const struct fault *fault);

void batch_job_find(struct request *request,
                    struct span batch_id,
                    batch_job_fn found,
                    void *context)
{
    const struct settings *settings = request->loop->door->settings;
    struct search *search = ARENA_NEW(&request->arena, struct search);
    struct span id = batch_job_id(request->session->user_id, batch_id, &request->arena);
    struct partition partition = queue_partition_of(id, (int)settings->redis.partitions);
    struct fault fault;
    struct arena arena;
    *search = (struct search){.request = request, .found = found, .context = context};
    arena_init(&arena, COMMAND_ARENA_BYTES);
    struct command command = queue_show(&arena, partition, id);
    enum outcome outcome = redis_async_send(request->loop->redis,
                                            &command,
                                            settings->api.redis_ms,
                                            on_reply,
                                            search,
                                            &fault);
    arena_done(&arena);
    if (outcome != OUTCOME_DONE) {
        found(request, context, outcome, (struct span){NULL, 0}, &fault);
    }
}

static void on_reply(void *context,
                     enum outcome outcome,
                     const struct reply *reply,
                     const struct fault *fault)
{
    struct search *search = context;
    struct request *request = search->request;
    struct job_record *records = NULL;
    struct span sealed = {NULL, 0};
    size_t count = 0;
    struct fault bad;
    struct arena arena;
    arena_init(&arena, REPLY_ARENA_BYTES);
    if (outcome == OUTCOME_DONE) {
        outcome = queue_read_records(reply, &arena, &records, &count, NULL, NULL, &bad);
        fault = &bad;
    }
    if (outcome == OUTCOME_DONE && count > 0) {
        sealed = arena_span(&request->arena, records[0].payload);
    }
    arena_done(&arena);
    search->found(request, search->context, outcome, sealed, fault);
}
