/* SPDX-License-Identifier: MIT
 * A worker's sign of life. */
#include "worker/beat.h"

#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "worker/context.h"
#include "worker/roster.h"
#include "worker/slots.h"

enum { ABOUT_BYTES = 64 * 1024 };

static struct span write_about(const struct context *context,
                               struct roster *roster,
                               struct arena *arena);
static enum outcome send_one(struct roster *roster,
                             struct redis *redis,
                             struct partition partition,
                             const struct beat *beat,
                             struct arena *arena,
                             struct fault *fault);

enum outcome beat_send(const struct context *context,
                       struct roster *roster,
                       struct redis *redis,
                       enum beat_sort sort,
                       struct arena *arena,
                       struct fault *fault)
{
    struct beat beat = {.worker = context->name,
                        .about = write_about(context, roster, arena),
                        .lease_ms = context->settings->worker.lease_ms,
                        .leaving = sort == BEAT_LEAVING};
    int partitions = (int)context->settings->redis.partitions;
    enum outcome outcome = OUTCOME_DONE;
    for (int i = 0; outcome == OUTCOME_DONE && i < partitions; i++) {
        struct partition partition = {.number = i, .count = partitions};
        outcome = send_one(roster, redis, partition, &beat, arena, fault);
    }
    return outcome;
}

static struct span write_about(const struct context *context,
                               struct roster *roster,
                               struct arena *arena)
{
    char host[256] = "";
    (void)gethostname(host, sizeof(host) - 1);
    int slots = (int)context->settings->worker.slots;
    struct text text;
    text_init(&text, ABOUT_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_string(&json, "host", span_of(host));
    json_put_integer(&json, "pid", getpid());
    json_put_string(&json, "version", span_of(TOCSIN_VERSION));
    json_put_integer(&json, "started_ms", context->started_ms);
    json_put_integer(&json, "slots", slots);
    json_put_integer(&json, "live_slots", slots_live_share(slots));
    roster_about(roster, clock_mono_ms(context->clock), &json);
    json_close(&json, '}');
    struct span about = arena_span(arena, text_span(&text));
    text_done(&text);
    return about;
}

static enum outcome send_one(struct roster *roster,
                             struct redis *redis,
                             struct partition partition,
                             const struct beat *beat,
                             struct arena *arena,
                             struct fault *fault)
{
    struct beat full = *beat;
    if (!full.leaving) {
        full.held = roster_held(roster, partition, arena, &full.held_count);
    }
    struct command command = queue_beat(arena, partition, &full);
    struct reply reply;
    enum outcome outcome = redis_call(redis, &command, arena, &reply, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    int64_t *tokens = NULL;
    size_t count = 0;
    outcome = queue_read_beat(&reply, arena, &tokens, &count, fault);
    if (outcome == OUTCOME_DONE) {
        roster_lost(roster, partition, tokens, count);
    }
    return outcome;
}
