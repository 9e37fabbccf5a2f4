/* SPDX-License-Identifier: MIT
 * sync.batch: what a phone handed over in one request, and what it was told, as one row.
 * The row of a batch never changes: whoever comes second finds it written. A group is one
 * transaction, and a batch alone is a group of one. */
#include "common/link/mariadb.h"
#include "common/model/batch.h"
#include "worker/crash_point.h"
#include "worker/handle_sync.h"
#include "worker/handlers.h"

static enum outcome write_batch(struct handling *handling, struct fault *fault);

enum outcome handle_sync_batch(struct handling *handling,
                               struct handled *out_handled,
                               struct fault *fault)
{
    return handle_sync_batches(handling, 1, out_handled, fault);
}

enum outcome handle_sync_batches(struct handling *handlings,
                                 size_t count,
                                 struct handled *out_handled,
                                 struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct mariadb *db = handlings[0].db;
    enum outcome outcome = mariadb_begin(db, fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < count; i++) {
        outcome = write_batch(&handlings[i], fault);
    }
    if (outcome == OUTCOME_DONE) {
        CRASH_POINT("written");
        outcome = mariadb_commit(db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(db);
        return outcome;
    }
    for (size_t i = 0; i < count; i++) {
        handlings[i].answered |= NEIGHBOUR_MARIADB;
    }
    return OUTCOME_DONE;
}

static enum outcome write_batch(struct handling *handling, struct fault *fault)
{
    struct arena *arena = handling->arena;
    struct batch batch;
    enum outcome outcome = batch_decode(handling->payload, arena, &batch, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct batch_counts counts = batch_count(&batch);
    const struct sql_value values[] = {
        SQL_SPAN(batch.id),
        SQL_I64(batch.amicale_id),
        SQL_I64(batch.pompier_id),
        sql_optional(batch.device_id),
        sql_optional(batch.request_mac),
        SQL_I64(batch.count),
        SQL_I64(counts.of[BATCH_QUEUED]),
        SQL_I64(counts.of[BATCH_DUPLICATE]),
        SQL_I64(counts.of[BATCH_CONFLICT]),
        SQL_I64(counts.of[BATCH_REJECTED]),
        SQL_I64(counts.amount_minor),
        SQL_SPAN(batch_encode_items(&batch, arena)),
        batch.has_skew ? SQL_I64(batch.skew_ms) : SQL_NOTHING,
        sql_moment(arena, batch.received_ms),
    };
    return mariadb_run(
        handling->db,
        "INSERT INTO sync_batches (id, amicale_id, pompier_id, device_id, request_mac,"
        " item_count, queued_count, duplicate_count, conflict_count, rejected_count,"
        " amount_total, items, skew_ms, received_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON DUPLICATE KEY UPDATE id = VALUES(id)",
        values,
        sizeof(values) / sizeof(values[0]),
        arena,
        NULL,
        fault);
}
