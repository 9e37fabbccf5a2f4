/* SPDX-License-Identifier: MIT
 * Statements, prepared once and kept, with the values that go in and the rows that come
 * out. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <mysql.h>

#include "common/link/mariadb.h"
#include "common/link/mariadb_link.h"

/* As many parameters as a group of offline sales has (worker/sync_rows.c). */
enum { MOST_PARAMETERS = 768, MOST_COLUMNS = 64 };

static enum outcome find_statement(struct mariadb *db,
                                   const char *sql,
                                   struct mariadb_statement **out_statement,
                                   struct fault *fault);
static enum outcome execute(struct mariadb *db,
                            struct mariadb_statement *statement,
                            const struct sql_value *values,
                            size_t count,
                            struct fault *fault);
static enum outcome read_rows(struct mariadb *db,
                              MYSQL_STMT *handle,
                              struct arena *arena,
                              struct sql_rows *out_rows,
                              struct fault *fault);
static void bind_columns(const MYSQL_FIELD *fields,
                         size_t columns,
                         struct arena *arena,
                         MYSQL_BIND *binds,
                         struct sql_value *row);
static bool is_integer(enum enum_field_types type);

enum outcome mariadb_run(struct mariadb *db,
                         const char *sql,
                         const struct sql_value *values,
                         size_t count,
                         struct arena *arena,
                         struct sql_rows *out_rows,
                         struct fault *fault)
{
    enum outcome outcome = mariadb_link_ready(db, fault);
    struct mariadb_statement *statement = NULL;
    if (outcome == OUTCOME_DONE) {
        outcome = find_statement(db, sql, &statement, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = execute(db, statement, values, count, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    MYSQL_STMT *handle = statement->handle;
    struct sql_rows rows = {
        .affected = (int64_t)mysql_stmt_affected_rows(handle),
        .insert_id = (int64_t)mysql_stmt_insert_id(handle),
    };
    if (mysql_stmt_field_count(handle) > 0) {
        assert(arena);
        rows.affected = 0;
        outcome = read_rows(db, handle, arena, &rows, fault);
    }
    if (outcome == OUTCOME_DONE && out_rows) {
        *out_rows = rows;
    }
    return outcome;
}

/* The statement prepared on this connection; the one used longest ago gives way. */
static enum outcome find_statement(struct mariadb *db,
                                   const char *sql,
                                   struct mariadb_statement **out_statement,
                                   struct fault *fault)
{
    struct mariadb_statement *oldest = &db->statements[0];
    db->runs++;
    for (size_t i = 0; i < MARIADB_STATEMENTS; i++) {
        struct mariadb_statement *statement = &db->statements[i];
        if (statement->sql == sql) {
            statement->used = db->runs;
            *out_statement = statement;
            return OUTCOME_DONE;
        }
        if (statement->used < oldest->used) {
            oldest = statement;
        }
    }
    mariadb_statement_forget(oldest);
    MYSQL_STMT *handle = mysql_stmt_init(db->link);
    if (!handle) {
        abort();
    }
    if (mysql_stmt_prepare(handle, sql, strlen(sql)) != 0) {
        enum outcome outcome = mariadb_link_failed(db,
                                                   mysql_stmt_errno(handle),
                                                   mysql_stmt_error(handle),
                                                   OUTCOME_LATER,
                                                   fault);
        mysql_stmt_close(handle);
        return outcome;
    }
    my_bool measure = 1;
    mysql_stmt_attr_set(handle, STMT_ATTR_UPDATE_MAX_LENGTH, &measure);
    *oldest = (struct mariadb_statement){sql, handle, db->runs};
    *out_statement = oldest;
    return OUTCOME_DONE;
}

void mariadb_statement_forget(struct mariadb_statement *statement)
{
    if (statement->handle) {
        mysql_stmt_close(statement->handle);
    }
    *statement = (struct mariadb_statement){0};
}

static enum outcome execute(struct mariadb *db,
                            struct mariadb_statement *statement,
                            const struct sql_value *values,
                            size_t count,
                            struct fault *fault)
{
    MYSQL_STMT *handle = statement->handle;
    assert(count <= MOST_PARAMETERS && mysql_stmt_param_count(handle) == count);
    MYSQL_BIND binds[MOST_PARAMETERS];
    int64_t integers[MOST_PARAMETERS];
    memset(binds, 0, count * sizeof(binds[0]));
    for (size_t i = 0; i < count; i++) {
        switch (values[i].type) {
        case SQL_NULL:
            binds[i].buffer_type = MYSQL_TYPE_NULL;
            break;
        case SQL_INTEGER:
            integers[i] = values[i].integer;
            binds[i].buffer_type = MYSQL_TYPE_LONGLONG;
            binds[i].buffer = &integers[i];
            break;
        case SQL_TEXT:
            /* Sealed bytes go as bytes: as a string they would be no UTF-8. */
            binds[i].buffer_type =
                span_is_utf8(values[i].text) ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
            memcpy(&binds[i].buffer, &values[i].text.at, sizeof(binds[i].buffer));
            binds[i].buffer_length = values[i].text.len;
            break;
        }
    }
    /* A read that was lost did nothing; a write outside a transaction may be done. */
    bool writes = mysql_stmt_field_count(handle) == 0 && !db->begun;
    if ((count > 0 && mysql_stmt_bind_param(handle, binds) != 0) ||
        mysql_stmt_execute(handle) != 0) {
        return mariadb_link_failed(db,
                                   mysql_stmt_errno(handle),
                                   mysql_stmt_error(handle),
                                   writes ? OUTCOME_UNSURE : OUTCOME_LATER,
                                   fault);
    }
    return OUTCOME_DONE;
}

/* All rows come over before the first is looked at, so that the longest value of each
 * column is known and the connection is free again. */
static enum outcome read_rows(struct mariadb *db,
                              MYSQL_STMT *handle,
                              struct arena *arena,
                              struct sql_rows *rows,
                              struct fault *fault)
{
    if (mysql_stmt_store_result(handle) != 0) {
        return mariadb_link_failed(db,
                                   mysql_stmt_errno(handle),
                                   mysql_stmt_error(handle),
                                   OUTCOME_LATER,
                                   fault);
    }
    size_t columns = mysql_stmt_field_count(handle);
    size_t count = mysql_stmt_num_rows(handle);
    assert(columns <= MOST_COLUMNS);
    if (count > MARIADB_MOST_ROWS) {
        mysql_stmt_free_result(handle);
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "mariadb",
                         0,
                         "%zu rows came back, more than %d",
                         count,
                         MARIADB_MOST_ROWS);
    }
    struct sql_value *values = ARENA_ARRAY(arena, struct sql_value, count * columns + 1);
    MYSQL_RES *metadata = mysql_stmt_result_metadata(handle);
    MYSQL_BIND binds[MOST_COLUMNS];
    struct sql_value row[MOST_COLUMNS];
    bind_columns(mysql_fetch_fields(metadata), columns, arena, binds, row);
    mysql_free_result(metadata);
    bool good = mysql_stmt_bind_result(handle, binds) == 0;
    for (size_t i = 0; good && i < count; i++) {
        good = mysql_stmt_fetch(handle) == 0;
        for (size_t j = 0; good && j < columns; j++) {
            struct sql_value *value = &values[i * columns + j];
            *value = row[j];
            if (binds[j].is_null_value) {
                *value = SQL_NOTHING;
            } else if (value->type == SQL_INTEGER) {
                memcpy(&value->integer, binds[j].buffer, sizeof(value->integer));
            } else {
                struct span bytes = {binds[j].buffer, binds[j].length_value};
                value->text = arena_span(arena, bytes);
            }
        }
    }
    mysql_stmt_free_result(handle);
    if (!good) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "mariadb",
                         (int)mysql_stmt_errno(handle),
                         "a row cannot be read: %s",
                         mysql_stmt_error(handle));
    }
    rows->values = values;
    rows->columns = columns;
    rows->count = count;
    return OUTCOME_DONE;
}

/* One buffer a column, as long as its longest value; `row` gets the types. */
static void bind_columns(const MYSQL_FIELD *fields,
                         size_t columns,
                         struct arena *arena,
                         MYSQL_BIND *binds,
                         struct sql_value *row)
{
    memset(binds, 0, columns * sizeof(*binds));
    memset(row, 0, columns * sizeof(*row));
    for (size_t i = 0; i < columns; i++) {
        if (is_integer(fields[i].type)) {
            row[i].type = SQL_INTEGER;
            binds[i].buffer_type = MYSQL_TYPE_LONGLONG;
            binds[i].buffer_length = sizeof(int64_t);
        } else {
            row[i].type = SQL_TEXT;
            binds[i].buffer_type = MYSQL_TYPE_STRING;
            binds[i].buffer_length = fields[i].max_length + 1;
        }
        binds[i].buffer = arena_take(arena, binds[i].buffer_length);
        binds[i].is_null = &binds[i].is_null_value;
        binds[i].length = &binds[i].length_value;
    }
}

static bool is_integer(enum enum_field_types type)
{
    return type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT ||
           type == MYSQL_TYPE_INT24 || type == MYSQL_TYPE_LONG ||
           type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_YEAR;
}
