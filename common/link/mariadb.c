/* SPDX-License-Identifier: MIT
 * A connection to MariaDB from open to close, and its transactions. */
#include "common/link/mariadb.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include <errmsg.h>
#include <mysql.h>

#include "common/base/settings.h"
#include "common/link/mariadb_link.h"

static void start_library(void);

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

/* Connector/C wants this done once before threads use it; it needs nothing per thread. */
static void start_library(void)
{
    if (mysql_library_init(0, NULL, NULL) != 0) {
        abort();
    }
}

void mariadb_close(struct mariadb *db)
{
    if (!db) {
        return;
    }
    mariadb_link_drop(db);
    if (db->password.at) {
        text_wipe(&db->password);
    }
    free(db);
}

enum outcome mariadb_begin(struct mariadb *db, struct fault *fault)
{
    assert(!db->begun);
    enum outcome outcome = mariadb_link_ready(db, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_link_text(db, SPAN("START TRANSACTION"), OUTCOME_LATER, fault);
    }
    db->begun = outcome == OUTCOME_DONE;
    return outcome;
}

enum outcome mariadb_commit(struct mariadb *db, struct fault *fault)
{
    assert(db->begun);
    if (!db->link) {
        /* It was lost before COMMIT was sent: the server rolls back by itself. */
        return mariadb_link_failed(db,
                                   CR_SERVER_LOST,
                                   "it was lost earlier",
                                   OUTCOME_LATER,
                                   fault);
    }
    if (mysql_real_query(db->link, "COMMIT", 6) != 0) {
        return mariadb_link_failed(db,
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
        mariadb_link_drop(db);
    }
    db->begun = false;
}

enum outcome mariadb_script(struct mariadb *db, struct span sql, struct fault *fault)
{
    enum outcome outcome = mariadb_link_ready(db, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    /* Several statements at once are allowed here and nowhere else. */
    if (mysql_set_server_option(db->link, MYSQL_OPTION_MULTI_STATEMENTS_ON) != 0) {
        return mariadb_link_failed(db,
                                   mysql_errno(db->link),
                                   mysql_error(db->link),
                                   OUTCOME_LATER,
                                   fault);
    }
    outcome = mariadb_link_text(db, sql, OUTCOME_UNSURE, fault);
    /* A connection that may still take several statements is not fit for anything else.
     */
    if (db->link &&
        (outcome != OUTCOME_DONE ||
         mysql_set_server_option(db->link, MYSQL_OPTION_MULTI_STATEMENTS_OFF) != 0)) {
        mariadb_link_drop(db);
    }
    return outcome;
}

bool mariadb_is_open(const struct mariadb *db)
{
    return db->link != NULL;
}
