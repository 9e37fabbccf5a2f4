/* SPDX-License-Identifier: MIT
 * Keeps how far the walk through a list of events has come. */
#include "worker/catchup_cursor.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "worker/handlers.h"

enum { FAULT_BYTES = 255, LEASE_MORE_MS = 60 * 1000 };

static void name_walker(struct catchup_cursor *cursor, const struct handling *handling);
static enum outcome take_row(struct handling *handling,
                             const struct catchup_cursor *cursor,
                             bool *out_taken,
                             struct fault *fault);
static int64_t lease_us(const struct handling *handling);
static enum outcome read_row(struct handling *handling,
                             struct catchup_cursor *cursor,
                             struct fault *fault);
static enum outcome must_hold(int64_t rows, struct fault *fault);

#define OF_WALKER " WHERE account = ? AND walk = ? AND walker = ?"
#define WALKER_VALUES(cursor)                                                            \
    SQL_SPAN((cursor)->list->account),                                                   \
        SQL_STRING(event_walk_name((cursor)->list->walk)), SQL_STRING((cursor)->walker)

enum outcome catchup_cursor_take(struct handling *handling,
                                 const struct catchup_list *list,
                                 struct catchup_cursor *out_cursor,
                                 bool *out_taken,
                                 struct fault *fault)
{
    struct catchup_cursor cursor = {.list = list};
    bool taken = false;
    name_walker(&cursor, handling);
    enum outcome outcome = take_row(handling, &cursor, &taken, fault);
    if (outcome == OUTCOME_DONE && taken) {
        outcome = read_row(handling, &cursor, fault);
    }
    if (outcome == OUTCOME_DONE) {
        *out_cursor = cursor;
        *out_taken = taken;
    }
    return outcome;
}

/* A Redis that has lost everything counts tokens from the beginning, so the moment is part
 * of the name. */
static void name_walker(struct catchup_cursor *cursor, const struct handling *handling)
{
    const struct job *job = handling->job;
    int len = snprintf(cursor->walker,
                       sizeof(cursor->walker),
                       "%.*s %lld-%lld",
                       SPAN_ARGS(job->id),
                       (long long)clock_wall_ms(handling->clock),
                       (long long)job->token);
    assert(len > 0 && (size_t)len < sizeof(cursor->walker));
}

/* The same job's former run is over: the queue gives it to one worker alone, and a worker
 * that is behind the times sees with its next page that the list is not its own. */
static enum outcome take_row(struct handling *handling,
                             const struct catchup_cursor *cursor,
                             bool *out_taken,
                             struct fault *fault)
{
    struct sql_value account = SQL_SPAN(cursor->list->account);
    struct sql_value walk = SQL_STRING(event_walk_name(cursor->list->walk));
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "INSERT INTO event_cursors (account, walk) VALUES (?, ?)"
                    " ON DUPLICATE KEY UPDATE walk = VALUES(walk)",
                    SQL_VALUES(account, walk),
                    handling->arena,
                    NULL,
                    fault);
    if (outcome == OUTCOME_DONE) {
        outcome =
            mariadb_run(handling->db,
                        "UPDATE event_cursors SET walker = ?,"
                        " walker_until = CURRENT_TIMESTAMP(3) + INTERVAL ? MICROSECOND"
                        " WHERE account = ? AND walk = ? AND (walker IS NULL"
                        " OR walker_until < CURRENT_TIMESTAMP(3)"
                        " OR SUBSTRING_INDEX(walker, ' ', 1) = ?)",
                        SQL_VALUES(SQL_STRING(cursor->walker),
                                   SQL_I64(lease_us(handling)),
                                   account,
                                   walk,
                                   SQL_SPAN(handling->job->id)),
                        handling->arena,
                        &rows,
                        fault);
    }
    if (outcome == OUTCOME_DONE) {
        *out_taken = rows.affected == 1;
    }
    return outcome;
}

static int64_t lease_us(const struct handling *handling)
{
    return (handling->settings->stripe.total_ms + LEASE_MORE_MS) * 1000;
}

#define MOMENT_MS(column) "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " column ") DIV 1000"

static enum outcome read_row(struct handling *handling,
                             struct catchup_cursor *cursor,
                             struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT last_event_id, " MOMENT_MS("last_event_created") ", " //
                    MOMENT_MS("walked_at") ", gap_count FROM event_cursors" OF_WALKER,
                    SQL_VALUES(WALKER_VALUES(cursor)),
                    handling->arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE) {
        outcome = must_hold((int64_t)rows.count, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct span id = sql_text(&rows, 0, 0);
    if (id.len > 0 && id.len <= EVENT_ID_BYTES) {
        memcpy(cursor->mark.id, id.at, id.len);
        cursor->mark.created_ms = sql_i64(&rows, 0, 1);
    }
    cursor->walked_ms = sql_i64(&rows, 0, 2);
    cursor->gaps = sql_i64(&rows, 0, 3);
    return OUTCOME_DONE;
}

/* So that a walk that ends early is gone on with, and so that nothing is said to be
 * complete that is not. The row changes with each page, however soon it comes: one that is
 * not changed is not ours. */
enum outcome catchup_cursor_page(struct handling *handling,
                                 const struct catchup_cursor *cursor,
                                 const struct catchup_mark *mark,
                                 const struct catchup_found *part,
                                 struct fault *fault)
{
    struct arena *arena = handling->arena;
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        handling->db,
        "UPDATE event_cursors SET last_event_id = COALESCE(?, last_event_id),"
        " last_event_created = COALESCE(CAST(? AS DATETIME(3)), last_event_created),"
        " gaps_found = gaps_found + ?, complete_until = LEAST(complete_until,"
        " COALESCE(CAST(? AS DATETIME(3)), complete_until)),"
        " walker_until = GREATEST(walker_until + INTERVAL 1000 MICROSECOND,"
        " CURRENT_TIMESTAMP(3) + INTERVAL ? MICROSECOND)" OF_WALKER,
        SQL_VALUES(sql_optional(span_of(mark->id)),
                   sql_moment(arena, mark->created_ms),
                   SQL_I64(part->enqueued),
                   sql_moment(arena, part->oldest_ms),
                   SQL_I64(lease_us(handling)),
                   WALKER_VALUES(cursor)),
        arena,
        &rows,
        fault);
    return outcome == OUTCOME_DONE ? must_hold(rows.affected, fault) : outcome;
}

/* What was created within the second in which the walk began may have come behind its
 * back. */
enum outcome catchup_cursor_end(struct handling *handling,
                                const struct catchup_cursor *cursor,
                                int64_t begun_ms,
                                const struct catchup_mark *mark,
                                const struct catchup_found *found,
                                struct fault *fault)
{
    struct arena *arena = handling->arena;
    int64_t complete_ms = begun_ms / 1000 * 1000;
    if (found->oldest_ms != 0 && found->oldest_ms < complete_ms) {
        complete_ms = found->oldest_ms;
    }
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "UPDATE event_cursors SET last_event_id = ?, last_event_created = ?,"
                    " complete_until = ?, gap_count = ?, walked_at = ?, walker = NULL,"
                    " walker_until = NULL, last_fault = NULL" OF_WALKER,
                    SQL_VALUES(sql_optional(span_of(mark->id)),
                               sql_moment(arena, mark->created_ms),
                               sql_moment(arena, complete_ms),
                               SQL_I64(found->gaps + found->unread),
                               sql_moment(arena, begun_ms),
                               WALKER_VALUES(cursor)),
                    arena,
                    &rows,
                    fault);
    return outcome == OUTCOME_DONE ? must_hold(rows.affected, fault) : outcome;
}

static enum outcome must_hold(int64_t rows, struct fault *fault)
{
    if (rows > 0) {
        return OUTCOME_DONE;
    }
    return fault_set(fault,
                     OUTCOME_LATER,
                     "catchup",
                     0,
                     "another walk has taken the list over");
}

void catchup_cursor_leave(struct handling *handling,
                          const struct catchup_cursor *cursor,
                          const struct fault *why)
{
    size_t len = why ? strlen(why->text) : 0;
    struct span text = {why ? why->text : "", len < FAULT_BYTES ? len : FAULT_BYTES};
    struct fault second;
    mariadb_rollback(handling->db);
    enum outcome left =
        mariadb_run(handling->db,
                    "UPDATE event_cursors SET last_fault = COALESCE(?, last_fault),"
                    " walker = NULL, walker_until = NULL" OF_WALKER,
                    SQL_VALUES(sql_optional(text), WALKER_VALUES(cursor)),
                    handling->arena,
                    NULL,
                    &second);
    (void)left;
}
