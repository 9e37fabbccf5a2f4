/* SPDX-License-Identifier: MIT
 * The connection itself: made when it is needed, dropped when it broke, and what its
 * errors mean. */
#include "common/link/mariadb_link.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include "common/link/mariadb.h"

/* Its number has another name in the headers. */
enum { SQL_WSREP_NOT_READY = 1047 };

static bool is_stale(const struct mariadb *db);
static enum outcome connect_link(struct mariadb *db, struct fault *fault);
static enum outcome prepare_session(struct mariadb *db, struct fault *fault);
static bool is_lost(unsigned number);

enum outcome mariadb_link_ready(struct mariadb *db, struct fault *fault)
{
    if (db->begun) {
        return db->link ? OUTCOME_DONE
                        : mariadb_link_failed(db,
                                              CR_SERVER_LOST,
                                              "it was lost earlier in this transaction",
                                              OUTCOME_LATER,
                                              fault);
    }
    if (db->link && is_stale(db)) {
        mariadb_link_drop(db);
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
        mariadb_link_drop(db);
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
    enum outcome outcome = mariadb_link_text(db, text_span(&sql), OUTCOME_LATER, fault);
    text_done(&sql);
    if (outcome != OUTCOME_DONE) {
        mariadb_link_drop(db);
    }
    return outcome;
}

void mariadb_link_drop(struct mariadb *db)
{
    /* The connection goes first: its statements are then freed without a word to the
     * server for each. */
    if (db->link) {
        mysql_close(db->link);
        db->link = NULL;
    }
    for (size_t i = 0; i < MARIADB_STATEMENTS; i++) {
        mariadb_statement_forget(&db->statements[i]);
    }
}

enum outcome mariadb_link_text(struct mariadb *db,
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
        return mariadb_link_failed(db,
                                   mysql_errno(db->link),
                                   mysql_error(db->link),
                                   when_lost,
                                   fault);
    }
    return OUTCOME_DONE;
}

enum outcome mariadb_link_failed(struct mariadb *db,
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
        mariadb_link_drop(db);
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

bool mariadb_is_duplicate(const struct fault *fault)
{
    return fault->module && strcmp(fault->module, "mariadb") == 0 &&
           fault->code == ER_DUP_ENTRY;
}
