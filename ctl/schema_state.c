/* SPDX-License-Identifier: MIT
 * What has been applied, held against the migrations of this program. */
#include "ctl/schema_state.h"

#include <assert.h>

#include "common/link/mariadb.h"
#include "ctl/migration.h"

enum { SQL_NO_SUCH_TABLE = 1146, MOST_STATEMENT_SHOWN = 60 };

static void merge(const struct sql_rows *rows,
                  struct arena *arena,
                  struct schema_state *state);
static struct schema_file from_row(const struct sql_rows *rows, size_t row);
static enum file_state judge(const struct schema_file *file,
                             struct span checksum,
                             struct span done_checksum);
static void sum_up(struct schema_state *state);

static const char *const state_names[] = {
    [FILE_PENDING] = "pending",
    [FILE_HALF] = "half",
    [FILE_UNSURE] = "unsure",
    [FILE_APPLIED] = "applied",
    [FILE_CHANGED] = "changed",
    [FILE_MISSING] = "missing",
    [FILE_LATE] = "late",
};

enum {
    VERSION,
    NAME,
    CHECKSUM,
    STATEMENTS,
    BEGUN,
    DONE,
    DONE_CHECKSUM,
    FAULT,
    APPLIED_AT
};

enum outcome schema_state_read(struct mariadb *db,
                               struct arena *arena,
                               struct schema_state *out_state,
                               struct fault *fault)
{
    struct sql_rows rows = {0};
    enum outcome outcome =
        mariadb_run(db,
                    "SELECT version, name, checksum, statements, begun, done,"
                    " done_checksum, last_fault, applied_at"
                    " FROM schema_migrations ORDER BY version",
                    NULL,
                    0,
                    arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_NEVER && fault->code == SQL_NO_SUCH_TABLE) {
        outcome = OUTCOME_DONE;
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    *out_state = (struct schema_state){0};
    merge(&rows, arena, out_state);
    sum_up(out_state);
    return OUTCOME_DONE;
}

const char *file_state_name(enum file_state state)
{
    return state_names[state];
}

const char *schema_conflict(const struct schema_file *file, struct arena *arena)
{
    struct span name = file->name;
    switch (file->state) {
    case FILE_CHANGED:
        return arena_format(arena,
                            "%.*s is not the file that was applied: migrations are never "
                            "changed, add a new one",
                            SPAN_ARGS(name));
    case FILE_MISSING:
        return arena_format(arena,
                            "%.*s is applied, but this program does not have it: it is "
                            "older than the database",
                            SPAN_ARGS(name));
    case FILE_LATE:
        return arena_format(arena,
                            "%.*s is not applied, although a later one is: give it a "
                            "higher number",
                            SPAN_ARGS(name));
    case FILE_UNSURE: {
        struct span sql = migration_statement(file->migration, file->begun);
        struct span rest;
        sql = span_cut(sql, '\n', &rest);
        return arena_format(arena,
                            "%.*s: statement %lld was begun and its end is not known: "
                            "%.*s\nlook whether it happened, then migrate with "
                            "--unsure done or --unsure repeat",
                            SPAN_ARGS(name),
                            (long long)file->begun,
                            SPAN_ARGS(sql));
    }
    case FILE_PENDING:
    case FILE_HALF:
    case FILE_APPLIED:
        break;
    }
    assert(!"this state stands in nobody's way");
    return "";
}

/* Both lists are in the order of their versions. */
static void merge(const struct sql_rows *rows,
                  struct arena *arena,
                  struct schema_state *state)
{
    state->files =
        ARENA_ARRAY(arena, struct schema_file, rows->count + migrations_count + 1);
    size_t row = 0;
    size_t at = 0;
    while (row < rows->count || at < migrations_count) {
        const struct migration *migration =
            at < migrations_count ? &migrations[at] : NULL;
        int64_t applied = row < rows->count ? sql_i64(rows, row, VERSION) : INT64_MAX;
        int64_t known = migration ? migration->version : INT64_MAX;
        struct schema_file *file = &state->files[state->count++];
        if (applied <= known) {
            *file = from_row(rows, row);
            file->migration = applied == known ? migration : NULL;
            file->state = judge(file,
                                sql_text(rows, row, CHECKSUM),
                                sql_text(rows, row, DONE_CHECKSUM));
            row++;
        } else {
            *file = (struct schema_file){.migration = migration,
                                         .version = migration->version,
                                         .name = span_of(migration->name)};
            /* Rows that are left are of later files. */
            file->state = row < rows->count ? FILE_LATE : FILE_PENDING;
        }
        if (file->migration) {
            file->statements = migration_statements(file->migration);
        }
        at += known <= applied && migration != NULL;
    }
}

static struct schema_file from_row(const struct sql_rows *rows, size_t row)
{
    return (struct schema_file){
        .version = sql_i64(rows, row, VERSION),
        .name = sql_text(rows, row, NAME),
        .statements = sql_i64(rows, row, STATEMENTS),
        .begun = sql_i64(rows, row, BEGUN),
        .done = sql_i64(rows, row, DONE),
        .last_fault = sql_text(rows, row, FAULT),
        .applied_at = sql_text(rows, row, APPLIED_AT),
    };
}

/* Of a file that is applied the whole must be as it was; of one that is not, what was
 * done of it. */
static enum file_state judge(const struct schema_file *file,
                             struct span checksum,
                             struct span done_checksum)
{
    if (!file->migration) {
        return FILE_MISSING;
    }
    char sum[DIGEST_HEX_BYTES];
    if (file->applied_at.len > 0) {
        migration_checksum(file->migration, sum);
        return span_is(checksum, sum) ? FILE_APPLIED : FILE_CHANGED;
    }
    migration_done_checksum(file->migration, file->done, sum);
    if (!span_is(done_checksum, sum) ||
        migration_statements(file->migration) < file->begun) {
        return FILE_CHANGED;
    }
    return file->begun == file->done ? FILE_HALF : FILE_UNSURE;
}

static void sum_up(struct schema_state *state)
{
    for (size_t i = 0; i < state->count; i++) {
        const struct schema_file *file = &state->files[i];
        bool waits = file->state == FILE_PENDING || file->state == FILE_HALF;
        if (file->state == FILE_APPLIED) {
            state->version = file->version;
        } else if (!waits && !state->conflict) {
            state->conflict = file;
        }
        state->pending += file->state != FILE_APPLIED && file->migration != NULL;
        if (file->migration) {
            state->latest = file->version;
        }
    }
}
