/* SPDX-License-Identifier: MIT
 * Sweeps, trims, archives and lets rows expire, each at its own pace. */
#include "worker/janitor.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "worker/archive.h"
#include "worker/context.h"
#include "worker/expire.h"
#include "worker/overdue.h"
#include "worker/rounds.h"

enum {
    SWEEP_EVERY_MS = 500,
    SWEEP_MOST = 200,
    TRIM_EVERY_MS = 5000,
    TRIM_MOST = 64, /* a script call of more holds Redis, and whoever waits, for long */
    ARCHIVE_EVERY_MS = 2000,
    EXPIRE_FIRST_MS = 5000,
    EXPIRE_EVERY_MS = 60 * 1000,
    JANITOR_ARENA_BYTES = 256 << 20,
};

struct janitor {
    const struct context *context;
    const struct duty *duty;
    struct redis *redis;
    struct mariadb *db;
    struct arena arena; /* of one command and its reply */
    bool durability_known; /* asked since the link came up */
    int64_t trim_at_ms;
    int64_t expire_at_ms;
    struct rounds rounds;
};

/* What is done for each partition. `out_more` asks for another turn at once. */
typedef enum outcome (*chore_fn)(struct janitor *janitor,
                                 struct partition partition,
                                 bool *out_more,
                                 struct fault *fault);

static enum outcome make_round(void *owner, int64_t *out_wait_ms, struct fault *fault);
static enum outcome keep_queue(struct janitor *janitor,
                               bool *out_more,
                               struct fault *fault);
static enum outcome check_durability(struct janitor *janitor, struct fault *fault);
static enum outcome each_partition(struct janitor *janitor,
                                   chore_fn chore,
                                   bool *out_more,
                                   struct fault *fault);
static enum outcome sweep(struct janitor *janitor,
                          struct partition partition,
                          bool *out_more,
                          struct fault *fault);
static void tell_sweep(const struct swept *swept);
static enum outcome trim(struct janitor *janitor,
                         struct partition partition,
                         bool *out_more,
                         struct fault *fault);
static enum outcome keep_archive(struct janitor *janitor,
                                 bool *out_more,
                                 struct fault *fault);
static enum outcome archive(struct janitor *janitor,
                            struct partition partition,
                            bool *out_more,
                            struct fault *fault);
static enum outcome expire(struct janitor *janitor, bool *out_more, struct fault *fault);
static enum outcome tell_overdue(struct janitor *janitor, struct fault *fault);

/* One round of a duty, `every_ms`; `out_more` asks for another one at once. */
static const struct duty {
    const char *link; /* what is away when a round fails, for the log */
    int64_t every_ms;
    enum outcome (*work)(struct janitor *janitor, bool *out_more, struct fault *fault);
} duties[] = {
    [JANITOR_QUEUE] = {"redis", SWEEP_EVERY_MS, keep_queue},
    [JANITOR_ARCHIVE] = {"archive", ARCHIVE_EVERY_MS, keep_archive},
};

enum outcome janitor_open(const struct context *context,
                          enum janitor_duty duty,
                          struct janitor **out_janitor,
                          struct fault *fault)
{
    struct janitor *janitor = calloc(1, sizeof(*janitor));
    if (!janitor) {
        abort();
    }
    janitor->context = context;
    janitor->duty = &duties[duty];
    janitor->rounds =
        (struct rounds){.clock = context->clock,
                        .outage = {.who = "janitor", .what = janitor->duty->link},
                        .round = make_round,
                        .owner = janitor};
    janitor->expire_at_ms = clock_mono_ms(context->clock) + EXPIRE_FIRST_MS;
    arena_init(&janitor->arena, JANITOR_ARENA_BYTES);
    enum outcome outcome = redis_open(context->settings, &janitor->redis, fault);
    if (outcome == OUTCOME_DONE && duty == JANITOR_ARCHIVE) {
        outcome = mariadb_open(context->settings, MARIADB_WRITER, &janitor->db, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = rounds_start(&janitor->rounds, fault);
    }
    if (outcome != OUTCOME_DONE) {
        janitor_close(janitor);
        return outcome;
    }
    *out_janitor = janitor;
    return OUTCOME_DONE;
}

void janitor_close(struct janitor *janitor)
{
    if (!janitor) {
        return;
    }
    rounds_stop(&janitor->rounds);
    mariadb_close(janitor->db);
    redis_close(janitor->redis);
    arena_done(&janitor->arena);
    free(janitor);
}

static enum outcome make_round(void *owner, int64_t *out_wait_ms, struct fault *fault)
{
    struct janitor *janitor = owner;
    bool more = false;
    enum outcome outcome = janitor->duty->work(janitor, &more, fault);
    janitor->durability_known &= outcome == OUTCOME_DONE;
    *out_wait_ms = more ? 0 : janitor->duty->every_ms;
    return outcome;
}

static enum outcome keep_queue(struct janitor *janitor,
                               bool *out_more,
                               struct fault *fault)
{
    const struct clock *clock = janitor->context->clock;
    enum outcome outcome = check_durability(janitor, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = each_partition(janitor, sweep, out_more, fault);
    }
    if (outcome == OUTCOME_DONE && clock_mono_ms(clock) >= janitor->trim_at_ms) {
        bool more = false;
        outcome = each_partition(janitor, trim, &more, fault);
        janitor->trim_at_ms = clock_mono_ms(clock) + (more ? 0 : TRIM_EVERY_MS);
        *out_more |= more;
    }
    return outcome;
}

/* Asked whenever the link came up, since another Redis may answer after a failover. A
 * Redis that does not let itself be asked is warned about as well. */
static enum outcome check_durability(struct janitor *janitor, struct fault *fault)
{
    if (janitor->durability_known) {
        return OUTCOME_DONE;
    }
    struct text warnings;
    text_init(&warnings, 4096);
    enum outcome outcome =
        redis_check_durability(janitor->redis, &janitor->arena, &warnings, fault);
    if (outcome == OUTCOME_NEVER) {
        log_warning("redis_durability_unknown", LOG_FAULT(fault));
        outcome = OUTCOME_DONE;
    }
    struct span rest = text_span(&warnings);
    while (outcome == OUTCOME_DONE && rest.len > 0) {
        struct span line = span_cut(rest, '\n', &rest);
        log_error("redis_not_durable", LOG_SPAN("setting", line));
    }
    janitor->durability_known = outcome == OUTCOME_DONE;
    text_done(&warnings);
    arena_reset(&janitor->arena);
    return outcome;
}

static enum outcome each_partition(struct janitor *janitor,
                                   chore_fn chore,
                                   bool *out_more,
                                   struct fault *fault)
{
    int partitions = (int)janitor->context->settings->redis.partitions;
    enum outcome outcome = OUTCOME_DONE;
    for (int i = 0; outcome == OUTCOME_DONE && i < partitions; i++) {
        struct partition partition = {.number = i, .count = partitions};
        outcome = chore(janitor, partition, out_more, fault);
        arena_reset(&janitor->arena);
    }
    return outcome;
}

static enum outcome sweep(struct janitor *janitor,
                          struct partition partition,
                          bool *out_more,
                          struct fault *fault)
{
    const struct sweep wish = {.dead_after_ms =
                                   janitor->context->settings->worker.dead_after_ms,
                               .most = SWEEP_MOST};
    struct command command = queue_sweep(&janitor->arena, partition, &wish);
    struct reply reply;
    struct swept swept;
    enum outcome outcome =
        redis_call(janitor->redis, &command, &janitor->arena, &reply, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = queue_read_sweep(&reply, &swept, fault);
    }
    if (outcome == OUTCOME_DONE) {
        tell_sweep(&swept);
        *out_more |= swept.more;
    }
    return outcome;
}

static void tell_sweep(const struct swept *swept)
{
    if (swept->expired + swept->recovered + swept->poisoned > 0) {
        log_warning("jobs_recovered",
                    LOG_NUMBER("leases_expired", swept->expired),
                    LOG_NUMBER("of_dead_workers", swept->recovered),
                    LOG_NUMBER("poisoned", swept->poisoned));
    }
    if (swept->shifted_ms != 0) {
        log_warning("clock_jumped", LOG_NUMBER("shifted_ms", swept->shifted_ms));
    }
}

static enum outcome trim(struct janitor *janitor,
                         struct partition partition,
                         bool *out_more,
                         struct fault *fault)
{
    const struct settings *settings = janitor->context->settings;
    const struct trim wish = {.done_keep_count = settings->queue.done_keep_count,
                              .done_keep_ms = settings->queue.done_keep_s * 1000,
                              .dead_keep_ms = settings->queue.dead_keep_s * 1000,
                              .most = TRIM_MOST};
    struct command command = queue_trim(&janitor->arena, partition, &wish);
    struct reply reply;
    enum outcome outcome =
        redis_call(janitor->redis, &command, &janitor->arena, &reply, fault);
    if (outcome == OUTCOME_DONE) {
        *out_more |= reply.integer >= TRIM_MOST;
    }
    return outcome;
}

static enum outcome keep_archive(struct janitor *janitor,
                                 bool *out_more,
                                 struct fault *fault)
{
    enum outcome outcome = each_partition(janitor, archive, out_more, fault);
    if (outcome == OUTCOME_DONE &&
        clock_mono_ms(janitor->context->clock) >= janitor->expire_at_ms) {
        outcome = expire(janitor, out_more, fault);
        if (outcome == OUTCOME_DONE) {
            outcome = tell_overdue(janitor, fault);
        }
    }
    return outcome;
}

static enum outcome archive(struct janitor *janitor,
                            struct partition partition,
                            bool *out_more,
                            struct fault *fault)
{
    size_t archived = 0;
    enum outcome outcome = archive_dead(janitor->redis,
                                        janitor->db,
                                        partition,
                                        &janitor->arena,
                                        &archived,
                                        fault);
    if (outcome == OUTCOME_DONE && archived > 0) {
        log_info("archived", LOG_NUMBER("jobs", archived));
        *out_more = true;
    }
    return outcome;
}

static enum outcome expire(struct janitor *janitor, bool *out_more, struct fault *fault)
{
    const struct clock *clock = janitor->context->clock;
    struct expired expired;
    enum outcome outcome =
        expire_rows(janitor->db, clock_wall_ms(clock), &janitor->arena, &expired, fault);
    arena_reset(&janitor->arena);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    bool more = expired.sessions == EXPIRE_MOST ||
                expired.idempotency_keys == EXPIRE_MOST ||
                expired.periodic_runs == EXPIRE_MOST;
    janitor->expire_at_ms = clock_mono_ms(clock) + (more ? 0 : EXPIRE_EVERY_MS);
    *out_more |= more;
    if (expired.sessions + expired.idempotency_keys + expired.periodic_runs > 0) {
        log_info("expired",
                 LOG_NUMBER("sessions", expired.sessions),
                 LOG_NUMBER("idempotency_keys", expired.idempotency_keys),
                 LOG_NUMBER("periodic_runs", expired.periodic_runs));
    }
    return OUTCOME_DONE;
}

/* Another worker that looks at the same moment is no outage: the next look tells the
 * rest. */
static enum outcome tell_overdue(struct janitor *janitor, struct fault *fault)
{
    struct overdue *overdue = ARENA_NEW(&janitor->arena, struct overdue);
    enum outcome outcome = overdue_look(janitor->db,
                                        clock_wall_ms(janitor->context->clock),
                                        &janitor->arena,
                                        overdue,
                                        fault);
    for (size_t i = 0; i < overdue->opened_count; i++) {
        const struct overdue_row *row = &overdue->opened[i];
        log_error("overdue",
                  LOG_SPAN("id", row->job),
                  LOG_TEXT("finding", row->finding),
                  LOG_TEXT("reason", row->reason));
    }
    if (overdue->closed > 0) {
        log_info("no_longer_overdue", LOG_NUMBER("rows", overdue->closed));
    }
    arena_reset(&janitor->arena);
    return outcome == OUTCOME_LATER && !fault->neighbour ? OUTCOME_DONE : outcome;
}
