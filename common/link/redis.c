/* SPDX-License-Identifier: MIT
 * The blocking connection to Redis: commands out, replies into the arena, both under one
 * deadline. hiredis reads the protocol; the socket and the time are ours, since its
 * blocking calls limit each read and write but never the whole. */
#include "common/link/redis.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hiredis/read.h>

#include "common/base/clock.h"
#include "common/base/settings.h"
#include "common/base/text.h"
#include "common/link/dial.h"
#include "common/link/queue.h"

enum {
    /* Most bytes of the commands of one call: a full batch of jobs fits many times. */
    SEND_MOST_BYTES = 256 << 20,
    READ_BYTES = 64 * 1024,
    SIGN_IN_ARENA_BYTES = 64 * 1024,
    SCRIPTS_ARENA_BYTES = 4 << 20,
};

struct redis {
    struct dial dial;
    const char *username; /* borrowed from the settings; empty: Redis' default user */
    struct text password; /* empty: none is sent */
    int64_t connect_ms;
    int64_t command_ms;
    int fd; /* -1: not connected */
    redisReader *reader;
    struct text out; /* what is being sent */
};

/* One round trip in work. */
struct exchange {
    struct redis *redis;
    int64_t deadline_ms;
    struct arena *arena; /* for the replies */
    struct reply *replies;
    size_t count; /* replies wanted */
    size_t got;
    size_t sent; /* bytes of redis->out */
};

static enum outcome make_ready(struct redis *redis, struct fault *fault);
static void drop(struct redis *redis);
static bool is_stale(const struct redis *redis);
static enum outcome sign_in(struct redis *redis,
                            int64_t deadline_ms,
                            struct fault *fault);
static enum outcome call_all(struct redis *redis,
                             const struct command *commands,
                             size_t count,
                             int64_t patience_ms,
                             struct arena *arena,
                             struct reply *replies,
                             struct fault *fault);
static size_t pick_unknown_scripts(const struct command *commands,
                                   const struct reply *replies,
                                   size_t count,
                                   size_t *picks);
static enum outcome repeat_unknown(struct redis *redis,
                                   const struct command *commands,
                                   const size_t *picks,
                                   size_t count,
                                   int64_t deadline_ms,
                                   struct arena *arena,
                                   struct reply *replies,
                                   struct fault *fault);
static struct command with_source(const struct command *command,
                                  const struct command *before,
                                  size_t count,
                                  struct arena *arena);
static void encode(struct text *out, const struct command *command);
static enum outcome exchange(struct redis *redis,
                             const struct command *commands,
                             size_t count,
                             int64_t deadline_ms,
                             struct arena *arena,
                             struct reply *replies,
                             struct fault *fault);
static enum outcome exchange_step(struct exchange *exchange, struct fault *fault);
static enum outcome exchange_send(struct exchange *exchange, struct fault *fault);
static enum outcome exchange_read(struct exchange *exchange, struct fault *fault);
static enum outcome exchange_parse(struct exchange *exchange, struct fault *fault);
static enum outcome exchange_broke(const struct exchange *exchange,
                                   const char *why,
                                   struct fault *fault);
static void *place(const redisReadTask *task, enum reply_type type, size_t bytes);
static void *put_text(const redisReadTask *task, char *at, size_t len);
static void *put_list(const redisReadTask *task, int count);
static void *put_integer(const redisReadTask *task, long long number);
static void *put_nothing(const redisReadTask *task);
static void warn_unless(struct text *warnings,
                        const struct reply *reply,
                        const char *name,
                        const char *wanted,
                        const char *why);

/* Replies are built in the arena as they are read; nothing is freed one by one. */
static redisReplyObjectFunctions builders = {
    .createString = put_text,
    .createArray = put_list,
    .createInteger = put_integer,
    .createNil = put_nothing,
    .freeObject = NULL,
};

enum outcome redis_open(const struct settings *settings,
                        struct redis **out_redis,
                        struct fault *fault)
{
    struct redis *redis = calloc(1, sizeof(*redis));
    if (!redis) {
        abort();
    }
    redis->fd = -1;
    redis->username = settings->redis.username;
    redis->connect_ms = settings->redis.connect_ms;
    redis->command_ms = settings->redis.command_ms;
    text_init(&redis->out, SEND_MOST_BYTES);
    enum outcome outcome = dial_init(&redis->dial, settings->redis.address, fault);
    const char *file = settings->redis.password_file;
    if (outcome == OUTCOME_DONE && file && file[0] != '\0') {
        outcome = settings_read_secret(file, &redis->password, fault);
    }
    if (outcome != OUTCOME_DONE) {
        redis_close(redis);
        return outcome;
    }
    *out_redis = redis;
    return OUTCOME_DONE;
}

void redis_close(struct redis *redis)
{
    if (!redis) {
        return;
    }
    drop(redis);
    dial_done(&redis->dial);
    text_wipe(&redis->password);
    text_done(&redis->out);
    free(redis);
}

enum outcome redis_call(struct redis *redis,
                        const struct command *command,
                        struct arena *arena,
                        struct reply *out_reply,
                        struct fault *fault)
{
    return redis_call_waiting(redis, command, 0, arena, out_reply, fault);
}

enum outcome redis_call_waiting(struct redis *redis,
                                const struct command *command,
                                int64_t extra_ms,
                                struct arena *arena,
                                struct reply *out_reply,
                                struct fault *fault)
{
    struct reply reply = {0};
    enum outcome outcome =
        call_all(redis, command, 1, redis->command_ms + extra_ms, arena, &reply, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (reply.type == REPLY_ERROR) {
        /* A replica that was a master keeps its sockets: only a new dial finds the new
         * one. */
        if (span_starts(reply.text, "READONLY")) {
            drop(redis);
        }
        return redis_error(&reply, fault);
    }
    *out_reply = reply;
    return OUTCOME_DONE;
}

enum outcome redis_pipeline(struct redis *redis,
                            const struct command *commands,
                            size_t count,
                            struct arena *arena,
                            struct reply *out_replies,
                            struct fault *fault)
{
    return call_all(redis, commands, count, redis->command_ms, arena, out_replies, fault);
}

struct command redis_command(struct arena *arena, ...)
{
    va_list words;
    va_start(words, arena);
    va_list again;
    va_copy(again, words);
    int count = 0;
    while (va_arg(words, const char *)) {
        count++;
    }
    va_end(words);
    struct command command = {.count = count};
    command.args = ARENA_ARRAY(arena, const char *, (size_t)count);
    command.lens = ARENA_ARRAY(arena, size_t, (size_t)count);
    for (int i = 0; i < count; i++) {
        struct span word = span_of(va_arg(again, const char *));
        command.args[i] = arena_copy(arena, word);
        command.lens[i] = word.len;
    }
    va_end(again);
    return command;
}

enum outcome redis_error(const struct reply *reply, struct fault *fault)
{
    assert(reply->type == REPLY_ERROR);
    static const struct {
        const char *starts;
        enum outcome outcome;
        int code;
    } errors[] = {
        {"OOM ", OUTCOME_LATER, REDIS_FULL},
        {"LOADING ", OUTCOME_LATER, REDIS_NOT_READY},
        {"MASTERDOWN ", OUTCOME_LATER, REDIS_NOT_READY},
        {"READONLY ", OUTCOME_LATER, REDIS_NOT_READY},
        {"BUSY ", OUTCOME_LATER, REDIS_NOT_READY},
        {"TRYAGAIN ", OUTCOME_LATER, REDIS_NOT_READY},
        {"CLUSTERDOWN ", OUTCOME_LATER, REDIS_NOT_READY},
        {"NOREPLICAS ", OUTCOME_LATER, REDIS_NOT_READY},
        {"MISCONF ", OUTCOME_LATER, REDIS_NOT_READY}, /* its disk refuses the log */
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (span_starts(reply->text, errors[i].starts)) {
            return fault_set(fault,
                             errors[i].outcome,
                             "redis",
                             errors[i].code,
                             "%.*s",
                             SPAN_ARGS(reply->text));
        }
    }
    return fault_set(fault,
                     OUTCOME_NEVER,
                     "redis",
                     REDIS_REFUSED,
                     "%.*s",
                     SPAN_ARGS(reply->text));
}

enum outcome redis_check_durability(struct redis *redis,
                                    struct arena *arena,
                                    struct text *warnings,
                                    struct fault *fault)
{
    static const struct {
        const char *name;
        const char *wanted;
        const char *why;
    } checks[] = {
        {"appendonly", "yes", "a restart forgets acknowledged jobs"},
        {"appendfsync", "always", "a power cut forgets the last acknowledged jobs"},
        {"maxmemory-policy", "noeviction", "Redis drops jobs when its memory is full"},
    };
    enum { CHECKS = sizeof(checks) / sizeof(checks[0]) };
    struct command commands[CHECKS];
    struct reply replies[CHECKS] = {0};
    for (int i = 0; i < CHECKS; i++) {
        commands[i] = redis_command(arena, "CONFIG", "GET", checks[i].name, NULL);
    }
    enum outcome outcome = redis_pipeline(redis, commands, CHECKS, arena, replies, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    for (int i = 0; i < CHECKS; i++) {
        if (replies[i].type == REPLY_ERROR) {
            return redis_error(&replies[i], fault);
        }
    }
    for (int i = 0; i < CHECKS; i++) {
        warn_unless(warnings,
                    &replies[i],
                    checks[i].name,
                    checks[i].wanted,
                    checks[i].why);
    }
    return OUTCOME_DONE;
}

enum outcome redis_load_scripts(struct redis *redis, struct fault *fault)
{
    struct arena arena;
    arena_init(&arena, SCRIPTS_ARENA_BYTES);
    size_t count = queue_scripts_count;
    struct command *commands = ARENA_ARRAY(&arena, struct command, count);
    struct reply *replies = ARENA_ARRAY(&arena, struct reply, count);
    for (size_t i = 0; i < count; i++) {
        commands[i] =
            redis_command(&arena, "SCRIPT", "LOAD", queue_scripts[i].source, NULL);
    }
    enum outcome outcome = redis_pipeline(redis, commands, count, &arena, replies, fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < count; i++) {
        if (replies[i].type == REPLY_ERROR) {
            outcome = redis_error(&replies[i], fault);
        } else {
            assert(span_is(replies[i].text, queue_scripts[i].sha1));
        }
    }
    arena_done(&arena);
    return outcome;
}

/* A connection that is good as far as can be seen without asking. */
static enum outcome make_ready(struct redis *redis, struct fault *fault)
{
    if (redis->fd >= 0 && is_stale(redis)) {
        drop(redis);
    }
    if (redis->fd >= 0) {
        return OUTCOME_DONE;
    }
    int64_t deadline_ms = clock_mono_ms(&clock_system) + redis->connect_ms;
    struct fault why;
    enum outcome outcome = dial_open(&redis->dial, deadline_ms, &redis->fd, &why);
    if (outcome != OUTCOME_DONE) {
        redis->fd = -1;
        return fault_set(fault, outcome, "redis", REDIS_UNREACHABLE, "%s", why.text);
    }
    redis->reader = redisReaderCreateWithFunctions(&builders);
    if (!redis->reader) {
        abort();
    }
    outcome = sign_in(redis, deadline_ms, fault);
    if (outcome != OUTCOME_DONE) {
        drop(redis);
    }
    return outcome;
}

static void drop(struct redis *redis)
{
    if (redis->fd >= 0) {
        close(redis->fd);
        redisReaderFree(redis->reader);
    }
    redis->fd = -1;
    redis->reader = NULL;
}

/* Between calls nothing may arrive: bytes, an end or an error all mean that Redis left.
 * Seen before a command is sent, it costs a new dial and no doubt about the command. */
static bool is_stale(const struct redis *redis)
{
    char byte;
    ssize_t got = recv(redis->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static enum outcome sign_in(struct redis *redis, int64_t deadline_ms, struct fault *fault)
{
    if (redis->password.len == 0) {
        return OUTCOME_DONE;
    }
    const char *password = redis->password.at;
    bool named = redis->username && redis->username[0] != '\0';
    const char *args[] = {"AUTH", named ? redis->username : password, password};
    size_t lens[] = {strlen(args[0]), strlen(args[1]), strlen(args[2])};
    struct command command = {.count = named ? 3 : 2, .args = args, .lens = lens};
    struct arena arena;
    arena_init(&arena, SIGN_IN_ARENA_BYTES);
    struct reply reply = {0};
    enum outcome outcome =
        exchange(redis, &command, 1, deadline_ms, &arena, &reply, fault);
    explicit_bzero(redis->out.at, redis->out.room);
    if (outcome == OUTCOME_UNSURE) {
        outcome = OUTCOME_LATER; /* signing in twice is the same as once */
    }
    if (outcome == OUTCOME_DONE && reply.type == REPLY_ERROR) {
        outcome = redis_error(&reply, fault);
    }
    arena_done(&arena);
    return outcome;
}

/* The round trip, and more of them for the scripts that Redis turned out not to know
 * (after SCRIPT FLUSH, a restart or a failover): those are repeated in their order, while
 * what was done stays done. */
static enum outcome call_all(struct redis *redis,
                             const struct command *commands,
                             size_t count,
                             int64_t patience_ms,
                             struct arena *arena,
                             struct reply *replies,
                             struct fault *fault)
{
    if (count == 0) {
        return OUTCOME_DONE;
    }
    enum outcome outcome = make_ready(redis, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    int64_t deadline_ms = clock_mono_ms(&clock_system) + patience_ms;
    outcome = exchange(redis, commands, count, deadline_ms, arena, replies, fault);
    size_t *picks = ARENA_ARRAY(arena, size_t, count);
    while (outcome == OUTCOME_DONE) {
        size_t unknown = pick_unknown_scripts(commands, replies, count, picks);
        if (unknown == 0) {
            return OUTCOME_DONE;
        }
        outcome = repeat_unknown(redis,
                                 commands,
                                 picks,
                                 unknown,
                                 deadline_ms,
                                 arena,
                                 replies,
                                 fault);
        /* The first round was whole, so part of the pipeline happened. */
        if (outcome == OUTCOME_LATER && count > 1) {
            outcome = OUTCOME_UNSURE;
        }
    }
    return outcome;
}

static size_t pick_unknown_scripts(const struct command *commands,
                                   const struct reply *replies,
                                   size_t count,
                                   size_t *picks)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (commands[i].script && replies[i].type == REPLY_ERROR &&
            span_starts(replies[i].text, "NOSCRIPT")) {
            picks[found++] = i;
        }
    }
    return found;
}

/* The first use of each script carries its source, which Redis then knows for the rest.
 * So at least one command is done each time, however often somebody flushes. */
static enum outcome repeat_unknown(struct redis *redis,
                                   const struct command *commands,
                                   const size_t *picks,
                                   size_t count,
                                   int64_t deadline_ms,
                                   struct arena *arena,
                                   struct reply *replies,
                                   struct fault *fault)
{
    struct command *again = ARENA_ARRAY(arena, struct command, count);
    struct reply *answers = ARENA_ARRAY(arena, struct reply, count);
    for (size_t i = 0; i < count; i++) {
        again[i] = with_source(&commands[picks[i]], again, i, arena);
    }
    enum outcome outcome =
        exchange(redis, again, count, deadline_ms, arena, answers, fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < count; i++) {
        replies[picks[i]] = answers[i];
    }
    return outcome;
}

/* EVALSHA sha ... becomes EVAL source ..., unless one of `before` brings the source. */
static struct command with_source(const struct command *command,
                                  const struct command *before,
                                  size_t count,
                                  struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        if (before[i].script == command->script) {
            return *command;
        }
    }
    size_t words = (size_t)command->count;
    struct command whole = *command;
    whole.args = ARENA_ARRAY(arena, const char *, words);
    whole.lens = ARENA_ARRAY(arena, size_t, words);
    memcpy(whole.args, command->args, words * sizeof(*whole.args));
    memcpy(whole.lens, command->lens, words * sizeof(*whole.lens));
    whole.args[0] = "EVAL";
    whole.lens[0] = strlen("EVAL");
    whole.args[1] = command->script->source;
    whole.lens[1] = command->script->source_len;
    return whole;
}

static void encode(struct text *out, const struct command *command)
{
    text_add_char(out, '*');
    text_add_i64(out, command->count);
    for (int i = 0; i < command->count; i++) {
        text_add_string(out, "\r\n$");
        text_add_i64(out, (int64_t)command->lens[i]);
        text_add_string(out, "\r\n");
        text_add(out, (struct span){command->args[i], command->lens[i]});
    }
    text_add_string(out, "\r\n");
}

/* One round trip. Whatever goes wrong in it drops the connection: replies that come late
 * must not be taken for another command's. */
static enum outcome exchange(struct redis *redis,
                             const struct command *commands,
                             size_t count,
                             int64_t deadline_ms,
                             struct arena *arena,
                             struct reply *replies,
                             struct fault *fault)
{
    text_clear(&redis->out);
    for (size_t i = 0; i < count; i++) {
        encode(&redis->out, &commands[i]);
    }
    if (redis->out.full) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "redis",
                         REDIS_REFUSED,
                         "commands of more than %d bytes in one call",
                         SEND_MOST_BYTES);
    }
    struct exchange work = {.redis = redis,
                            .deadline_ms = deadline_ms,
                            .arena = arena,
                            .replies = replies,
                            .count = count};
    redis->reader->privdata = arena;
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE && work.got < work.count) {
        outcome = exchange_step(&work, fault);
    }
    if (outcome != OUTCOME_DONE) {
        drop(redis);
    }
    return outcome;
}

static enum outcome exchange_step(struct exchange *exchange, struct fault *fault)
{
    struct redis *redis = exchange->redis;
    bool sending = exchange->sent < redis->out.len;
    struct pollfd waiter = {.fd = redis->fd,
                            .events = (short)(POLLIN | (sending ? POLLOUT : 0))};
    int64_t left = exchange->deadline_ms - clock_mono_ms(&clock_system);
    int ready = poll(&waiter, 1, left > 0 ? (int)left : 0);
    if (ready < 0 && errno != EINTR) {
        return exchange_broke(exchange, strerrordesc_np(errno), fault);
    }
    if (ready == 0) {
        return fault_set(fault,
                         exchange->sent > 0 ? OUTCOME_UNSURE : OUTCOME_LATER,
                         "redis",
                         REDIS_TIMEOUT,
                         "no answer in time: %zu of %zu replies came",
                         exchange->got,
                         exchange->count);
    }
    enum outcome outcome = OUTCOME_DONE;
    if (ready > 0 && (waiter.revents & POLLOUT)) {
        outcome = exchange_send(exchange, fault);
    }
    if (outcome == OUTCOME_DONE && ready > 0 &&
        (waiter.revents & (POLLIN | POLLHUP | POLLERR))) {
        outcome = exchange_read(exchange, fault);
    }
    return outcome;
}

static enum outcome exchange_send(struct exchange *exchange, struct fault *fault)
{
    const struct text *out = &exchange->redis->out;
    ssize_t sent = send(exchange->redis->fd,
                        out->at + exchange->sent,
                        out->len - exchange->sent,
                        MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
            return OUTCOME_DONE;
        }
        return exchange_broke(exchange, strerrordesc_np(errno), fault);
    }
    exchange->sent += (size_t)sent;
    return OUTCOME_DONE;
}

static enum outcome exchange_read(struct exchange *exchange, struct fault *fault)
{
    char bytes[READ_BYTES];
    ssize_t got = recv(exchange->redis->fd, bytes, sizeof(bytes), 0);
    if (got < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
            return OUTCOME_DONE;
        }
        return exchange_broke(exchange, strerrordesc_np(errno), fault);
    }
    if (got == 0) {
        return exchange_broke(exchange, "Redis closed the connection", fault);
    }
    if (redisReaderFeed(exchange->redis->reader, bytes, (size_t)got) != REDIS_OK) {
        return exchange_broke(exchange, exchange->redis->reader->errstr, fault);
    }
    return exchange_parse(exchange, fault);
}

static enum outcome exchange_parse(struct exchange *exchange, struct fault *fault)
{
    redisReader *reader = exchange->redis->reader;
    while (exchange->got < exchange->count) {
        void *reply = NULL;
        if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
            return exchange_broke(exchange, reader->errstr, fault);
        }
        if (!reply) {
            return OUTCOME_DONE;
        }
        exchange->replies[exchange->got++] = *(const struct reply *)reply;
    }
    /* The reader is not asked once more than there are replies: it would take note of
     * this exchange's arena for the first reply of the next one. */
    if (reader->pos < reader->len) {
        return exchange_broke(exchange, "a reply that nobody asked for", fault);
    }
    return OUTCOME_DONE;
}

/* A command of which not a byte was sent cannot have happened. */
static enum outcome exchange_broke(const struct exchange *exchange,
                                   const char *why,
                                   struct fault *fault)
{
    return fault_set(fault,
                     exchange->sent > 0 ? OUTCOME_UNSURE : OUTCOME_LATER,
                     "redis",
                     REDIS_BROKEN,
                     "%s",
                     why);
}

/* Where this reply goes: its place in the list around it, or a node of its own. `bytes`
 * more are asked of the arena; NULL when they would pass its ceiling, which ends the
 * exchange. */
static void *place(const redisReadTask *task, enum reply_type type, size_t bytes)
{
    struct arena *arena = task->privdata;
    size_t need = bytes + sizeof(struct reply) + ARENA_BLOCK_BYTES;
    if (need > arena->ceiling_bytes || arena->held_bytes > arena->ceiling_bytes - need) {
        return NULL;
    }
    struct reply *reply = NULL;
    if (task->parent) {
        const struct reply *list = task->parent->obj;
        struct reply *items;
        memcpy(&items, &list->items, sizeof(items)); /* ours, still being filled */
        reply = &items[task->idx];
    } else {
        reply = ARENA_NEW(arena, struct reply);
    }
    reply->type = type;
    return reply;
}

static void *put_text(const redisReadTask *task, char *at, size_t len)
{
    enum reply_type type = task->type == REDIS_REPLY_ERROR    ? REPLY_ERROR
                           : task->type == REDIS_REPLY_STATUS ? REPLY_STATUS
                                                              : REPLY_TEXT;
    struct reply *reply = place(task, type, len + 1);
    if (reply) {
        reply->text = arena_span(task->privdata, (struct span){at, len});
    }
    return reply;
}

static void *put_list(const redisReadTask *task, int count)
{
    size_t items = count > 0 ? (size_t)count : 0;
    struct reply *reply = place(task, REPLY_LIST, items * sizeof(struct reply));
    if (reply) {
        reply->items = ARENA_ARRAY(task->privdata, struct reply, items);
        reply->count = items;
    }
    return reply;
}

static void *put_integer(const redisReadTask *task, long long number)
{
    struct reply *reply = place(task, REPLY_INTEGER, 0);
    if (reply) {
        reply->integer = number;
    }
    return reply;
}

static void *put_nothing(const redisReadTask *task)
{
    return place(task, REPLY_NONE, 0);
}

/* The reply is a list of the name and the value. */
static void warn_unless(struct text *warnings,
                        const struct reply *reply,
                        const char *name,
                        const char *wanted,
                        const char *why)
{
    struct span value = SPAN("unknown");
    if (reply->type == REPLY_LIST && reply->count == 2) {
        value = reply->items[1].text;
    }
    if (!span_is(value, wanted)) {
        text_addf(warnings,
                  "%s is \"%.*s\", not \"%s\": %s\n",
                  name,
                  SPAN_ARGS(value),
                  wanted,
                  why);
    }
}
