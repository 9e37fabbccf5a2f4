/* SPDX-License-Identifier: MIT
 * What operators see: single jobs, pages of them, and the queue's figures. */
#include "common/link/queue.h"

#include <assert.h>
#include <stdlib.h>

#include "common/link/queue_wire.h"

static struct job_record read_record(struct reader *reader);
static void read_lanes(struct reader *reader,
                       struct arena *arena,
                       struct queue_stats *stats);
static void read_neighbours(struct reader *reader,
                            struct arena *arena,
                            struct queue_stats *stats);
static void read_workers(struct reader *reader,
                         struct arena *arena,
                         struct queue_stats *stats);
static void read_pauses(struct reader *reader,
                        struct arena *arena,
                        struct queue_stats *stats);
static void read_totals(struct reader *reader,
                        struct arena *arena,
                        struct queue_stats *stats);
static int compare_totals(const void *a, const void *b);

struct command queue_show(struct arena *arena, struct partition partition, struct span id)
{
    struct wire wire = wire_call(arena, "show", partition, 1);
    wire_put(&wire, id);
    return wire_end(&wire);
}

struct command queue_find(struct arena *arena,
                          struct partition partition,
                          struct span ref,
                          int most)
{
    assert(most > 0);
    struct wire wire = wire_call(arena, "find", partition, 2);
    wire_put(&wire, ref);
    wire_put_i64(&wire, most);
    return wire_end(&wire);
}

struct command queue_list(struct arena *arena,
                          struct partition partition,
                          const struct list *list)
{
    assert(list->most > 0 && list->scan > 0);
    struct wire wire = wire_call(arena, "list", partition, 7);
    wire_put_string(&wire, job_state_name(list->state));
    wire_put(&wire, list->lane);
    wire_put(&wire, list->kind);
    wire_put(&wire, list->tenant);
    wire_put(&wire, list->cursor);
    wire_put_i64(&wire, list->most);
    wire_put_i64(&wire, list->scan);
    return wire_end(&wire);
}

enum outcome queue_read_records(const struct reply *reply,
                                struct arena *arena,
                                struct job_record **out_records,
                                size_t *out_count,
                                struct span *out_cursor,
                                bool *out_partial,
                                struct fault *fault)
{
    enum { ITEMS = 22 };
    struct reader reader = reader_of(reply);
    struct span cursor = reader_text(&reader);
    bool partial = reader_bool(&reader);
    size_t count = reader_rows(&reader, ITEMS);
    struct job_record *records = ARENA_ARRAY(arena, struct job_record, count);
    for (size_t i = 0; i < count; i++) {
        records[i] = read_record(&reader);
    }
    enum outcome outcome = reader_end(&reader, "show, find, list or unarchived", fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    *out_records = records;
    *out_count = count;
    if (out_cursor) {
        *out_cursor = cursor;
    }
    if (out_partial) {
        *out_partial = partial;
    }
    return OUTCOME_DONE;
}

struct command queue_stats(struct arena *arena, struct partition partition)
{
    struct wire wire = wire_call(arena, "stats", partition, 0);
    return wire_end(&wire);
}

enum outcome queue_read_stats(const struct reply *reply,
                              struct arena *arena,
                              struct queue_stats *out_stats,
                              struct fault *fault)
{
    struct reader reader = reader_of(reply);
    struct queue_stats stats = {.now_ms = reader_integer(&reader)};
    read_lanes(&reader, arena, &stats);
    read_neighbours(&reader, arena, &stats);
    read_workers(&reader, arena, &stats);
    read_pauses(&reader, arena, &stats);
    read_totals(&reader, arena, &stats);
    enum outcome outcome = reader_end(&reader, "stats", fault);
    if (outcome == OUTCOME_DONE) {
        *out_stats = stats;
    }
    return outcome;
}

/* In the order in which lib.lua's put_record writes the fields. */
static struct job_record read_record(struct reader *reader)
{
    struct job_record record = {0};
    record.id = reader_text(reader);
    record.kind = reader_text(reader);
    record.lane = reader_text(reader);
    record.tenant = reader_text(reader);
    record.worker = reader_text(reader);
    record.refs = reader_text(reader);
    record.last_fault = reader_text(reader);
    record.reply = reader_text(reader);
    record.mac = reader_text(reader);
    record.payload = reader_text(reader);
    if (!job_state_find(reader_text(reader), &record.state)) {
        reader->bad = true;
    }
    record.version = reader_small_digits(reader);
    record.attempt = reader_small_digits(reader);
    record.max_attempts = reader_small_digits(reader);
    record.crashes = reader_small_digits(reader);
    record.deferrals = reader_small_digits(reader);
    record.enqueued_ms = reader_digits(reader);
    record.at_ms = reader_digits(reader);
    record.token = reader_digits(reader);
    record.outcome = reader_text(reader);
    record.history = reader_text(reader);
    record.archived = reader_digits(reader) == 1;
    return record;
}

static void read_lanes(struct reader *reader,
                       struct arena *arena,
                       struct queue_stats *stats)
{
    enum { ITEMS = 5 + JOB_STATE_COUNT };
    stats->lane_count = reader_rows(reader, ITEMS);
    stats->lanes = ARENA_ARRAY(arena, struct lane_counts, stats->lane_count);
    for (size_t i = 0; i < stats->lane_count; i++) {
        struct lane_counts *row = &stats->lanes[i];
        row->lane = reader_text(reader);
        row->kind = reader_text(reader);
        for (int state = 0; state < JOB_STATE_COUNT; state++) {
            row->count[state] = reader_between(reader, 0, INT64_MAX);
        }
        row->oldest_ready_ms = reader_between(reader, -1, INT64_MAX);
        row->paused = reader_bool(reader);
        row->waits_for = reader_text(reader);
    }
}

static void read_neighbours(struct reader *reader,
                            struct arena *arena,
                            struct queue_stats *stats)
{
    stats->neighbour_count = reader_rows(reader, 4);
    stats->neighbours =
        ARENA_ARRAY(arena, struct neighbour_state, stats->neighbour_count);
    for (size_t i = 0; i < stats->neighbour_count; i++) {
        struct neighbour_state *row = &stats->neighbours[i];
        row->name = reader_text(reader);
        row->failures = reader_between(reader, 0, INT64_MAX);
        row->down_since_ms = reader_between(reader, 0, INT64_MAX);
        row->fault = reader_text(reader);
    }
}

static void read_workers(struct reader *reader,
                         struct arena *arena,
                         struct queue_stats *stats)
{
    stats->worker_count = reader_rows(reader, 3);
    stats->workers = ARENA_ARRAY(arena, struct worker_state, stats->worker_count);
    for (size_t i = 0; i < stats->worker_count; i++) {
        struct worker_state *row = &stats->workers[i];
        row->name = reader_text(reader);
        row->about = reader_text(reader);
        row->beat_age_ms = reader_between(reader, 0, INT64_MAX);
    }
}

static void read_pauses(struct reader *reader,
                        struct arena *arena,
                        struct queue_stats *stats)
{
    stats->pause_count = reader_rows(reader, 4);
    stats->pauses = ARENA_ARRAY(arena, struct pause_state, stats->pause_count);
    for (size_t i = 0; i < stats->pause_count; i++) {
        struct pause_state *row = &stats->pauses[i];
        row->what = reader_text(reader);
        row->by = reader_text(reader);
        row->why = reader_text(reader);
        row->since_ms = reader_integer(reader);
    }
}

/* Sorted by name: Redis keeps a hash in no order. */
static void read_totals(struct reader *reader,
                        struct arena *arena,
                        struct queue_stats *stats)
{
    stats->total_count = reader_rows(reader, 2);
    stats->totals = ARENA_ARRAY(arena, struct total, stats->total_count);
    for (size_t i = 0; i < stats->total_count; i++) {
        stats->totals[i].name = reader_text(reader);
        stats->totals[i].count = reader_between(reader, 0, INT64_MAX);
    }
    qsort(stats->totals, stats->total_count, sizeof(stats->totals[0]), compare_totals);
}

static int compare_totals(const void *a, const void *b)
{
    struct span left = ((const struct total *)a)->name;
    struct span right = ((const struct total *)b)->name;
    for (size_t i = 0; i < left.len && i < right.len; i++) {
        if (left.at[i] != right.at[i]) {
            return (unsigned char)left.at[i] < (unsigned char)right.at[i] ? -1 : 1;
        }
    }
    return left.len < right.len ? -1 : left.len > right.len;
}
