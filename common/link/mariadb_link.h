/* SPDX-License-Identifier: MIT
 *
 * mariadb_link - what the files of mariadb share: the connection behind a struct mariadb,
 * and what its errors mean.
 *
 * Owns:    the connection and its statements
 * Callers: mariadb.c, mariadb_statement.c
 * Blocks:  as mariadb.h says
 * Faults:  as mariadb.h says
 */
#ifndef COMMON_LINK_MARIADB_LINK_H
#define COMMON_LINK_MARIADB_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct st_mysql;
struct st_mysql_stmt;

/* A worker of 32 slots holds at most 2,048 statements of the server's 16,382. */
enum { MARIADB_STATEMENTS = 64 };

struct mariadb_statement {
    const char *sql; /* its address is the key; NULL: the place is free */
    struct st_mysql_stmt *handle;
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
    struct st_mysql *link; /* NULL: not connected */
    bool begun; /* between begin and commit or rollback, also when the link is gone */
    uint64_t runs;
    struct mariadb_statement statements[MARIADB_STATEMENTS];
};

/* Connected, or LATER. Within a transaction a lost connection is not replaced: what was
 * done before it is gone, and the rest must not be done alone. */
MUST_USE enum outcome mariadb_link_ready(struct mariadb *db, struct fault *fault);
void mariadb_link_drop(struct mariadb *db); /* safe when it is not there */
/* Text SQL whose rows, if any, nobody wants. */
MUST_USE enum outcome mariadb_link_text(struct mariadb *db,
                                        struct span sql,
                                        enum outcome when_lost,
                                        struct fault *fault);
/* What an error means. A connection that is lost is dropped at once; what the statement
 * on the way came to is the caller's to say (when_lost). */
MUST_USE enum outcome mariadb_link_failed(struct mariadb *db,
                                          unsigned number,
                                          const char *text,
                                          enum outcome when_lost,
                                          struct fault *fault);

/* mariadb_statement.c: closes it, when there is one. */
void mariadb_statement_forget(struct mariadb_statement *statement);

#endif
