/* SPDX-License-Identifier: MIT
 * A connection to MariaDB: opened when it is needed, statements prepared once and kept.
 */
#include "common/link/mariadb.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include "common/base/settings.h"

/* A worker of 32 slots holds at most 2,048 statements of the server's 16,382. */
/* As many parameters as a group of offline sales has (worker/sync_rows.c). */
enum { MOST_STATEMENTS = 64, MOST_PARAMETERS = 768, MOST_COLUMNS = 64 };

/* Its number has another name in the headers. */
enum { SQL_WSREP_NOT_READY = 1047 };

struct statement {
    const char *sql; /* its address is the key; NULL: the place is free */
    MYSQL_STMT *handle;
    uint64_t used; /* when it was last run, counted in runs */
};

struct mariadb {
    const char *socket; /* empty: host and port */
    const char *host;
    unsigned port;
    const char *database;
    const char *user;
    struct text password;
    unsigned connect_s;
    unsigned query_s;
    MYSQL *link; /* NULL: not connected */
    bool begun; /* between begin and commit or rollback, also when the link is gone */
    uint64_t runs;
    struct statement statements[MOST_STATEMENTS];
};

static void start_library(void);
static enum outcome connect_link(struct mariadb *db, struct fault *fault);
static enum outcome prepare_session(struct mariadb *db, struct fault *fault);
static enum outcome make_ready(struct mariadb *db, struct fault *fault);
static bool is_stale(const struct mariadb *db);
static void drop(struct mariadb *db);
static enum outcome plain(struct mariadb *db,
                          struct span sql,
                          enum outcome when_lost,
                          struct fault *fault);
static enum outcome find_statement(struct mariadb *db,
                                   const char *sql,
                                   struct statement **out_statement,
                                   struct fault *fault);
static void forget_statement(struct statement *statement);
static enum outcome execute(struct mariadb *db,
                            struct statement *statement,
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
static enum outcome failed(struct mariadb *db,
                           unsigned number,
                           const char *text,
                           enum outcome when_lost,
                           struct fault *fault);
static bool is_lost(unsigned number);

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

enum outcome mariadb_open(const struct settings *settings,
                          enum mariadb_user user,
                          struct mariadb **out_db,
                          struct fault *fault)
{
    pthread_once(&library_once, start_library);
    struct mariadb *db = calloc(1, sizeof(*db));
    if (!db) {
        abort();
    }
    bool reads = user == MARIADB_READER;
    db->socket = settings->mariadb.socket;
    db->host = settings->mariadb.host;
    db->port = (unsigned)settings->mariadb.port;
    db->database = settings->mariadb.database;
    db->user = reads ? settings->mariadb.reader_user : settings->mariadb.user;
    db->connect_s = (unsigned)((settings->mariadb.connect_ms + 999) / 1000);
    db->query_s = (unsigned)((settings->mariadb.query_ms + 999) / 1000);
    const char *file =
        reads ? settings->mariadb.reader_password_file : settings->mariadb.password_file;
    if (file && file[0] != '\0') {
        enum outcome outcome = settings_read_secret(file, &db->password, fault);
        if (outcome != OUTCOME_DONE) {
            free(db);
            return outcome;
        }
    }
    *out_db = db;
    return OUTCOME_DONE;
}

void mariadb_close(struct mariadb *db)
{
    if (!db) {
        return;
    }
    drop(db);
    if (db->password.at) {
        text_wipe(&db->password);
    }
    free(db);
}

enum outcome mariadb_begin(struct mariadb *db, struct fault *fault)
{
    assert(!db->begun);
    enum outcome outcome = make_ready(db, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = plain(db, SPAN("START TRANSACTION"), OUTCOME_LATER, fault);
    }
    db->begun = outcome == OUTCOME_DONE;
    return outcome;
}

enum outcome mariadb_commit(struct mariadb *db, struct fault *fault)
{
    assert(db->begun);
    if (!db->link) {
        /* It was lost before COMMIT was sent: the server rolls back by itself. */
        return failed(db, CR_SERVER_LOST, "it was lost earlier", OUTCOME_LATER, fault);
    }
    if (mysql_real_query(db->link, "COMMIT", 6) != 0) {
        return failed(db,
                      mysql_errno(db->link),
                      mysql_error(db->link),
                      OUTCOME_UNSURE,
                      fault);
    }
    db->begun = false;
    return OUTCOME_DONE;
}

void mariadb_rollback(struct mariadb *db)
{
    if (db->begun && db->link && mysql_real_query(db->link, "ROLLBACK", 8) != 0) {
        drop(db);
    }
    db->begun = false;
}

enum outcome mariadb_run(struct mariadb *db,
                         const char *sql,
                         const struct sql_value *values,
                         size_t count,
                         struct arena *arena,
                         struct sql_rows *out_rows,
                         struct fault *fault)
{
    enum outcome outcome = make_ready(db, fault);
    struct statement *statement = NULL;
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

enum outcome mariadb_script(struct mariadb *db, struct span sql, struct fault *fault)
{
    enum outcome outcome = make_ready(db, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    /* Several statements at once are allowed here and nowhere else. */
    if (mysql_set_server_option(db->link, MYSQL_OPTION_MULTI_STATEMENTS_ON) != 0) {
        return failed(db,
                      mysql_errno(db->link),
                      mysql_error(db->link),
                      OUTCOME_LATER,
                      fault);
    }
    outcome = plain(db, sql, OUTCOME_UNSURE, fault);
    /* A connection that may still take several statements is not fit for anything else.
     */
    if (db->link &&
        (outcome != OUTCOME_DONE ||
         mysql_set_server_option(db->link, MYSQL_OPTION_MULTI_STATEMENTS_OFF) != 0)) {
        drop(db);
    }
    return outcome;
}

bool mariadb_is_duplicate(const struct fault *fault)
{
    return fault->module && strcmp(fault->module, "mariadb") == 0 &&
           fault->code == ER_DUP_ENTRY;
}

bool mariadb_is_open(const struct mariadb *db)
{
    return db->link != NULL;
}

/* Connector/C wants this done once before threads use it; it needs nothing per thread. */
static void start_library(void)
{
    if (mysql_library_init(0, NULL, NULL) != 0) {
        abort();
    }
}

static enum outcome connect_link(struct mariadb *db, struct fault *fault)
{
    MYSQL *link = mysql_init(NULL);
    if (!link) {
        abort();
    }
    /* The server ends a statement at query_s (max_statement_time); the client waits a
     * little longer, so that it is the server who says so and the connection survives. */
    unsigned wait_s = db->query_s + 2;
    my_bool off = 0;
    unsigned no_files = 0;
    bool by_socket = db->socket && db->socket[0] != '\0';
    unsigned protocol = by_socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    mysql_options(link, MYSQL_OPT_CONNECT_TIMEOUT, &db->connect_s);
    mysql_options(link, MYSQL_OPT_READ_TIMEOUT, &wait_s);
    mysql_options(link, MYSQL_OPT_WRITE_TIMEOUT, &wait_s);
    mysql_options(link, MYSQL_OPT_RECONNECT, &off);
    mysql_options(link, MYSQL_OPT_LOCAL_INFILE, &no_files);
    mysql_options(link, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(link, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    db->link = link;
    if (!mysql_real_connect(link,
                            by_socket ? NULL : db->host,
                            db->user,
                            db->password.at ? db->password.at : "",
                            db->database,
                            db->port,
                            by_socket ? db->socket : NULL,
                            0)) {
        unsigned number = mysql_errno(link);
        enum outcome outcome = fault_set(fault,
                                         OUTCOME_LATER,
                                         "mariadb",
                                         (int)number,
                                         "%s",
                                         mysql_error(link));
        fault->neighbour = "mariadb";
        drop(db);
        return outcome;
    }
    return prepare_session(db, fault);
}

/* A lock is waited for half as long as a statement may take, so that the wait ends as a
 * wait (1205) and not as a statement that ran out of time. */
static enum outcome prepare_session(struct mariadb *db, struct fault *fault)
{
    struct text sql;
    text_init(&sql, 1024);
    text_addf(&sql,
              "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
              "NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION', "
              "time_zone = '+00:00', tx_isolation = 'READ-COMMITTED', autocommit = 1, "
              "max_statement_time = %u, innodb_lock_wait_timeout = %u",
              db->query_s,
              db->query_s > 1 ? db->query_s / 2 : 1);
    enum outcome outcome = plain(db, text_span(&sql), OUTCOME_LATER, fault);
    text_done(&sql);
    if (outcome != OUTCOME_DONE) {
        drop(db);
    }
    return outcome;
}

/* Connected, or LATER. Within a transaction a lost connection is not replaced: what was
 * done before it is gone, and the rest must not be done alone. */
static enum outcome make_ready(struct mariadb *db, struct fault *fault)
{
    if (db->begun) {
        return db->link ? OUTCOME_DONE
                        : failed(db,
                                 CR_SERVER_LOST,
                                 "it was lost earlier in this transaction",
                                 OUTCOME_LATER,
                                 fault);
    }
    if (db->link && is_stale(db)) {
        drop(db);
    }
    return db->link ? OUTCOME_DONE : connect_link(db, fault);
}

/* Between two statements the server has nothing to say: bytes, or the end of the stream,
 * mean that it closed the connection (restart, wait_timeout, KILL). */
static bool is_stale(const struct mariadb *db)
{
    char byte;
    return recv(mysql_get_socket(db->link), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void drop(struct mariadb *db)
{
    /* The connection goes first: its statements are then freed without a word to the
     * server for each. */
    if (db->link) {
        mysql_close(db->link);
        db->link = NULL;
    }
    for (size_t i = 0; i < MOST_STATEMENTS; i++) {
        forget_statement(&db->statements[i]);
    }
}

/* Text SQL whose rows, if any, nobody wants. */
static enum outcome plain(struct mariadb *db,
                          struct span sql,
                          enum outcome when_lost,
                          struct fault *fault)
{
    int more = mysql_real_query(db->link, sql.at, sql.len);
    while (more == 0) {
        MYSQL_RES *result = mysql_store_result(db->link);
        mysql_free_result(result);
        if (!result && mysql_errno(db->link) != 0) {
            break;
        }
        more = mysql_next_result(db->link);
    }
    if (mysql_errno(db->link) != 0) {
        return failed(db, mysql_errno(db->link), mysql_error(db->link), when_lost, fault);
    }
    return OUTCOME_DONE;
}

/* The statement prepared on this connection; the one used longest ago gives way. */
static enum outcome find_statement(struct mariadb *db,
                                   const char *sql,
                                   struct statement **out_statement,
                                   struct fault *fault)
{
    struct statement *oldest = &db->statements[0];
    db->runs++;
    for (size_t i = 0; i < MOST_STATEMENTS; i++) {
        struct statement *statement = &db->statements[i];
        if (statement->sql == sql) {
            statement->used = db->runs;
            *out_statement = statement;
            return OUTCOME_DONE;
        }
        if (statement->used < oldest->used) {
            oldest = statement;
        }
    }
    forget_statement(oldest);
    MYSQL_STMT *handle = mysql_stmt_init(db->link);
    if (!handle) {
        abort();
    }
    if (mysql_stmt_prepare(handle, sql, strlen(sql)) != 0) {
        enum outcome outcome = failed(db,
                                      mysql_stmt_errno(handle),
                                      mysql_stmt_error(handle),
                                      OUTCOME_LATER,
                                      fault);
        mysql_stmt_close(handle);
        return outcome;
    }
    my_bool measure = 1;
    mysql_stmt_attr_set(handle, STMT_ATTR_UPDATE_MAX_LENGTH, &measure);
    *oldest = (struct statement){sql, handle, db->runs};
    *out_statement = oldest;
    return OUTCOME_DONE;
}

static void forget_statement(struct statement *statement)
{
    if (statement->handle) {
        mysql_stmt_close(statement->handle);
    }
    *statement = (struct statement){0};
}

static enum outcome execute(struct mariadb *db,
                            struct statement *statement,
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
        return failed(db,
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
        return failed(db,
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

/* What an error means. A connection that is lost is dropped at once; what the statement
 * on the way came to is the caller's to say (when_lost). */
static enum outcome failed(struct mariadb *db,
                           unsigned number,
                           const char *text,
                           enum outcome when_lost,
                           struct fault *fault)
{
    static const struct {
        unsigned number;
        bool is_away; /* the whole server is, not just these rows */
    } later[] = {
        {ER_LOCK_DEADLOCK, false},
        {ER_LOCK_WAIT_TIMEOUT, false},
        {ER_CHECKREAD, false},
        {ER_QUERY_INTERRUPTED, false},
        {ER_STATEMENT_TIMEOUT, false},
        {ER_NEED_REPREPARE, false},
        {ER_LOCK_TABLE_FULL, false},
        {ER_TOO_MANY_CONCURRENT_TRXS, false},
        /* No room, on disk or in memory. InnoDB says that its table is full. */
        {ER_RECORD_FILE_FULL, true},
        {ER_ERROR_ON_WRITE, true},
        {ER_GET_ERRNO, true},
        {ER_OUTOFMEMORY, true},
        {ER_OUT_OF_RESOURCES, true},
        {ER_DISK_FULL, true},
        {ER_OPTION_PREVENTS_STATEMENT, true},
        {ER_READ_ONLY_MODE, true},
        {SQL_WSREP_NOT_READY, true},
    };
    if (is_lost(number)) {
        enum outcome outcome =
            fault_set(fault, when_lost, "mariadb", (int)number, "%s", text);
        fault->neighbour = "mariadb";
        drop(db);
        return outcome;
    }
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        if (number == later[i].number) {
            enum outcome outcome =
                fault_set(fault, OUTCOME_LATER, "mariadb", (int)number, "%s", text);
            fault->neighbour = later[i].is_away ? "mariadb" : NULL;
            return outcome;
        }
    }
    return fault_set(fault, OUTCOME_NEVER, "mariadb", (int)number, "%s", text);
}

/* Connector/C's own errors are all about the connection; the server says these as its
 * last words. */
static bool is_lost(unsigned number)
{
    return (number >= CR_MIN_ERROR && number <= CR_MAX_ERROR) ||
           number == ER_SERVER_SHUTDOWN || number == ER_CONNECTION_KILLED ||
           number == ER_NORMAL_SHUTDOWN || number == ER_CON_COUNT_ERROR;
}
