/* SPDX-License-Identifier: MIT
 * Deletes what has expired, a little at a time, so that no lock is held for long. */
#include "worker/expire.h"

#include "common/link/mariadb.h"

/* Longer than Redis remembers any name, and than Stripe lists events. */
#define PERIODIC_KEEP_MS (INT64_C(40) * 24 * 3600 * 1000)

static enum outcome delete_some(struct mariadb *db,
                                const char *sql,
                                int64_t now_ms,
                                struct arena *arena,
                                int64_t *out_count,
                                struct fault *fault);

enum outcome expire_rows(struct mariadb *db,
                         int64_t now_ms,
                         struct arena *arena,
                         struct expired *out_expired,
                         struct fault *fault)
{
    struct expired expired = {.sessions = 0};
    enum outcome outcome = delete_some(db,
                                       "DELETE FROM sessions WHERE expires_at <= ?"
                                       " ORDER BY expires_at LIMIT 500",
                                       now_ms,
                                       arena,
                                       &expired.sessions,
                                       fault);
    if (outcome == OUTCOME_DONE) {
        outcome = delete_some(db,
                              "DELETE FROM idempotency_keys WHERE expires_at <= ?"
                              " ORDER BY expires_at LIMIT 500",
                              now_ms,
                              arena,
                              &expired.idempotency_keys,
                              fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = delete_some(db,
                              "DELETE FROM periodic_runs WHERE started_at <= ?"
                              " ORDER BY started_at LIMIT 500",
                              now_ms - PERIODIC_KEEP_MS,
                              arena,
                              &expired.periodic_runs,
                              fault);
    }
    if (outcome == OUTCOME_DONE) {
        *out_expired = expired;
    }
    return outcome;
}

/* Another worker may be deleting the same rows: who is in the way comes again later. */
static enum outcome delete_some(struct mariadb *db,
                                const char *sql,
                                int64_t now_ms,
                                struct arena *arena,
                                int64_t *out_count,
                                struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(db, sql, SQL_VALUES(sql_moment(arena, now_ms)), arena, &rows, fault);
    if (outcome == OUTCOME_DONE) {
        *out_count = rows.affected;
    } else if (outcome == OUTCOME_LATER && !fault->neighbour) {
        *out_count = 0;
        outcome = OUTCOME_DONE;
    }
    return outcome;
}
