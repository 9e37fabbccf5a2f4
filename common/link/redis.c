/* SPDX-License-Identifier: MIT
 * The blocking connection to Redis: dialling, signing in, scripts that Redis forgot, and
 * what its errors mean. The bytes travel in exchange.c. */
#include "common/link/redis.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/settings.h"
#include "common/base/text.h"
#include "common/link/dial.h"
#include "common/link/exchange.h"
#include "common/link/queue.h"

enum {
    SIGN_IN_ARENA_BYTES = 64 * 1024,
    SCRIPTS_ARENA_BYTES = 4 << 20,
};

struct redis {
    struct dial dial;
    const char *username; /* borrowed from the settings; empty: Redis' default user */
    struct text password; /* empty: none is sent */
    int64_t connect_ms;
    int64_t command_ms;
    struct exchange exchange;
};

static enum outcome make_ready(struct redis *redis, struct fault *fault);
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
static void warn_unless(struct text *warnings,
                        const struct reply *reply,
                        const char *name,
                        const char *wanted,
                        const char *why);

enum outcome redis_open(const struct settings *settings,
                        struct redis **out_redis,
                        struct fault *fault)
{
    struct redis *redis = calloc(1, sizeof(*redis));
    if (!redis) {
        abort();
    }
    redis->username = settings->redis.username;
    redis->connect_ms = settings->redis.connect_ms;
    redis->command_ms = settings->redis.command_ms;
    exchange_init(&redis->exchange);
    enum outcome outcome = dial_init(&redis->dial, settings->redis.address, fault);
    const char *file = settings->redis.password_file;
    if (outcome != OUTCOME_DONE) {
        fault_lay_to(fault, "redis.address");
    } else if (file && file[0] != '\0') {
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
    exchange_done(&redis->exchange);
    dial_done(&redis->dial);
    text_wipe(&redis->password);
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
            exchange_close(&redis->exchange);
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
    struct exchange *exchange = &redis->exchange;
    if (exchange->fd >= 0 && exchange_is_stale(exchange)) {
        exchange_close(exchange);
    }
    if (exchange->fd >= 0) {
        return OUTCOME_DONE;
    }
    int64_t deadline_ms = clock_mono_ms(&clock_system) + redis->connect_ms;
    int fd = -1;
    struct fault why;
    enum outcome outcome = dial_open(&redis->dial, deadline_ms, &fd, &why);
    if (outcome != OUTCOME_DONE) {
        return fault_set(fault, outcome, "redis", REDIS_UNREACHABLE, "%s", why.text);
    }
    exchange_open(exchange, fd);
    outcome = sign_in(redis, deadline_ms, fault);
    if (outcome != OUTCOME_DONE) {
        exchange_close(exchange);
    }
    return outcome;
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
        exchange_run(&redis->exchange, &command, 1, deadline_ms, &arena, &reply, fault);
    exchange_wipe(&redis->exchange);
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
    outcome = exchange_run(&redis->exchange,
                           commands,
                           count,
                           deadline_ms,
                           arena,
                           replies,
                           fault);
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
        exchange_run(&redis->exchange, again, count, deadline_ms, arena, answers, fault);
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
