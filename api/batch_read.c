/* SPDX-License-Identifier: MIT
 * Reads batches. */
#include "api/batch_read.h"

#include "common/base/seal.h"
#include "common/link/mariadb.h"
#include "common/model/batch.h"

enum column { AMICALE, DEVICE, MAC, RECEIVED_MS, SKEW_MS, ITEMS };

enum outcome batch_read_row(struct mariadb *db,
                            int64_t pompier_id,
                            struct span id,
                            struct arena *arena,
                            struct batch *out_batch,
                            bool *out_found,
                            struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(db,
                    "SELECT amicale_id, device_id, request_mac,"
                    " CAST(UNIX_TIMESTAMP(received_at) * 1000 AS SIGNED), skew_ms, items"
                    " FROM sync_batches WHERE id = ? AND pompier_id = ?",
                    SQL_VALUES(SQL_SPAN(id), SQL_I64(pompier_id)),
                    arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE || rows.count == 0) {
        *out_found = false;
        return outcome;
    }
    struct batch batch = {
        .id = id,
        .pompier_id = pompier_id,
        .amicale_id = sql_i64(&rows, 0, AMICALE),
        .device_id = sql_text(&rows, 0, DEVICE),
        .request_mac = sql_text(&rows, 0, MAC),
        .received_ms = sql_i64(&rows, 0, RECEIVED_MS),
        .has_skew = !sql_is_null(&rows, 0, SKEW_MS),
        .skew_ms = sql_i64(&rows, 0, SKEW_MS),
    };
    outcome = batch_decode_items(sql_text(&rows, 0, ITEMS),
                                 arena,
                                 &batch.items,
                                 &batch.count,
                                 fault);
    if (outcome == OUTCOME_DONE) {
        *out_batch = batch;
        *out_found = true;
    }
    return outcome;
}

enum outcome batch_read_sealed(const struct seal_ring *ring,
                               int64_t pompier_id,
                               struct span id,
                               struct span sealed,
                               struct arena *arena,
                               struct batch *out_batch,
                               struct fault *fault)
{
    struct span payload;
    struct span name = batch_job_id(pompier_id, id, arena);
    struct span binding =
        span_of(arena_format(arena, "%.*s|sync.batch", SPAN_ARGS(name)));
    enum outcome outcome = seal_unseal(ring, binding, sealed, arena, &payload, fault);
    return outcome == OUTCOME_DONE ? batch_decode(payload, arena, out_batch, fault)
                                   : outcome;
}

/* What an operator discards leaves Redis without its payload, and what died long ago leaves
 * it altogether. */
enum outcome batch_read_archived(struct mariadb *db,
                                 const struct seal_ring *ring,
                                 int64_t pompier_id,
                                 struct span id,
                                 struct arena *arena,
                                 struct batch *out_batch,
                                 bool *out_found,
                                 struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(db,
                    "SELECT sealed_payload FROM jobs_archive WHERE job_id = ?"
                    " AND sealed_payload IS NOT NULL ORDER BY died_at DESC LIMIT 1",
                    SQL_VALUES(SQL_SPAN(batch_job_id(pompier_id, id, arena))),
                    arena,
                    &rows,
                    fault);
    *out_found = false;
    if (outcome != OUTCOME_DONE || rows.count == 0) {
        return outcome;
    }
    outcome = batch_read_sealed(ring,
                                pompier_id,
                                id,
                                sql_text(&rows, 0, 0),
                                arena,
                                out_batch,
                                fault);
    *out_found = outcome == OUTCOME_DONE;
    return outcome;
}
