/* SPDX-License-Identifier: MIT
 * Looks again and again, as seldom as may be. */
#include "api/batch_watch.h"

#include "api/counters.h"
#include "api/loop.h"
#include "api/reader.h"
#include "api/request.h"
#include "api/session.h"
#include "common/base/log.h"
#include "common/link/mariadb.h"

enum { SCRATCH_BYTES = 16 << 20 };

static void look(struct watch *watch);
static enum outcome read_view(struct mariadb *db,
                              struct arena *arena,
                              void *context,
                              struct fault *fault);
static enum outcome check_session(const struct watch *watch,
                                  struct mariadb *db,
                                  struct arena *arena,
                                  bool *out_ended,
                                  struct fault *fault);
static void on_looked(struct request *request,
                      void *context,
                      enum outcome outcome,
                      const struct fault *fault);
static void on_left(struct request *request, void *context);
static void tell(struct watch *watch, enum watched watched);
static void take_off(struct watch *watch);
static void append(struct watch *watch);
static void cut(struct watch *watch);

void batch_watch_add(struct request *request, struct watch *watch)
{
    struct loop *loop = request->loop;
    int64_t now_ms = loop_mono_ms(loop);
    watch->request = request;
    watch->pace_ms = watch->every_ms;
    watch->next_ms = now_ms + watch->every_ms;
    watch->told_ms = now_ms;
    watch->looking = false;
    watch->alone = false;
    append(watch);
    request->left = on_left;
    request->left_context = watch;
}

void batch_watch_tick(struct loop *loop, int64_t now_ms)
{
    struct watch *behind = NULL;
    for (struct watch *watch = loop->watches; watch; watch = behind) {
        behind = watch->behind;
        if (watch->looking) {
            continue;
        }
        if (!watch->request->connection) {
            tell(watch, WATCHED_LEFT);
        } else if (watch->view->waiting_count == 0) {
            tell(watch, WATCHED_DONE);
        } else if (loop->draining) {
            tell(watch, WATCHED_LEAVING);
        } else if (now_ms >= watch->until_ms) {
            tell(watch, WATCHED_LATE);
        } else if (now_ms >= watch->next_ms && loop->looks < WATCH_LOOKS) {
            look(watch);
        }
    }
}

void batch_watch_close(struct loop *loop)
{
    struct watch *behind = NULL;
    for (struct watch *watch = loop->watches; watch; watch = behind) {
        behind = watch->behind;
        watch->alone = true;
    }
    loop->watches = NULL;
    loop->last_watch = NULL;
}

static void look(struct watch *watch)
{
    struct loop *loop = watch->request->loop;
    watch->looking = true;
    watch->changed = false;
    watch->ended = false;
    loop->looks++;
    counter_add(&loop->counters->batch_looks, 1);
    reader_ask(watch->request, read_view, on_looked, watch);
}

/* On a thread. What it reads is not kept: a request that asks for minutes would fill its
 * arena. */
static enum outcome read_view(struct mariadb *db,
                              struct arena *arena,
                              void *context,
                              struct fault *fault)
{
    struct watch *watch = context;
    struct arena scratch;
    (void)arena;
    size_t waiting = watch->view->waiting_count;
    arena_init(&scratch, SCRATCH_BYTES);
    enum outcome outcome = check_session(watch, db, &scratch, &watch->ended, fault);
    if (outcome == OUTCOME_DONE && !watch->ended) {
        outcome = batch_view_look(watch->view, db, &scratch, fault);
    }
    arena_done(&scratch);
    watch->changed = watch->view->waiting_count != waiting;
    return outcome;
}

static enum outcome check_session(const struct watch *watch,
                                  struct mariadb *db,
                                  struct arena *arena,
                                  bool *out_ended,
                                  struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(db,
                    "SELECT 1 FROM sessions JOIN users ON users.id = sessions.user_id"
                    " WHERE sessions.token_hash = ?"
                    " AND sessions.expires_at > CURRENT_TIMESTAMP(3)"
                    " AND users.disabled_at IS NULL",
                    SQL_VALUES(SQL_STRING(watch->request->session->token_hash)),
                    arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE) {
        *out_ended = rows.count == 0;
    }
    return outcome;
}

static void on_looked(struct request *request,
                      void *context,
                      enum outcome outcome,
                      const struct fault *fault)
{
    struct watch *watch = context;
    int64_t now_ms = loop_mono_ms(request->loop);
    watch->looking = false;
    request->loop->looks--;
    if (!watch->alone) {
        cut(watch);
        append(watch);
    }
    if (outcome != OUTCOME_DONE) {
        log_debug("a batch could not be looked at",
                  LOG_TEXT("request", request->id),
                  LOG_FAULT(fault));
    }
    watch->pace_ms = watch->changed ? watch->every_ms : watch->pace_ms * 3 / 2;
    watch->pace_ms =
        watch->pace_ms < watch->slowest_ms ? watch->pace_ms : watch->slowest_ms;
    watch->next_ms = now_ms + watch->pace_ms;
    if (!request->connection) {
        tell(watch, WATCHED_LEFT);
    } else if (watch->ended) {
        tell(watch, WATCHED_ENDED);
    } else if (watch->view->waiting_count == 0) {
        tell(watch, WATCHED_DONE);
    } else if (watch->changed) {
        tell(watch, WATCHED_CHANGED);
    } else if (watch->quiet_ms > 0 && now_ms - watch->told_ms >= watch->quiet_ms) {
        tell(watch, WATCHED_QUIET);
    }
}

/* While a thread has the request, it stays until that one gives it back. */
static void on_left(struct request *request, void *context)
{
    struct watch *watch = context;
    (void)request;
    if (!watch->looking) {
        tell(watch, WATCHED_LEFT);
    }
}

/* It may be gone afterwards. */
static void tell(struct watch *watch, enum watched watched)
{
    struct request *request = watch->request;
    watch->told_ms = loop_mono_ms(request->loop);
    if (watched != WATCHED_CHANGED && watched != WATCHED_QUIET) {
        take_off(watch);
    }
    watch->tell(request, watch->context, watched);
}

static void take_off(struct watch *watch)
{
    struct request *request = watch->request;
    request->left = NULL;
    if (!watch->alone) {
        cut(watch);
    }
}

static void append(struct watch *watch)
{
    struct loop *loop = watch->request->loop;
    watch->before = loop->last_watch;
    watch->behind = NULL;
    if (watch->before) {
        watch->before->behind = watch;
    } else {
        loop->watches = watch;
    }
    loop->last_watch = watch;
}

static void cut(struct watch *watch)
{
    struct loop *loop = watch->request->loop;
    if (watch->before) {
        watch->before->behind = watch->behind;
    } else {
        loop->watches = watch->behind;
    }
    if (watch->behind) {
        watch->behind->before = watch->before;
    } else {
        loop->last_watch = watch->before;
    }
}
