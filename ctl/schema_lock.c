/* SPDX-License-Identifier: MIT
 * The lock row of migrations, renewed by a thread while it is held. */
#include "ctl/schema_lock.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/link/mariadb.h"

enum { RENEW_S = SCHEMA_LOCK_S / 3, ASK_AGAIN_MS = 200 };

struct schema_lock {
    char token[SCHEMA_LOCK_TOKEN_BYTES];
    struct mariadb *db; /* the thread's own */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool leaving; /* under the mutex */
};

static enum outcome try_once(struct mariadb *db,
                             struct span token,
                             struct span who,
                             struct arena *arena,
                             bool *out_taken,
                             struct fault *fault);
static enum outcome ask_holder(struct mariadb *db,
                               struct arena *arena,
                               struct span *out_holder,
                               struct fault *fault);
static enum outcome start_renewing(const struct settings *settings,
                                   const char *token,
                                   struct schema_lock **out_lock,
                                   struct fault *fault);
static void *renew(void *argument);

enum outcome schema_lock_take(const struct settings *settings,
                              struct mariadb *db,
                              struct span who,
                              int64_t wait_ms,
                              struct arena *arena,
                              struct schema_lock **out_lock,
                              struct span *out_holder,
                              struct fault *fault)
{
    unsigned char random[16];
    char token[SCHEMA_LOCK_TOKEN_BYTES];
    digest_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(token + 2 * i, 3, "%02x", random[i]);
    }
    enum outcome outcome =
        mariadb_run(db,
                    "INSERT IGNORE INTO schema_lock (id, holder, token, expires_at)"
                    " VALUES (1, '', '', '1970-01-02 00:00:00')",
                    NULL,
                    0,
                    arena,
                    NULL,
                    fault);
    int64_t deadline_ms = clock_mono_ms(&clock_system) + wait_ms;
    bool taken = false;
    while (outcome == OUTCOME_DONE && !taken) {
        outcome = try_once(db, span_of(token), who, arena, &taken, fault);
        if (taken || clock_mono_ms(&clock_system) >= deadline_ms) {
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = ASK_AGAIN_MS * 1000000L}, NULL);
    }
    if (outcome == OUTCOME_DONE && !taken) {
        *out_lock = NULL;
        return ask_holder(db, arena, out_holder, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = start_renewing(settings, token, out_lock, fault);
    }
    return outcome;
}

/* A deadlock or a conflict between nodes means that another was quicker. */
static enum outcome try_once(struct mariadb *db,
                             struct span token,
                             struct span who,
                             struct arena *arena,
                             bool *out_taken,
                             struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(db,
                    "UPDATE schema_lock SET holder = ?, token = ?,"
                    " expires_at = NOW(3) + INTERVAL ? SECOND"
                    " WHERE id = 1 AND expires_at <= NOW(3)",
                    SQL_VALUES(SQL_SPAN(who), SQL_SPAN(token), SQL_I64(SCHEMA_LOCK_S)),
                    arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_LATER && !fault->neighbour) {
        *out_taken = false;
        return OUTCOME_DONE;
    }
    if (outcome == OUTCOME_DONE) {
        *out_taken = rows.affected == 1;
    }
    return outcome;
}

static enum outcome ask_holder(struct mariadb *db,
                               struct arena *arena,
                               struct span *out_holder,
                               struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(db,
                    "SELECT CONCAT(holder, ' until ', DATE_FORMAT(expires_at, '%T'),"
                    " ' UTC') FROM schema_lock WHERE id = 1",
                    NULL,
                    0,
                    arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE) {
        *out_holder = rows.count ? sql_text(&rows, 0, 0) : SPAN("nobody");
    }
    return outcome;
}

static enum outcome start_renewing(const struct settings *settings,
                                   const char *token,
                                   struct schema_lock **out_lock,
                                   struct fault *fault)
{
    struct schema_lock *lock = calloc(1, sizeof(*lock));
    if (!lock) {
        abort();
    }
    snprintf(lock->token, sizeof(lock->token), "%s", token);
    enum outcome outcome = mariadb_open(settings, MARIADB_WRITER, &lock->db, fault);
    if (outcome != OUTCOME_DONE) {
        free(lock);
        return outcome;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&lock->mutex, NULL);
    pthread_cond_init(&lock->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&lock->thread, NULL, renew, lock) != 0) {
        abort();
    }
    *out_lock = lock;
    return OUTCOME_DONE;
}

struct span schema_lock_token(const struct schema_lock *lock)
{
    return span_of(lock->token);
}

void schema_lock_give(struct schema_lock *lock, struct mariadb *db)
{
    if (!lock) {
        return;
    }
    pthread_mutex_lock(&lock->mutex);
    lock->leaving = true;
    pthread_cond_signal(&lock->wake);
    pthread_mutex_unlock(&lock->mutex);
    pthread_join(lock->thread, NULL);
    struct fault fault;
    enum outcome outcome = mariadb_run(db,
                                       "UPDATE schema_lock SET expires_at = NOW(3)"
                                       " WHERE id = 1 AND token = ?",
                                       SQL_VALUES(SQL_STRING(lock->token)),
                                       NULL,
                                       NULL,
                                       &fault);
    /* When it cannot be given back it runs out by itself. */
    (void)outcome;
    mariadb_close(lock->db);
    pthread_cond_destroy(&lock->wake);
    pthread_mutex_destroy(&lock->mutex);
    free(lock);
}

/* A renewal that fails is tried again at the next turn: there are two more before the row
 * runs out, and every step of the holder asks whether it did. */
static void *renew(void *argument)
{
    struct schema_lock *lock = argument;
    pthread_mutex_lock(&lock->mutex);
    while (!lock->leaving) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += RENEW_S;
        if (pthread_cond_timedwait(&lock->wake, &lock->mutex, &until) != ETIMEDOUT) {
            continue;
        }
        pthread_mutex_unlock(&lock->mutex);
        struct fault fault;
        enum outcome outcome =
            mariadb_run(lock->db,
                        "UPDATE schema_lock SET expires_at = NOW(3) + INTERVAL ? SECOND"
                        " WHERE id = 1 AND token = ? AND expires_at > NOW(3)",
                        SQL_VALUES(SQL_I64(SCHEMA_LOCK_S), SQL_STRING(lock->token)),
                        NULL,
                        NULL,
                        &fault);
        (void)outcome;
        pthread_mutex_lock(&lock->mutex);
    }
    pthread_mutex_unlock(&lock->mutex);
    return NULL;
}
