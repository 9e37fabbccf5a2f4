/* SPDX-License-Identifier: MIT
 * migrate - brings the schema up to date, one statement after another, so that it is
 * known at any moment what was done. */
#include <string.h>

#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "ctl/ctl.h"
#include "ctl/migration.h"
#include "ctl/schema_lock.h"
#include "ctl/schema_state.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/verbs.h"

/* A statement on a big table may take its time; the lock is renewed meanwhile. */
enum { STATEMENT_LIMIT_MS = 3600 * 1000 };

/* The words of --unsure. */
enum unsure { UNSURE_REFUSE, UNSURE_DONE, UNSURE_REPEAT };

/* One run under the lock. */
struct migrate {
    struct ctl *ctl;
    struct mariadb *db; /* with the long limit */
    struct span token;
    struct span who;
};

static int look(struct ctl *ctl);
static void print_statements(struct ctl *ctl, const struct schema_state *state);
static enum outcome make_tables(struct mariadb *db, struct fault *fault);
static int migrate_locked(struct migrate *migrate, enum unsure unsure);
static enum outcome settle_unsure(struct migrate *migrate,
                                  struct schema_file *file,
                                  enum unsure unsure);
static enum outcome apply_file(struct migrate *migrate, struct schema_file *file);
static enum outcome begin_file(struct migrate *migrate, const struct schema_file *file);
static enum outcome apply_rows(struct migrate *migrate,
                               struct schema_file *file,
                               struct span sql);
static enum outcome apply_definition(struct migrate *migrate,
                                     struct schema_file *file,
                                     struct span sql);
static enum outcome note(struct migrate *migrate,
                         const struct schema_file *file,
                         int64_t begun,
                         int64_t done,
                         const char *last_fault);
static enum outcome finish_file(struct migrate *migrate, const struct schema_file *file);
static void report(struct ctl *ctl, const struct schema_state *state, struct span *now);
static void report_json(struct ctl *ctl, const struct schema_state *state);

int verb_migrate(struct ctl *ctl)
{
    const char *word = ctl_option(ctl, "--unsure");
    enum unsure unsure = UNSURE_REFUSE;
    int64_t wait_s = 0;
    if (word) {
        unsure = strcmp(word, "done") == 0     ? UNSURE_DONE
                 : strcmp(word, "repeat") == 0 ? UNSURE_REPEAT
                                               : UNSURE_REFUSE;
        if (unsure == UNSURE_REFUSE) {
            return ctl_say(CTL_USAGE, "--unsure is done or repeat");
        }
    }
    if (!ctl_number(ctl, "--wait", 30, 0, 3600, &wait_s)) {
        return CTL_USAGE;
    }
    if (ctl_option(ctl, "--status") || ctl_option(ctl, "--dry-run")) {
        return look(ctl);
    }
    struct settings patient = *ctl->settings;
    patient.mariadb.query_ms = STATEMENT_LIMIT_MS;
    struct migrate migrate = {.ctl = ctl, .who = ctl_who(ctl)};
    struct schema_lock *lock = NULL;
    struct span holder = SPAN("");
    enum outcome outcome =
        mariadb_open(&patient, MARIADB_WRITER, &migrate.db, &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        outcome = make_tables(migrate.db, &ctl->fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = schema_lock_take(ctl->settings,
                                   migrate.db,
                                   migrate.who,
                                   wait_s * 1000,
                                   &ctl->arena,
                                   &lock,
                                   &holder,
                                   &ctl->fault);
    }
    int code = CTL_OK;
    if (outcome != OUTCOME_DONE) {
        code = ctl_failed(ctl);
    } else if (!lock) {
        code = ctl_say(CTL_WRONG_STATE, "another migrate runs: %.*s", SPAN_ARGS(holder));
    } else {
        migrate.token = schema_lock_token(lock);
        code = migrate_locked(&migrate, unsure);
    }
    schema_lock_give(lock, migrate.db);
    mariadb_close(migrate.db);
    return code;
}

/* --status and --dry-run: reads and changes nothing. */
static int look(struct ctl *ctl)
{
    struct schema_state state;
    if (schema_state_read(ctl->db, &ctl->arena, &state, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    bool dry = ctl_option(ctl, "--dry-run") != NULL;
    if (dry && !ctl->json && !state.conflict) {
        print_statements(ctl, &state);
    } else {
        report(ctl, &state, NULL);
    }
    if (state.conflict) {
        return ctl_say(CTL_WRONG_STATE,
                       "%s",
                       schema_conflict(state.conflict, &ctl->arena));
    }
    return dry || state.pending == 0 ? CTL_OK : CTL_WRONG_STATE;
}

static void print_statements(struct ctl *ctl, const struct schema_state *state)
{
    for (size_t i = 0; i < state->count; i++) {
        const struct schema_file *file = &state->files[i];
        if (file->state == FILE_APPLIED) {
            continue;
        }
        for (int64_t n = file->done + 1; n <= file->statements; n++) {
            text_addf(&ctl->out,
                      "-- %.*s, statement %lld\n",
                      SPAN_ARGS(file->name),
                      (long long)n);
            text_add(&ctl->out, migration_statement(file->migration, n));
            text_add_string(&ctl->out, ";\n\n");
        }
    }
    if (state->pending == 0) {
        text_add_string(&ctl->out, "-- nothing to do\n");
    }
}

static enum outcome make_tables(struct mariadb *db, struct fault *fault)
{
    return mariadb_script(
        db,
        SPAN("CREATE TABLE IF NOT EXISTS schema_migrations ("
             " version INT NOT NULL PRIMARY KEY,"
             " name VARCHAR(100) NOT NULL,"
             " checksum CHAR(64) NOT NULL,"
             " statements INT NOT NULL,"
             " begun INT NOT NULL DEFAULT 0,"
             " done INT NOT NULL DEFAULT 0,"
             " done_checksum CHAR(64) NOT NULL,"
             " steps INT NOT NULL DEFAULT 0,"
             " last_fault VARCHAR(255) NULL,"
             " applied_by VARCHAR(255) NOT NULL,"
             " started_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),"
             " applied_at DATETIME(3) NULL"
             ") ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;"
             "CREATE TABLE IF NOT EXISTS schema_lock ("
             " id TINYINT NOT NULL PRIMARY KEY CHECK (id = 1),"
             " holder VARCHAR(255) NOT NULL,"
             " token CHAR(32) NOT NULL,"
             " expires_at DATETIME(3) NOT NULL"
             ") ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin"),
        fault);
}

static int migrate_locked(struct migrate *migrate, enum unsure unsure)
{
    struct ctl *ctl = migrate->ctl;
    struct schema_state state;
    enum outcome outcome =
        schema_state_read(migrate->db, &ctl->arena, &state, &ctl->fault);
    if (outcome != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    bool settles =
        state.conflict && state.conflict->state == FILE_UNSURE && unsure != UNSURE_REFUSE;
    if (state.conflict && !settles) {
        return ctl_say(CTL_WRONG_STATE,
                       "%s",
                       schema_conflict(state.conflict, &ctl->arena));
    }
    struct span *now = ARENA_ARRAY(&ctl->arena, struct span, state.count + 1);
    size_t applied = 0;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < state.count; i++) {
        struct schema_file *file = &state.files[i];
        if (file->state == FILE_APPLIED) {
            continue;
        }
        if (file->state == FILE_UNSURE) {
            outcome = settle_unsure(migrate, file, unsure);
        }
        if (outcome == OUTCOME_DONE) {
            outcome = apply_file(migrate, file);
        }
        if (outcome == OUTCOME_DONE) {
            now[applied++] = file->name;
        }
    }
    if (outcome != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    outcome = schema_state_read(migrate->db, &ctl->arena, &state, &ctl->fault);
    if (outcome != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    report(ctl, &state, now);
    return CTL_OK;
}

/* The operator looked: the statement happened, or it did not. */
static enum outcome settle_unsure(struct migrate *migrate,
                                  struct schema_file *file,
                                  enum unsure unsure)
{
    file->done = unsure == UNSURE_DONE ? file->begun : file->done;
    file->begun = file->done;
    return note(migrate, file, file->begun, file->done, NULL);
}

static enum outcome apply_file(struct migrate *migrate, struct schema_file *file)
{
    enum outcome outcome = begin_file(migrate, file);
    while (outcome == OUTCOME_DONE && file->done < file->statements) {
        struct span sql = migration_statement(file->migration, file->done + 1);
        outcome = migration_is_rows(sql) ? apply_rows(migrate, file, sql)
                                         : apply_definition(migrate, file, sql);
    }
    return outcome == OUTCOME_DONE ? finish_file(migrate, file) : outcome;
}

/* The file may have changed behind what was done of it. */
static enum outcome begin_file(struct migrate *migrate, const struct schema_file *file)
{
    struct ctl *ctl = migrate->ctl;
    char checksum[DIGEST_HEX_BYTES];
    char done_checksum[DIGEST_HEX_BYTES];
    migration_checksum(file->migration, checksum);
    migration_done_checksum(file->migration, file->done, done_checksum);
    return mariadb_run(migrate->db,
                       "INSERT INTO schema_migrations (version, name, checksum,"
                       " statements, done_checksum, applied_by)"
                       " VALUES (?, ?, ?, ?, ?, ?)"
                       " ON DUPLICATE KEY UPDATE name = VALUES(name),"
                       " checksum = VALUES(checksum), statements = VALUES(statements),"
                       " applied_by = VALUES(applied_by)",
                       SQL_VALUES(SQL_I64(file->version),
                                  SQL_STRING(file->migration->name),
                                  SQL_STRING(checksum),
                                  SQL_I64(file->statements),
                                  SQL_STRING(done_checksum),
                                  SQL_SPAN(migrate->who)),
                       &ctl->arena,
                       NULL,
                       &ctl->fault);
}

/* Rows and the note about them are committed together. */
static enum outcome apply_rows(struct migrate *migrate,
                               struct schema_file *file,
                               struct span sql)
{
    struct ctl *ctl = migrate->ctl;
    int64_t next = file->done + 1;
    enum outcome outcome = mariadb_begin(migrate->db, &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        outcome = note(migrate, file, next, next, NULL);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_script(migrate->db, sql, &ctl->fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(migrate->db, &ctl->fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(migrate->db);
        return outcome;
    }
    file->begun = file->done = next;
    return OUTCOME_DONE;
}

/* A definition commits by itself, as a whole or not at all. When the server refuses it,
 * nothing happened; when the connection is lost, nobody knows. */
static enum outcome apply_definition(struct migrate *migrate,
                                     struct schema_file *file,
                                     struct span sql)
{
    struct ctl *ctl = migrate->ctl;
    int64_t next = file->done + 1;
    enum outcome outcome = note(migrate, file, next, file->done, NULL);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    outcome = mariadb_script(migrate->db, sql, &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        file->begun = file->done = next;
        return note(migrate, file, next, next, NULL);
    }
    bool refused =
        outcome == OUTCOME_NEVER || (outcome == OUTCOME_LATER && !ctl->fault.neighbour);
    if (refused) {
        struct fault said = ctl->fault;
        if (note(migrate, file, file->done, file->done, said.text) == OUTCOME_DONE) {
            ctl->fault = said;
            (void)ctl_say(CTL_FAILED,
                          "%.*s, statement %lld of %lld: refused; what is before it is "
                          "done, migrate again to go on",
                          SPAN_ARGS(file->name),
                          (long long)next,
                          (long long)file->statements);
        }
    }
    return outcome;
}

/* Writes how far the file has come, provided that the lock is still ours. */
static enum outcome note(struct migrate *migrate,
                         const struct schema_file *file,
                         int64_t begun,
                         int64_t done,
                         const char *last_fault)
{
    struct ctl *ctl = migrate->ctl;
    struct sql_rows rows;
    char done_checksum[DIGEST_HEX_BYTES];
    migration_done_checksum(file->migration, done, done_checksum);
    enum outcome outcome =
        mariadb_run(migrate->db,
                    "UPDATE schema_migrations SET begun = ?, done = ?,"
                    " done_checksum = ?, last_fault = ?, steps = steps + 1"
                    " WHERE version = ? AND EXISTS (SELECT 1 FROM schema_lock"
                    " WHERE token = ? AND expires_at > NOW(3))",
                    SQL_VALUES(SQL_I64(begun),
                               SQL_I64(done),
                               SQL_STRING(done_checksum),
                               sql_optional(span_of(last_fault)),
                               SQL_I64(file->version),
                               SQL_SPAN(migrate->token)),
                    &ctl->arena,
                    &rows,
                    &ctl->fault);
    if (outcome == OUTCOME_DONE && rows.affected != 1) {
        return fault_set(&ctl->fault,
                         OUTCOME_LATER,
                         "migrate",
                         0,
                         "the lock was lost to another migrate; migrate again");
    }
    return outcome;
}

static enum outcome finish_file(struct migrate *migrate, const struct schema_file *file)
{
    struct ctl *ctl = migrate->ctl;
    return mariadb_run(migrate->db,
                       "UPDATE schema_migrations SET applied_at = NOW(3),"
                       " last_fault = NULL WHERE version = ? AND done = statements",
                       SQL_VALUES(SQL_I64(file->version)),
                       &ctl->arena,
                       NULL,
                       &ctl->fault);
}

/* `now` are the names of the files that this run applied, ended by an empty one; NULL:
 * nobody asked for it. */
static void report(struct ctl *ctl, const struct schema_state *state, struct span *now)
{
    if (ctl->json) {
        report_json(ctl, state);
        return;
    }
    if (now) {
        for (size_t i = 0; now[i].len > 0; i++) {
            text_addf(&ctl->out, "applied %.*s\n", SPAN_ARGS(now[i]));
        }
        text_addf(&ctl->out,
                  "schema %lld of %lld\n",
                  (long long)state->version,
                  (long long)state->latest);
        return;
    }
    static const struct table_column columns[] = {
        {"MIGRATION", false, false},
        {"STATE", false, false},
        {"DONE", true, false},
        {"APPLIED", false, true},
    };
    struct table table;
    table_init(&table, &ctl->arena, columns, 4);
    for (size_t i = 0; i < state->count; i++) {
        const struct schema_file *file = &state->files[i];
        table_cell(&table, file->name);
        table_cell(&table, span_of(file_state_name(file->state)));
        table_cell(&table,
                   span_of(arena_format(&ctl->arena,
                                        "%lld/%lld",
                                        (long long)file->done,
                                        (long long)file->statements)));
        table_cell(&table,
                   file->applied_at.len > 0 ? show_sql_moment(ctl, file->applied_at)
                                            : file->last_fault);
    }
    table_print(&table, &ctl->out);
}

static void report_json(struct ctl *ctl, const struct schema_state *state)
{
    bool dry = ctl_option(ctl, "--dry-run") != NULL;
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_integer(&json, "version", state->version);
    json_put_integer(&json, "latest", state->latest);
    json_put_integer(&json, "pending", (int64_t)state->pending);
    json_open(&json, "migrations", '[');
    for (size_t i = 0; i < state->count; i++) {
        const struct schema_file *file = &state->files[i];
        json_open(&json, NULL, '{');
        json_put_integer(&json, "version", file->version);
        json_put_string(&json, "name", file->name);
        json_put_string(&json, "state", span_of(file_state_name(file->state)));
        json_put_integer(&json, "statements", file->statements);
        json_put_integer(&json, "done", file->done);
        json_put_optional(&json, "applied_at", show_sql_moment(ctl, file->applied_at));
        json_put_optional(&json, "fault", file->last_fault);
        if (dry && file->migration && file->state != FILE_APPLIED) {
            json_open(&json, "sql", '[');
            for (int64_t n = file->done + 1; n <= file->statements; n++) {
                json_put_string(&json, NULL, migration_statement(file->migration, n));
            }
            json_close(&json, ']');
        }
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
}
