/* SPDX-License-Identifier: MIT
 *
 * mariadb - a connection to MariaDB with prepared statements and transactions.
 *
 * Owns:    one connection (opened on first need, reopened when it broke) and its
 *          statements
 * Callers: worker (one per slot), ctl, the front door's reader threads, tests; one thread
 *          at a time
 * Blocks:  up to mariadb.connect_ms + query_ms a call
 * Order:   mariadb_open; mariadb_begin, mariadb_run ..., mariadb_commit; on any fault
 *          mariadb_rollback (which never fails: a broken connection is dropped)
 * Faults:  LATER with neighbour "mariadb" when it cannot be reached, went away, only reads
 *          or has no room; LATER without one on deadlock (1213) and lock wait (1205);
 *          UNSURE when the connection was lost during COMMIT, or while a statement outside
 *          a transaction wrote (neighbour "mariadb"); NEVER on any other SQL error, with
 *          its number as the code
 */
#ifndef COMMON_LINK_MARIADB_H
#define COMMON_LINK_MARIADB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct settings;
struct mariadb;

/* A value that goes in or comes out. Text also carries blobs, JSON, dates
 * ("2026-11-22 10:05:00.123", always UTC) and decimals. */
enum sql_type { SQL_NULL, SQL_INTEGER, SQL_TEXT };
struct sql_value {
    enum sql_type type;
    int64_t integer;
    struct span text;
};
#define SQL_I64(number)                                                                  \
    ((struct sql_value){.type = SQL_INTEGER, .integer = (int64_t)(number)})
#define SQL_SPAN(span_) ((struct sql_value){.type = SQL_TEXT, .text = (span_)})
#define SQL_STRING(string) ((struct sql_value){.type = SQL_TEXT, .text = span_of(string)})
#define SQL_NOTHING ((struct sql_value){.type = SQL_NULL})
/* NULL when the span is empty. */
struct sql_value sql_optional(struct span span);
/* A DATETIME(3) from milliseconds; NULL when 0. In the arena. */
struct sql_value sql_moment(struct arena *arena, int64_t wall_ms);

struct sql_rows {
    const struct sql_value *values; /* row after row, in the arena */
    size_t columns;
    size_t count; /* rows */
    int64_t affected; /* of INSERT, UPDATE, DELETE */
    int64_t insert_id; /* of the last AUTO_INCREMENT */
};
const struct sql_value *sql_at(const struct sql_rows *rows, size_t row, size_t column);
int64_t sql_i64(const struct sql_rows *rows, size_t row, size_t column); /* 0 when NULL */
struct span sql_text(const struct sql_rows *rows, size_t row, size_t column);
bool sql_is_null(const struct sql_rows *rows, size_t row, size_t column);

/* "(?, ?, ...)": behind IN, for a hundred values, of which NULLs find nothing. */
#define SQL_100_PLACES                                                                   \
    "(" SQL_10_PLACES ", " SQL_10_PLACES ", " SQL_10_PLACES ", " SQL_10_PLACES           \
    ", " SQL_10_PLACES ", " SQL_10_PLACES ", " SQL_10_PLACES ", " SQL_10_PLACES          \
    ", " SQL_10_PLACES ", " SQL_10_PLACES ")"
#define SQL_10_PLACES "?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

enum { MARIADB_MOST_ROWS = 10000 }; /* more rows than this is NEVER: page instead */

/* Whose rights the connection has. */
enum mariadb_user { MARIADB_WRITER, MARIADB_READER };

MUST_USE enum outcome mariadb_open(const struct settings *settings,
                                   enum mariadb_user user,
                                   struct mariadb **out_db,
                                   struct fault *fault);
void mariadb_close(struct mariadb *db); /* NULL does nothing */

MUST_USE enum outcome mariadb_begin(struct mariadb *db, struct fault *fault);
MUST_USE enum outcome mariadb_commit(struct mariadb *db, struct fault *fault);
void mariadb_rollback(struct mariadb *db); /* safe when nothing was begun */

/* One prepared statement. `sql` must be a string literal (statements are kept by its
 * address) with one ? for each value. `out_rows` may be NULL when none are expected. */
MUST_USE enum outcome mariadb_run(struct mariadb *db,
                                  const char *sql,
                                  const struct sql_value *values,
                                  size_t count,
                                  struct arena *arena,
                                  struct sql_rows *out_rows,
                                  struct fault *fault);
#define SQL_VALUES(...)                                                                  \
    (const struct sql_value[]){__VA_ARGS__},                                             \
        sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value)

/* Plain text SQL, possibly several statements (migrations only). */
MUST_USE enum outcome mariadb_script(struct mariadb *db,
                                     struct span sql,
                                     struct fault *fault);
/* Whether the last fault was a duplicate key (1062). */
bool mariadb_is_duplicate(const struct fault *fault);
/* False once the connection is known to be broken. */
bool mariadb_is_open(const struct mariadb *db);

#endif
