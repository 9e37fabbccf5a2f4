/* SPDX-License-Identifier: MIT
 * Asks Redis for the queue's figures, and writes them down as /metrics shows them. */
#include "api/pulse.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "api/ticker.h"
#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"

enum {
    EVERY_MS = 1000,
    FRESH_MS = 3 * EVERY_MS,
    WORKER_SEEN_MS = 10 * 1000,
    ARENA_BYTES = 16 << 20,
    TEXT_BYTES = 1 << 20,
};

struct pulse {
    const struct settings *settings;
    const struct clock *clock;
    struct redis *redis;
    struct ticker ticker;
    struct arena arena;
    struct text fresh; /* what the thread is writing */
    bool durability_checked;
    bool told;
    pthread_mutex_t lock; /* of what follows */
    struct text metrics;
    int64_t workers;
    int64_t seen_ms; /* 0: Redis did not answer the last time */
};

static int64_t beat(void *context);
static enum outcome look(struct pulse *pulse, int64_t *out_workers, struct fault *fault);
static enum outcome check_durability(struct pulse *pulse, struct fault *fault);
static void write_help(struct text *out);
static void write_stats(struct text *out, int partition, const struct queue_stats *stats);
static void write_line(struct text *out,
                       const char *name,
                       const struct lane_counts *lane,
                       int partition,
                       const char *state,
                       int64_t value);
static int64_t count_workers(const struct queue_stats *stats);

enum outcome pulse_open(const struct settings *settings,
                        const struct clock *clock,
                        struct pulse **out_pulse,
                        struct fault *fault)
{
    struct pulse *pulse = calloc(1, sizeof(*pulse));
    if (!pulse || pthread_mutex_init(&pulse->lock, NULL) != 0) {
        abort();
    }
    pulse->settings = settings;
    pulse->clock = clock;
    enum outcome outcome = redis_open(settings, &pulse->redis, fault);
    if (outcome != OUTCOME_DONE) {
        pthread_mutex_destroy(&pulse->lock);
        free(pulse);
        return outcome;
    }
    arena_init(&pulse->arena, ARENA_BYTES);
    text_init(&pulse->fresh, TEXT_BYTES);
    text_init(&pulse->metrics, TEXT_BYTES);
    ticker_start(&pulse->ticker, beat, pulse);
    *out_pulse = pulse;
    return OUTCOME_DONE;
}

bool pulse_close(struct pulse *pulse)
{
    if (!pulse) {
        return true;
    }
    if (!ticker_stop(&pulse->ticker)) {
        return false;
    }
    redis_close(pulse->redis);
    pthread_mutex_destroy(&pulse->lock);
    arena_done(&pulse->arena);
    text_done(&pulse->fresh);
    text_done(&pulse->metrics);
    free(pulse);
    return true;
}

bool pulse_read(struct pulse *pulse, int64_t *out_workers)
{
    pthread_mutex_lock(&pulse->lock);
    int64_t seen_ms = pulse->seen_ms;
    int64_t workers = pulse->workers;
    pthread_mutex_unlock(&pulse->lock);
    bool fresh = seen_ms != 0 && clock_mono_ms(pulse->clock) - seen_ms < FRESH_MS;
    *out_workers = fresh ? workers : 0;
    return fresh;
}

void pulse_write_metrics(struct pulse *pulse, struct text *out)
{
    int64_t workers = 0;
    if (pulse_read(pulse, &workers)) {
        pthread_mutex_lock(&pulse->lock);
        text_add(out, text_span(&pulse->metrics));
        pthread_mutex_unlock(&pulse->lock);
    }
}

static int64_t beat(void *context)
{
    struct pulse *pulse = context;
    struct fault fault;
    int64_t workers = 0;
    arena_reset(&pulse->arena);
    bool good = look(pulse, &workers, &fault) == OUTCOME_DONE;
    if (!good && !pulse->told) {
        log_warning("the queue cannot be seen", LOG_FAULT(&fault));
    }
    pulse->told = !good;
    pulse->durability_checked = pulse->durability_checked && good;
    pthread_mutex_lock(&pulse->lock);
    if (good) {
        struct text old = pulse->metrics;
        pulse->metrics = pulse->fresh;
        pulse->fresh = old;
        pulse->workers = workers;
    }
    pulse->seen_ms = good ? clock_mono_ms(pulse->clock) : 0;
    pthread_mutex_unlock(&pulse->lock);
    return EVERY_MS;
}

static enum outcome look(struct pulse *pulse, int64_t *out_workers, struct fault *fault)
{
    int64_t workers = 0;
    text_clear(&pulse->fresh);
    write_help(&pulse->fresh);
    if (!pulse->durability_checked) {
        enum outcome outcome = check_durability(pulse, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    int count = (int)pulse->settings->redis.partitions;
    for (int i = 0; i < count; i++) {
        struct partition partition = {.number = i, .count = count};
        struct command command = queue_stats(&pulse->arena, partition);
        struct reply reply;
        struct queue_stats stats;
        enum outcome outcome =
            redis_call(pulse->redis, &command, &pulse->arena, &reply, fault);
        if (outcome == OUTCOME_DONE) {
            outcome = queue_read_stats(&reply, &pulse->arena, &stats, fault);
        }
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        write_stats(&pulse->fresh, i, &stats);
        int64_t seen = count_workers(&stats);
        workers = seen > workers ? seen : workers;
    }
    text_addf(&pulse->fresh, "tocsin_workers %" PRId64 "\n", workers);
    *out_workers = workers;
    return OUTCOME_DONE;
}

static enum outcome check_durability(struct pulse *pulse, struct fault *fault)
{
    struct text warnings;
    text_init(&warnings, TEXT_BYTES);
    enum outcome outcome =
        redis_check_durability(pulse->redis, &pulse->arena, &warnings, fault);
    struct span rest = text_span(&warnings);
    while (outcome == OUTCOME_DONE && rest.len > 0) {
        struct span line = span_cut(rest, '\n', &rest);
        log_warning("REDIS MAY LOSE WHAT IT IS GIVEN", LOG_SPAN("why", line));
    }
    pulse->durability_checked = outcome == OUTCOME_DONE;
    text_done(&warnings);
    return outcome;
}

static void write_help(struct text *out)
{
    text_add_string(
        out,
        "# HELP tocsin_jobs Jobs in the queue.\n"
        "# TYPE tocsin_jobs gauge\n"
        "# HELP tocsin_oldest_ready_seconds Age of the job that is next.\n"
        "# TYPE tocsin_oldest_ready_seconds gauge\n"
        "# HELP tocsin_queue_total What happened to jobs since the queue began.\n"
        "# TYPE tocsin_queue_total counter\n"
        "# HELP tocsin_workers Workers that beat in the last 10 s.\n"
        "# TYPE tocsin_workers gauge\n");
}

static void write_stats(struct text *out, int partition, const struct queue_stats *stats)
{
    for (size_t i = 0; i < stats->lane_count; i++) {
        const struct lane_counts *lane = &stats->lanes[i];
        for (int state = 0; state < JOB_STATE_COUNT; state++) {
            write_line(out,
                       "tocsin_jobs",
                       lane,
                       partition,
                       job_state_name((enum job_state)state),
                       lane->count[state]);
        }
        int64_t age_ms = lane->oldest_ready_ms;
        write_line(out,
                   "tocsin_oldest_ready_seconds",
                   lane,
                   partition,
                   NULL,
                   age_ms > 0 ? age_ms / 1000 : 0);
    }
    for (size_t i = 0; i < stats->total_count; i++) {
        text_addf(out,
                  "tocsin_queue_total{partition=\"%d\",what=\"%.*s\"} %" PRId64 "\n",
                  partition,
                  SPAN_ARGS(stats->totals[i].name),
                  stats->totals[i].count);
    }
}

static void write_line(struct text *out,
                       const char *name,
                       const struct lane_counts *lane,
                       int partition,
                       const char *state,
                       int64_t value)
{
    text_addf(out,
              "%s{partition=\"%d\",lane=\"%.*s\",kind=\"%.*s\"",
              name,
              partition,
              SPAN_ARGS(lane->lane),
              SPAN_ARGS(lane->kind));
    if (state) {
        text_addf(out, ",state=\"%s\"", state);
    }
    text_addf(out, "} %" PRId64 "\n", value);
}

static int64_t count_workers(const struct queue_stats *stats)
{
    int64_t count = 0;
    for (size_t i = 0; i < stats->worker_count; i++) {
        count += stats->workers[i].beat_age_ms <= WORKER_SEEN_MS ? 1 : 0;
    }
    return count;
}
