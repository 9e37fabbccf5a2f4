/* SPDX-License-Identifier: MIT
 * Questions to the queue, asked of every partition. */
#include "ctl/queue_calls.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/redis.h"
#include "ctl/ctl.h"

enum { BODY_BYTES = 1 << 16, MOST_RANDOM_BYTES = 16 };

static struct partition partition_at(const struct ctl *ctl, int number);
static void add_stats(struct ctl *ctl,
                      struct queue_stats *sum,
                      const struct queue_stats *part);
static void add_lanes(struct ctl *ctl,
                      struct queue_stats *sum,
                      const struct queue_stats *part);
static void add_neighbours(struct ctl *ctl,
                           struct queue_stats *sum,
                           const struct queue_stats *part);
static void add_workers(struct ctl *ctl,
                        struct queue_stats *sum,
                        const struct queue_stats *part);
static void add_pauses(struct ctl *ctl,
                       struct queue_stats *sum,
                       const struct queue_stats *part);
static void add_totals(struct ctl *ctl,
                       struct queue_stats *sum,
                       const struct queue_stats *part);
static enum outcome ask_records(struct ctl *ctl,
                                const struct command *command,
                                struct job_record **out_records,
                                size_t *out_count);

enum outcome calls_stats(struct ctl *ctl, struct queue_stats *out_stats)
{
    struct queue_stats sum = {0};
    for (int i = 0; i < (int)ctl->settings->redis.partitions; i++) {
        struct command command = queue_stats(&ctl->arena, partition_at(ctl, i));
        struct reply reply;
        struct queue_stats part;
        enum outcome outcome =
            redis_call(ctl->redis, &command, &ctl->arena, &reply, &ctl->fault);
        if (outcome == OUTCOME_DONE) {
            outcome = queue_read_stats(&reply, &ctl->arena, &part, &ctl->fault);
        }
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        if (i == 0) {
            sum = part;
        } else {
            add_stats(ctl, &sum, &part);
        }
    }
    *out_stats = sum;
    return OUTCOME_DONE;
}

/* The name's own partition first. */
enum outcome calls_show(struct ctl *ctl,
                        struct span id,
                        struct job_record **out_record,
                        struct partition *out_partition)
{
    int count = (int)ctl->settings->redis.partitions;
    int own = queue_partition_of(id, count).number;
    *out_record = NULL;
    for (int i = 0; i < count; i++) {
        struct partition partition = partition_at(ctl, (own + i) % count);
        struct command command = queue_show(&ctl->arena, partition, id);
        size_t found = 0;
        struct job_record *records = NULL;
        enum outcome outcome = ask_records(ctl, &command, &records, &found);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        if (found > 0) {
            *out_record = records;
            *out_partition = partition;
            return OUTCOME_DONE;
        }
    }
    return OUTCOME_DONE;
}

enum outcome calls_find(struct ctl *ctl,
                        struct span ref,
                        struct job_record **out_records,
                        size_t *out_count)
{
    int count = (int)ctl->settings->redis.partitions;
    struct job_record *all =
        ARENA_ARRAY(&ctl->arena, struct job_record, (size_t)count * CALLS_MOST_FOUND);
    size_t all_count = 0;
    for (int i = 0; i < count; i++) {
        struct command command =
            queue_find(&ctl->arena, partition_at(ctl, i), ref, CALLS_MOST_FOUND);
        struct job_record *records = NULL;
        size_t found = 0;
        enum outcome outcome = ask_records(ctl, &command, &records, &found);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        for (size_t j = 0; j < found && j < CALLS_MOST_FOUND; j++) {
            all[all_count++] = records[j];
        }
    }
    *out_records = all;
    *out_count = all_count;
    return OUTCOME_DONE;
}

struct job_new calls_new_job(struct ctl *ctl,
                             struct span id,
                             const char *kind,
                             struct span payload,
                             struct span ref)
{
    struct arena *arena = &ctl->arena;
    struct span context = span_of(arena_format(arena, "%.*s|%s", SPAN_ARGS(id), kind));
    struct digest digest;
    char *mac = arena_take(arena, DIGEST_HEX_BYTES);
    seal_fingerprint(ctl->queue_ring,
                     span_of(arena_format(arena, "job|%s", kind)),
                     payload,
                     &digest);
    digest_hex(&digest, mac);
    struct span *refs = ARENA_NEW(arena, struct span);
    *refs = ref;
    const struct kind *found = kind_find(span_of(kind));
    return (struct job_new){
        .id = id,
        .kind = found,
        .lane = found->lane,
        .tenant = SPAN("-"),
        .payload = seal_seal(ctl->queue_ring, context, payload, arena),
        .mac = span_of(mac),
        .refs = refs,
        .ref_count = ref.len > 0 && ref.len <= JOB_REF_BYTES,
    };
}

struct span calls_random_hex(struct ctl *ctl, size_t digits)
{
    unsigned char random[MOST_RANDOM_BYTES];
    assert(digits % 2 == 0 && digits / 2 <= sizeof(random));
    char *hex = arena_take(&ctl->arena, digits + 1);
    digest_random(random, digits / 2);
    for (size_t i = 0; i < digits / 2; i++) {
        snprintf(hex + 2 * i, 3, "%02x", random[i]);
    }
    return span_of(hex);
}

struct made_deed *calls_make_deed(struct ctl *ctl,
                                  const char *verb,
                                  struct span what,
                                  struct span why)
{
    struct made_deed *made = ARENA_NEW(&ctl->arena, struct made_deed);
    struct span who = ctl_who(ctl);
    struct text body;
    text_init(&body, BODY_BYTES);
    struct json_writer json = json_writer(&body);
    json_open(&json, NULL, '{');
    json_put_string(&json, "who", who);
    json_put_string(&json, "verb", span_of(verb));
    json_put_string(&json, "what", what);
    json_put_string(&json, "why", why);
    json_put_integer(&json, "at_ms", clock_wall_ms(&clock_system));
    json_close(&json, '}');

    struct span hex = calls_random_hex(ctl, 2 * MOST_RANDOM_BYTES);
    struct span id = span_of(arena_format(&ctl->arena, "audit:%.*s", SPAN_ARGS(hex)));
    made->audit = calls_new_job(ctl, id, "audit.write", text_span(&body), what);
    made->deed = (struct deed){.who = who, .why = why, .audit = &made->audit};
    text_done(&body);
    return made;
}

static struct partition partition_at(const struct ctl *ctl, int number)
{
    return (struct partition){.number = number,
                              .count = (int)ctl->settings->redis.partitions};
}

static void add_stats(struct ctl *ctl,
                      struct queue_stats *sum,
                      const struct queue_stats *part)
{
    add_lanes(ctl, sum, part);
    add_neighbours(ctl, sum, part);
    add_workers(ctl, sum, part);
    add_pauses(ctl, sum, part);
    add_totals(ctl, sum, part);
}

/* Room for both lists; the first is copied into it. */
#define GROWN(ctl, list, count, more)                                                    \
    memcpy(arena_take(&(ctl)->arena, ((count) + (more) + 1) * sizeof(*(list))),          \
           (list) ? (const void *)(list) : "",                                           \
           (list) ? (count) * sizeof(*(list)) : 0)

static void add_lanes(struct ctl *ctl,
                      struct queue_stats *sum,
                      const struct queue_stats *part)
{
    sum->lanes = GROWN(ctl, sum->lanes, sum->lane_count, part->lane_count);
    for (size_t i = 0; i < part->lane_count; i++) {
        const struct lane_counts *from = &part->lanes[i];
        size_t at = 0;
        while (at < sum->lane_count && !(span_equal(sum->lanes[at].lane, from->lane) &&
                                         span_equal(sum->lanes[at].kind, from->kind))) {
            at++;
        }
        struct lane_counts *to = &sum->lanes[at];
        if (at == sum->lane_count) {
            *to = *from;
            sum->lane_count++;
            continue;
        }
        for (int state = 0; state < JOB_STATE_COUNT; state++) {
            to->count[state] += from->count[state];
        }
        if (from->oldest_ready_ms > to->oldest_ready_ms) {
            to->oldest_ready_ms = from->oldest_ready_ms;
        }
        to->paused = to->paused || from->paused;
        to->waits_for = to->waits_for.len ? to->waits_for : from->waits_for;
    }
}

static void add_neighbours(struct ctl *ctl,
                           struct queue_stats *sum,
                           const struct queue_stats *part)
{
    sum->neighbours =
        GROWN(ctl, sum->neighbours, sum->neighbour_count, part->neighbour_count);
    for (size_t i = 0; i < part->neighbour_count; i++) {
        const struct neighbour_state *from = &part->neighbours[i];
        size_t at = 0;
        while (at < sum->neighbour_count &&
               !span_equal(sum->neighbours[at].name, from->name)) {
            at++;
        }
        struct neighbour_state *to = &sum->neighbours[at];
        if (at == sum->neighbour_count) {
            *to = *from;
            sum->neighbour_count++;
        } else if (from->down_since_ms > to->down_since_ms) {
            *to = *from;
        }
    }
}

static void add_workers(struct ctl *ctl,
                        struct queue_stats *sum,
                        const struct queue_stats *part)
{
    sum->workers = GROWN(ctl, sum->workers, sum->worker_count, part->worker_count);
    for (size_t i = 0; i < part->worker_count; i++) {
        const struct worker_state *from = &part->workers[i];
        size_t at = 0;
        while (at < sum->worker_count && !span_equal(sum->workers[at].name, from->name)) {
            at++;
        }
        struct worker_state *to = &sum->workers[at];
        if (at == sum->worker_count) {
            *to = *from;
            sum->worker_count++;
        } else if (from->beat_age_ms < to->beat_age_ms) {
            to->beat_age_ms = from->beat_age_ms;
        }
    }
}

static void add_pauses(struct ctl *ctl,
                       struct queue_stats *sum,
                       const struct queue_stats *part)
{
    sum->pauses = GROWN(ctl, sum->pauses, sum->pause_count, part->pause_count);
    for (size_t i = 0; i < part->pause_count; i++) {
        size_t at = 0;
        while (at < sum->pause_count &&
               !span_equal(sum->pauses[at].what, part->pauses[i].what)) {
            at++;
        }
        if (at == sum->pause_count) {
            sum->pauses[sum->pause_count++] = part->pauses[i];
        }
    }
}

static void add_totals(struct ctl *ctl,
                       struct queue_stats *sum,
                       const struct queue_stats *part)
{
    sum->totals = GROWN(ctl, sum->totals, sum->total_count, part->total_count);
    for (size_t i = 0; i < part->total_count; i++) {
        size_t at = 0;
        while (at < sum->total_count &&
               !span_equal(sum->totals[at].name, part->totals[i].name)) {
            at++;
        }
        if (at == sum->total_count) {
            sum->totals[sum->total_count++] = part->totals[i];
        } else {
            sum->totals[at].count += part->totals[i].count;
        }
    }
}

static enum outcome ask_records(struct ctl *ctl,
                                const struct command *command,
                                struct job_record **out_records,
                                size_t *out_count)
{
    struct reply reply;
    enum outcome outcome =
        redis_call(ctl->redis, command, &ctl->arena, &reply, &ctl->fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    return queue_read_records(&reply,
                              &ctl->arena,
                              out_records,
                              out_count,
                              NULL,
                              NULL,
                              &ctl->fault);
}
