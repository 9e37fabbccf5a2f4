/* SPDX-License-Identifier: MIT
 * From a token to a session: memory, then Redis, then MariaDB. */
#include "api/session.h"

#include <string.h>

#include "api/counters.h"
#include "api/door.h"
#include "api/floods.h"
#include "api/loop.h"
#include "api/reader.h"
#include "api/redis_async.h"
#include "api/request.h"
#include "api/session_cache.h"
#include "api/session_extend.h"
#include "api/session_token.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/session_store.h"

enum { COMMAND_ARENA_BYTES = 64 * 1024, READINGS_MOST = 3 };

/* Who is looked for; in the request's arena. */
struct lookup {
    void (*next)(struct request *request);
    struct digest hash;
    char hash_hex[DIGEST_HEX_BYTES];
    bool from_cookie;
    bool placed; /* among the unknown tokens of its address (floods.h) */
    int readings;
    bool found; /* of MariaDB's row */
    struct stored_session stored;
};

static void look_in_redis(struct request *request, struct lookup *lookup);
static void on_redis(void *context,
                     enum outcome outcome,
                     const struct reply *reply,
                     const struct fault *fault);
static void look_further(struct request *request, struct lookup *lookup);
static bool may_look(struct request *request, struct lookup *lookup);
static void look_in_mariadb(struct request *request, struct lookup *lookup);
static enum outcome read_row(struct mariadb *db,
                             struct arena *arena,
                             void *context,
                             struct fault *fault);
static void on_row(struct request *request,
                   void *context,
                   enum outcome outcome,
                   const struct fault *fault);
static void keep_in_redis(struct request *request, const struct lookup *lookup);
static void on_kept(void *context,
                    enum outcome outcome,
                    const struct reply *reply,
                    const struct fault *fault);
static void let_in(struct request *request,
                   const struct lookup *lookup,
                   const struct stored_session *stored);
static void refuse(struct request *request, bool had_token);
static int64_t now_of(const struct loop *loop);

/* What a callback of Redis gets: a lookup does not know its request. */
struct looking {
    struct request *request;
    struct lookup *lookup;
};

void session_find(struct request *request, void (*next)(struct request *request))
{
    struct loop *loop = request->loop;
    struct digest hash;
    bool from_cookie = false;
    enum session_token token = session_token_find(request, &hash, &from_cookie);
    if (token != SESSION_TOKEN_THERE) {
        refuse(request, token == SESSION_TOKEN_BAD);
        return;
    }
    if (from_cookie && session_is_cross_site(request)) {
        request_problem(request, PROBLEM_CROSS_SITE);
        return;
    }
    struct lookup *lookup = ARENA_NEW(&request->arena, struct lookup);
    *lookup = (struct lookup){.next = next, .hash = hash, .from_cookie = from_cookie};
    digest_hex(&hash, lookup->hash_hex);
    const struct stored_session *known =
        session_cache_find(loop->sessions, &hash, now_of(loop));
    if (known) {
        let_in(request, lookup, known);
        return;
    }
    request_keep(request);
    look_in_redis(request, lookup);
}

void session_forget(struct loop *loop, struct span token_hash)
{
    struct digest hash;
    if (digest_from_hex(token_hash, &hash)) {
        session_cache_end(loop->sessions, &hash, now_of(loop));
    }
}

void session_forget_user(struct loop *loop, int64_t user_id)
{
    session_cache_end_user(loop->sessions, user_id, now_of(loop));
}

void session_hear(struct loop *loop, struct span message)
{
    struct session_ended ended;
    if (!session_store_hear(message, &ended)) {
        if (loop_may_warn(loop)) {
            log_warning("a message about sessions makes no sense",
                        LOG_NUMBER("bytes", message.len));
        }
    } else if (ended.token_hash.len > 0) {
        session_forget(loop, ended.token_hash);
    } else {
        session_forget_user(loop, ended.user_id);
    }
}

void session_missed(struct loop *loop)
{
    session_cache_end_all(loop->sessions, now_of(loop));
}

static void look_in_redis(struct request *request, struct lookup *lookup)
{
    struct loop *loop = request->loop;
    struct looking *looking = ARENA_NEW(&request->arena, struct looking);
    struct arena arena;
    struct fault fault;
    *looking = (struct looking){request, lookup};
    arena_init(&arena, COMMAND_ARENA_BYTES);
    struct command command = session_store_get(&arena, span_of(lookup->hash_hex));
    enum outcome outcome = redis_async_send(loop->redis,
                                            &command,
                                            loop->door->settings->api.redis_ms,
                                            on_redis,
                                            looking,
                                            &fault);
    arena_done(&arena);
    if (outcome != OUTCOME_DONE) {
        look_further(request, lookup);
    }
}

/* Whatever is wrong with Redis or with what it has, MariaDB knows. */
static void on_redis(void *context,
                     enum outcome outcome,
                     const struct reply *reply,
                     const struct fault *fault)
{
    struct looking *looking = context;
    struct request *request = looking->request;
    struct lookup *lookup = looking->lookup;
    struct loop *loop = request->loop;
    bool found = false;
    struct stored_session stored;
    struct fault bad;
    if (outcome == OUTCOME_DONE) {
        outcome = session_store_read(reply,
                                     loop->door->ring,
                                     span_of(lookup->hash_hex),
                                     &request->arena,
                                     &found,
                                     &stored,
                                     &bad);
        fault = &bad;
    }
    if (outcome != OUTCOME_DONE) {
        log_debug("redis does not say whose session it is", LOG_FAULT(fault));
    }
    if (outcome == OUTCOME_DONE && found &&
        session_cache_believes(loop->sessions,
                               &lookup->hash,
                               &stored,
                               SESSION_CLOCKS_MS,
                               now_of(loop))) {
        session_cache_put(loop->sessions, &lookup->hash, &stored);
        let_in(request, lookup, &stored);
        return;
    }
    look_further(request, lookup);
}

static void look_further(struct request *request, struct lookup *lookup)
{
    if (may_look(request, lookup)) {
        look_in_mariadb(request, lookup);
    }
}

/* All share the line before MariaDB, and an address that guesses must not fill it. False
 * when the request is answered. */
static bool may_look(struct request *request, struct lookup *lookup)
{
    struct loop *loop = request->loop;
    struct floods *floods = loop->door->floods;
    if (floods_knows(floods, &lookup->hash)) {
        return true;
    }
    lookup->placed = floods_enter(floods, FLOOD_TOKENS, &request->client, FLOODS_TOKENS);
    if (!lookup->placed) {
        counter_add(&loop->counters->tokens_refused, 1);
        request_problem_with(request,
                             PROBLEM_TOO_MANY_REQUESTS,
                             NULL,
                             0,
                             (struct span){NULL, 0},
                             SPAN("Retry-After: 1\r\n"));
        return false;
    }
    return true;
}

static void look_in_mariadb(struct request *request, struct lookup *lookup)
{
    lookup->readings++;
    lookup->found = false;
    lookup->stored.read_ms = now_of(request->loop);
    reader_ask(request, read_row, on_row, lookup);
}

static enum outcome read_row(struct mariadb *db,
                             struct arena *arena,
                             void *context,
                             struct fault *fault)
{
    struct lookup *lookup = context;
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(db,
                    "SELECT u.id, u.role, u.amicale_id,"
                    " CAST(UNIX_TIMESTAMP(s.expires_at) * 1000 AS SIGNED) FROM sessions s"
                    " JOIN users u ON u.id = s.user_id"
                    " WHERE s.token_hash = ? AND u.disabled_at IS NULL",
                    SQL_VALUES(SQL_STRING(lookup->hash_hex)),
                    arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE || rows.count == 0) {
        return outcome;
    }
    lookup->found = role_find(sql_text(&rows, 0, 1), &lookup->stored.role);
    lookup->stored.user_id = sql_i64(&rows, 0, 0);
    lookup->stored.amicale_id = sql_i64(&rows, 0, 2);
    lookup->stored.expires_ms = sql_i64(&rows, 0, 3);
    return outcome;
}

static void on_row(struct request *request,
                   void *context,
                   enum outcome outcome,
                   const struct fault *fault)
{
    struct lookup *lookup = context;
    struct loop *loop = request->loop;
    struct floods *floods = loop->door->floods;
    int64_t now_ms = now_of(loop);
    if (lookup->placed) {
        lookup->placed = false;
        floods_leave(floods, FLOOD_TOKENS, &request->client);
    }
    if (outcome != OUTCOME_DONE) {
        reader_failed(request, fault);
        return;
    }
    if (!lookup->found || lookup->stored.expires_ms <= now_ms) {
        floods_forget(floods, &lookup->hash);
        refuse(request, true);
        return;
    }
    if (session_cache_believes(loop->sessions,
                               &lookup->hash,
                               &lookup->stored,
                               0,
                               now_ms)) {
        session_cache_put(loop->sessions, &lookup->hash, &lookup->stored);
        keep_in_redis(request, lookup);
    } else if (lookup->readings < READINGS_MOST) {
        look_in_mariadb(request, lookup); /* an end was heard of while it was read */
        return;
    }
    let_in(request, lookup, &lookup->stored);
}

static void keep_in_redis(struct request *request, const struct lookup *lookup)
{
    const struct stored_session *stored = &lookup->stored;
    struct loop *loop = request->loop;
    struct arena arena;
    struct fault fault;
    int64_t now_ms = now_of(loop);
    int64_t until_ms = stored->read_ms + SESSION_BELIEVED_MS;
    until_ms = stored->expires_ms < until_ms ? stored->expires_ms : until_ms;
    if (until_ms <= now_ms) {
        return;
    }
    arena_init(&arena, COMMAND_ARENA_BYTES);
    struct command command = session_store_put(&arena,
                                               loop->door->ring,
                                               span_of(lookup->hash_hex),
                                               stored,
                                               until_ms - now_ms);
    if (redis_async_send(loop->redis,
                         &command,
                         loop->door->settings->api.redis_ms,
                         on_kept,
                         NULL,
                         &fault) != OUTCOME_DONE) {
        log_debug("a session is not kept in redis", LOG_FAULT(&fault));
    }
    arena_done(&arena);
}

static void on_kept(void *context,
                    enum outcome outcome,
                    const struct reply *reply,
                    const struct fault *fault)
{
    (void)context;
    (void)reply;
    if (outcome != OUTCOME_DONE) {
        log_debug("a session is not kept in redis", LOG_FAULT(fault));
    }
}

static void let_in(struct request *request,
                   const struct lookup *lookup,
                   const struct stored_session *stored)
{
    struct session *session = ARENA_NEW(&request->arena, struct session);
    *session = (struct session){.user_id = stored->user_id,
                                .role = stored->role,
                                .amicale_id = stored->amicale_id,
                                .expires_ms = stored->expires_ms,
                                .from_cookie = lookup->from_cookie};
    memcpy(session->token_hash, lookup->hash_hex, sizeof(session->token_hash));
    request->session = session;
    floods_know(request->loop->door->floods, &lookup->hash);
    session_extend(request, &lookup->hash);
    lookup->next(request);
}

/* RFC 6750, 3: without a token no more than the scheme is said. */
static void refuse(struct request *request, bool had_token)
{
    request_problem_with(
        request,
        PROBLEM_UNAUTHENTICATED,
        NULL,
        0,
        (struct span){NULL, 0},
        had_token ? SPAN("WWW-Authenticate: Bearer error=\"invalid_token\"\r\n")
                  : SPAN("WWW-Authenticate: Bearer\r\n"));
}

static int64_t now_of(const struct loop *loop)
{
    return clock_wall_ms(loop->door->clock);
}
