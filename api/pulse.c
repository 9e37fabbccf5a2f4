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
    int64_t backlog;
    int64_t seen_ms; /* 0: Redis did not answer the last time */
};

static bool is_fresh(const struct pulse *pulse);
static int64_t beat(void *context);
static enum outcome look(struct pulse *pulse,
                         int64_t *out_workers,
                         int64_t *out_backlog,
                         struct fault *fault);
static enum outcome check_durability(struct pulse *pulse, struct fault *fault);
static void write_metrics(struct text *out,
                          const struct queue_stats *stats,
                          int count,
                          int64_t workers,
                          int64_t backlog);
static void write_lane(struct text *out,
                       const char *name,
                       int partition,
                       const struct lane_counts *lane);
static void add_label(struct text *out, const char *before, struct span value);
static int64_t count_workers(const struct queue_stats *stats, int count);
static int64_t count_backlog(const struct queue_stats *stats, int count);

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
    *out_pulse = pulse;
    return OUTCOME_DONE;
}

void pulse_start(struct pulse *pulse)
{
    ticker_start(&pulse->ticker, beat, pulse);
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
    bool fresh = is_fresh(pulse);
    *out_workers = fresh ? pulse->workers : 0;
    pthread_mutex_unlock(&pulse->lock);
    return fresh;
}

int64_t pulse_backlog(struct pulse *pulse)
{
    pthread_mutex_lock(&pulse->lock);
    int64_t backlog = is_fresh(pulse) ? pulse->backlog : -1;
    pthread_mutex_unlock(&pulse->lock);
    return backlog;
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

/* Under the lock. */
static bool is_fresh(const struct pulse *pulse)
{
    return pulse->seen_ms != 0 && clock_mono_ms(pulse->clock) - pulse->seen_ms < FRESH_MS;
}

static int64_t beat(void *context)
{
    struct pulse *pulse = context;
    struct fault fault;
    int64_t workers = 0;
    int64_t backlog = 0;
    arena_reset(&pulse->arena);
    bool good = look(pulse, &workers, &backlog, &fault) == OUTCOME_DONE;
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
        pulse->backlog = backlog;
    }
    pulse->seen_ms = good ? clock_mono_ms(pulse->clock) : 0;
    pthread_mutex_unlock(&pulse->lock);
    return EVERY_MS;
}

static enum outcome look(struct pulse *pulse,
                         int64_t *out_workers,
                         int64_t *out_backlog,
                         struct fault *fault)
{
    int count = (int)pulse->settings->redis.partitions;
    struct queue_stats *stats =
        ARENA_ARRAY(&pulse->arena, struct queue_stats, (size_t)count);
    enum outcome outcome = OUTCOME_DONE;
    if (!pulse->durability_checked) {
        outcome = check_durability(pulse, fault);
    }
    for (int i = 0; i < count && outcome == OUTCOME_DONE; i++) {
        struct partition partition = {.number = i, .count = count};
        struct command command = queue_stats(&pulse->arena, partition);
        struct reply reply;
        outcome = redis_call(pulse->redis, &command, &pulse->arena, &reply, fault);
        if (outcome == OUTCOME_DONE) {
            outcome = queue_read_stats(&reply, &pulse->arena, &stats[i], fault);
        }
    }
    if (outcome == OUTCOME_DONE) {
        *out_workers = count_workers(stats, count);
        *out_backlog = count_backlog(stats, count);
        write_metrics(&pulse->fresh, stats, count, *out_workers, *out_backlog);
    }
    return outcome;
}

/* A Redis that does not let itself be asked (CONFIG may be denied to our user) is warned
 * about as well, and works all the same. */
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
    if (outcome == OUTCOME_NEVER) {
        log_warning("redis_durability_unknown", LOG_FAULT(fault));
        outcome = OUTCOME_DONE;
    }
    pulse->durability_checked = outcome == OUTCOME_DONE;
    text_done(&warnings);
    return outcome;
}

/* All lines of one name stand together, as the format wants it. */
static void write_metrics(struct text *out,
                          const struct queue_stats *stats,
                          int count,
                          int64_t workers,
                          int64_t backlog)
{
    text_clear(out);
    text_add_string(out,
                    "# HELP tocsin_jobs Jobs in the queue.\n"
                    "# TYPE tocsin_jobs gauge\n");
    for (int i = 0; i < count; i++) {
        for (size_t k = 0; k < stats[i].lane_count; k++) {
            for (int state = 0; state < JOB_STATE_COUNT; state++) {
                write_lane(out, "tocsin_jobs", i, &stats[i].lanes[k]);
                text_addf(out,
                          ",state=\"%s\"} %" PRId64 "\n",
                          job_state_name((enum job_state)state),
                          stats[i].lanes[k].count[state]);
            }
        }
    }
    text_add_string(out,
                    "# HELP tocsin_oldest_ready_seconds Age of the job that is next.\n"
                    "# TYPE tocsin_oldest_ready_seconds gauge\n");
    for (int i = 0; i < count; i++) {
        for (size_t k = 0; k < stats[i].lane_count; k++) {
            int64_t age_ms = stats[i].lanes[k].oldest_ready_ms;
            write_lane(out, "tocsin_oldest_ready_seconds", i, &stats[i].lanes[k]);
            text_addf(out, "} %.3f\n", age_ms > 0 ? (double)age_ms / 1000 : 0.0);
        }
    }
    text_add_string(out,
                    "# HELP tocsin_queue_total What happened to jobs since the queue "
                    "began.\n"
                    "# TYPE tocsin_queue_total counter\n");
    for (int i = 0; i < count; i++) {
        for (size_t k = 0; k < stats[i].total_count; k++) {
            text_addf(out, "tocsin_queue_total{partition=\"%d\"", i);
            add_label(out, ",what=", stats[i].totals[k].name);
            text_addf(out, "} %" PRId64 "\n", stats[i].totals[k].count);
        }
    }
    text_addf(out,
              "# HELP tocsin_workers Workers that beat in the last 10 s.\n"
              "# TYPE tocsin_workers gauge\n"
              "tocsin_workers %" PRId64 "\n"
              "# HELP tocsin_sync_backlog Offline sales that wait to be recorded.\n"
              "# TYPE tocsin_sync_backlog gauge\n"
              "tocsin_sync_backlog %" PRId64 "\n",
              workers,
              backlog);
}

static void write_lane(struct text *out,
                       const char *name,
                       int partition,
                       const struct lane_counts *lane)
{
    text_addf(out, "%s{partition=\"%d\"", name, partition);
    add_label(out, ",lane=", lane->lane);
    add_label(out, ",kind=", lane->kind);
}

/* Names come out of Redis: one with a quote must not cut the page short for whoever reads
 * it (a scrape is refused as a whole). */
static void add_label(struct text *out, const char *before, struct span value)
{
    text_add_string(out, before);
    text_add_char(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.at[i];
        if (byte == '"' || byte == '\\' || byte == '\n') {
            text_add_char(out, '\\');
        }
        text_add_char(out, (char)(byte == '\n' ? 'n' : byte));
    }
    text_add_char(out, '"');
}

/* A worker beats in every partition. */
static int64_t count_workers(const struct queue_stats *stats, int count)
{
    int64_t most = 0;
    for (int i = 0; i < count; i++) {
        int64_t seen = 0;
        for (size_t k = 0; k < stats[i].worker_count; k++) {
            seen += stats[i].workers[k].beat_age_ms <= WORKER_SEEN_MS ? 1 : 0;
        }
        most = seen > most ? seen : most;
    }
    return most;
}

static int64_t count_backlog(const struct queue_stats *stats, int count)
{
    int64_t waiting = 0;
    for (int i = 0; i < count; i++) {
        for (size_t k = 0; k < stats[i].lane_count; k++) {
            const struct lane_counts *row = &stats[i].lanes[k];
            if (span_is(row->lane, lane_name(LANE_SYNC)) &&
                span_starts(row->kind, "sync.")) {
                waiting += row->count[JOB_READY] + row->count[JOB_SCHEDULED];
            }
        }
    }
    return waiting;
}
