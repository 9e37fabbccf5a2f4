/* SPDX-License-Identifier: MIT
 * Dead jobs on their way to MariaDB. A death is told apart by the job and the moment, so
 * that copying it twice changes nothing. */
#include "worker/archive.h"

#include "common/link/mariadb.h"
#include "common/link/redis.h"

enum { ARCHIVE_MOST = 50 };

static enum outcome write_all(struct mariadb *db,
                              const struct job_record *records,
                              size_t count,
                              struct arena *arena,
                              struct fault *fault);
static enum outcome write_alone(struct mariadb *db,
                                const struct job_record *record,
                                struct arena *arena,
                                struct fault *fault);
static enum outcome write_one(struct mariadb *db,
                              const struct job_record *record,
                              struct arena *arena,
                              struct fault *fault);
static struct sql_value history_array(const struct job_record *record,
                                      struct arena *arena);

enum outcome archive_dead(struct redis *redis,
                          struct mariadb *db,
                          struct partition partition,
                          struct arena *arena,
                          size_t *out_count,
                          struct fault *fault)
{
    struct command command = queue_unarchived(arena, partition, ARCHIVE_MOST);
    struct reply reply;
    struct job_record *records = NULL;
    size_t count = 0;
    enum outcome outcome = redis_call(redis, &command, arena, &reply, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = queue_read_records(&reply, arena, &records, &count, NULL, NULL, fault);
    }
    if (outcome == OUTCOME_DONE && count > 0) {
        outcome = write_all(db, records, count, arena, fault);
    }
    if (outcome != OUTCOME_DONE || count == 0) {
        *out_count = 0;
        return outcome;
    }
    command = queue_archived(arena, partition, records, count);
    outcome = redis_call(redis, &command, arena, &reply, fault);
    if (outcome == OUTCOME_DONE) {
        *out_count = count;
    }
    return outcome;
}

/* All in one transaction. When the database will never take one of them (bytes that it
 * does not know, a text that is too long), each gets a transaction of its own, so that
 * one record cannot keep the others out. */
static enum outcome write_all(struct mariadb *db,
                              const struct job_record *records,
                              size_t count,
                              struct arena *arena,
                              struct fault *fault)
{
    enum outcome outcome = mariadb_begin(db, fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < count; i++) {
        outcome = write_one(db, &records[i], arena, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(db);
    }
    if (outcome == OUTCOME_NEVER) {
        outcome = OUTCOME_DONE;
        for (size_t i = 0; outcome == OUTCOME_DONE && i < count; i++) {
            outcome = write_alone(db, &records[i], arena, fault);
        }
    }
    return outcome;
}

/* As it is, or bare when it cannot be written as it is. */
static enum outcome write_alone(struct mariadb *db,
                                const struct job_record *record,
                                struct arena *arena,
                                struct fault *fault)
{
    enum outcome outcome = write_one(db, record, arena, fault);
    if (outcome == OUTCOME_NEVER) {
        struct job_record bare = *record;
        bare.history = SPAN("");
        bare.refs = SPAN("");
        bare.last_fault =
            span_of(arena_format(arena, "archived without details: %s", fault->text));
        outcome = write_one(db, &bare, arena, fault);
    }
    return outcome;
}

static enum outcome write_one(struct mariadb *db,
                              const struct job_record *record,
                              struct arena *arena,
                              struct fault *fault)
{
    return mariadb_run(
        db,
        "INSERT INTO jobs_archive (job_id, kind, lane, tenant, version, reason, attempts,"
        " crashes, deferrals, last_fault, history, refs, mac, sealed_payload, "
        "enqueued_at,"
        " died_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, LEFT(?, 500), ?, ?, ?, ?, ?, ?)"
        " ON DUPLICATE KEY UPDATE archived_at = archived_at",
        SQL_VALUES(SQL_SPAN(record->id),
                   SQL_SPAN(record->kind),
                   SQL_SPAN(record->lane),
                   SQL_SPAN(record->tenant),
                   SQL_I64(record->version),
                   SQL_SPAN(record->outcome),
                   SQL_I64(record->attempt),
                   SQL_I64(record->crashes),
                   SQL_I64(record->deferrals),
                   sql_optional(record->last_fault),
                   history_array(record, arena),
                   SQL_SPAN(record->refs),
                   sql_optional(record->mac),
                   sql_optional(record->payload),
                   sql_moment(arena, record->enqueued_ms),
                   sql_moment(arena, record->at_ms)),
        arena,
        NULL,
        fault);
}

/* The history is JSON objects, one a line; here they become one array. */
static struct sql_value history_array(const struct job_record *record,
                                      struct arena *arena)
{
    struct text text;
    text_init(&text, record->history.len + 3);
    text_add_char(&text, '[');
    struct span rest = record->history;
    bool first = true;
    while (rest.len > 0) {
        struct span line = span_cut(rest, '\n', &rest);
        if (line.len == 0) {
            continue;
        }
        if (!first) {
            text_add_char(&text, ',');
        }
        text_add(&text, line);
        first = false;
    }
    text_add_char(&text, ']');
    struct span array = arena_span(arena, text_span(&text));
    text_done(&text);
    return SQL_SPAN(array);
}
