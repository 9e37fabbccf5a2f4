/* SPDX-License-Identifier: MIT
 * Rows first, then what was read in them. */
#include "common/link/session_end.h"

#include "common/link/mariadb.h"
#include "common/link/redis.h"
#include "common/link/session_store.h"

static enum outcome send_both(struct redis *redis,
                              const struct command commands[2],
                              struct arena *arena,
                              struct fault *fault);

enum outcome session_end_rows(struct mariadb *db,
                              int64_t user_id,
                              struct arena *arena,
                              struct session_ends *out_ends,
                              struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(db,
                    "SELECT token_hash FROM sessions WHERE user_id = ? FOR UPDATE",
                    SQL_VALUES(SQL_I64(user_id)),
                    arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(db,
                              "DELETE FROM sessions WHERE user_id = ?",
                              SQL_VALUES(SQL_I64(user_id)),
                              arena,
                              NULL,
                              fault);
    }
    if (outcome == OUTCOME_DONE) {
        struct session_ends ends = {.user_id = user_id, .count = rows.count};
        ends.token_hashes = ARENA_ARRAY(arena, struct span, rows.count);
        for (size_t i = 0; i < rows.count; i++) {
            ends.token_hashes[i] = sql_text(&rows, i, 0);
        }
        *out_ends = ends;
    }
    return outcome;
}

enum outcome session_end_tell(struct redis *redis,
                              const struct session_ends *ends,
                              struct arena *arena,
                              struct fault *fault)
{
    struct reply reply;
    struct command tell = session_store_tell_user(arena, ends->user_id);
    if (ends->count == 0) {
        return redis_call(redis, &tell, arena, &reply, fault);
    }
    const struct command both[2] = {
        session_store_delete(arena, ends->token_hashes, ends->count),
        tell};
    return send_both(redis, both, arena, fault);
}

enum outcome session_end_tell_token(struct redis *redis,
                                    struct span token_hash,
                                    struct arena *arena,
                                    struct fault *fault)
{
    const struct command both[2] = {session_store_delete(arena, &token_hash, 1),
                                    session_store_tell_token(arena, token_hash)};
    return send_both(redis, both, arena, fault);
}

/* In order: who hears that a session ended must not find it in Redis any more. */
static enum outcome send_both(struct redis *redis,
                              const struct command commands[2],
                              struct arena *arena,
                              struct fault *fault)
{
    struct reply replies[2];
    enum outcome outcome = redis_pipeline(redis, commands, 2, arena, replies, fault);
    for (int i = 0; i < 2 && outcome == OUTCOME_DONE; i++) {
        if (replies[i].type == REPLY_ERROR) {
            outcome = redis_error(&replies[i], fault);
        }
    }
    return outcome;
}
