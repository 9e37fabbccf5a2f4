/* SPDX-License-Identifier: MIT
 * The connection to Redis against a server of the test's own: a thread at the other end
 * of a unix socket that reads what comes and says what its script tells it to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/settings.h"
#include "common/link/dial.h"
#include "common/link/queue.h"
#include "common/link/redis.h"

enum { LINES_MOST = 16 };

/* A connection reads until it has seen the marks of all its lines, one after another, and
 * answers each. A line without an answer is read and left alone; NULL ends the
 * connection. */
struct line {
    const char *wants; /* a part of what has to come first */
    const char *answer;
};

struct server {
    char dir[64], path[96], address[110];
    int listener;
    struct line lines[LINES_MOST]; /* a row of NULLs closes; two of them end the server */
    char seen[8192]; /* all that came over the last connection */
    pthread_t thread;
    struct settings settings;
    struct arena arena;
    struct redis *redis;
};

static const struct queue_script script_a = {.name = "a",
                                             .source = "return 'a'",
                                             .source_len = 10,
                                             .sha1 = "aaaa"};
static const struct queue_script script_b = {.name = "b",
                                             .source = "return 'b'",
                                             .source_len = 10,
                                             .sha1 = "bbbb"};

static void *serve(void *argument)
{
    struct server *server = argument;
    const struct line *line = server->lines;
    while (line->wants) {
        int fd = accept(server->listener, NULL, NULL);
        size_t len = 0;
        size_t from = 0;
        server->seen[0] = '\0';
        while (line->wants) {
            const char *at = strstr(server->seen + from, line->wants);
            if (!at) {
                ssize_t got =
                    recv(fd, server->seen + len, sizeof(server->seen) - 1 - len, 0);
                if (got <= 0) {
                    break;
                }
                len += (size_t)got;
                server->seen[len] = '\0';
                continue;
            }
            from = (size_t)(at - server->seen) + strlen(line->wants);
            if (line->answer) {
                (void)send(fd, line->answer, strlen(line->answer), MSG_NOSIGNAL);
            } else {
                while (recv(fd, server->seen, sizeof(server->seen), 0) > 0) {
                }
            }
            line++;
        }
        close(fd);
        line++;
    }
    return NULL;
}

static void server_start(struct server *server, const struct line *lines, size_t count)
{
    memset(server, 0, sizeof(*server));
    memcpy(server->lines, lines, count * sizeof(*lines));
    snprintf(server->dir, sizeof(server->dir), "/tmp/tocsin-redis-XXXXXX");
    assert_non_null(mkdtemp(server->dir));
    snprintf(server->path, sizeof(server->path), "%s/sock", server->dir);
    snprintf(server->address, sizeof(server->address), "unix:%s", server->path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
    server->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)),
                     0);
    assert_int_equal(listen(server->listener, 8), 0);
    server->settings.redis.address = server->address;
    server->settings.redis.username = "";
    server->settings.redis.connect_ms = 2000;
    server->settings.redis.command_ms = 2000;
    arena_init(&server->arena, 1 << 20);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
    struct fault fault;
    assert_int_equal(redis_open(&server->settings, &server->redis, &fault), OUTCOME_DONE);
}

static void server_stop(struct server *server)
{
    redis_close(server->redis);
    pthread_join(server->thread, NULL);
    close(server->listener);
    unlink(server->path);
    rmdir(server->dir);
    arena_done(&server->arena);
}

#define START(server, ...)                                                               \
    server_start(server,                                                                 \
                 (const struct line[]){__VA_ARGS__},                                     \
                 sizeof((const struct line[]){__VA_ARGS__}) / sizeof(struct line))
#define HANG_UP                                                                          \
    {                                                                                    \
        NULL, NULL                                                                       \
    }

static enum outcome ping(struct server *server,
                         struct reply *out_reply,
                         struct fault *fault)
{
    struct command command = redis_command(&server->arena, "PING", NULL);
    return redis_call(server->redis, &command, &server->arena, out_reply, fault);
}

static void replies_of_every_shape_are_read(void **state)
{
    (void)state;
    struct server server;
    START(&server,
          {"PING", "*5\r\n:-7\r\n$3\r\nabc\r\n$-1\r\n*2\r\n+OK\r\n*0\r\n-ERR no\r\n"});
    struct reply reply;
    struct fault fault;
    assert_int_equal(ping(&server, &reply, &fault), OUTCOME_DONE);
    assert_int_equal(reply.type, REPLY_LIST);
    assert_int_equal(reply.count, 5);
    assert_int_equal(reply.items[0].integer, -7);
    assert_true(span_is(reply.items[1].text, "abc"));
    assert_int_equal(reply.items[2].type, REPLY_NONE);
    assert_int_equal(reply.items[3].count, 2);
    assert_int_equal(reply.items[3].items[0].type, REPLY_STATUS);
    assert_int_equal(reply.items[3].items[1].count, 0);
    assert_int_equal(reply.items[4].type, REPLY_ERROR);
    server_stop(&server);
}

static void each_reply_lives_in_the_arena_of_its_own_call(void **state)
{
    (void)state;
    struct server server;
    START(&server, {"PING", "$5\r\nfirst\r\n"}, {"PING", "*1\r\n$6\r\nsecond\r\n"});
    struct reply reply;
    struct fault fault;
    for (int i = 0; i < 2; i++) {
        struct arena arena;
        arena_init(&arena, 1 << 20);
        struct command command = redis_command(&arena, "PING", NULL);
        assert_int_equal(redis_call(server.redis, &command, &arena, &reply, &fault),
                         OUTCOME_DONE);
        assert_true(arena.held_bytes > 0);
        const struct reply *text = i == 0 ? &reply : &reply.items[0];
        assert_true(span_is(text->text, i == 0 ? "first" : "second"));
        arena_done(&arena); /* the next reply must not be put here */
    }
    server_stop(&server);
}

static void commands_are_sent_byte_for_byte(void **state)
{
    (void)state;
    struct server server;
    START(&server, {"C\r\n", "+OK\r\n"});
    const char *args[] = {"SET", "", "\r\nC\r\n"};
    size_t lens[] = {3, 0, 5};
    struct command command = {.count = 3, .args = args, .lens = lens};
    struct reply reply;
    struct fault fault;
    assert_int_equal(redis_call(server.redis, &command, &server.arena, &reply, &fault),
                     OUTCOME_DONE);
    assert_string_equal(server.seen, "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\n\r\nC\r\n\r\n");
    server_stop(&server);
}

static void nobody_there_is_later(void **state)
{
    (void)state;
    struct settings settings = {.redis = {.address = "unix:/tmp/nobody-is-there.sock",
                                          .connect_ms = 1000,
                                          .command_ms = 1000}};
    struct redis *redis = NULL;
    struct fault fault;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_int_equal(redis_open(&settings, &redis, &fault), OUTCOME_DONE);
    struct command command = redis_command(&arena, "PING", NULL);
    struct reply reply;
    assert_int_equal(redis_call(redis, &command, &arena, &reply, &fault), OUTCOME_LATER);
    assert_int_equal(fault.code, REDIS_UNREACHABLE);
    redis_close(redis);
    arena_done(&arena);
}

static void silence_is_unsure_and_ends_at_the_deadline(void **state)
{
    (void)state;
    struct server server;
    START(&server, {"PING", NULL}, HANG_UP, {"PING", "+PONG\r\n"});
    server.settings.redis.command_ms = 100;
    redis_close(server.redis);
    struct fault fault;
    assert_int_equal(redis_open(&server.settings, &server.redis, &fault), OUTCOME_DONE);
    struct reply reply;
    int64_t begun_ms = clock_mono_ms(&clock_system);
    assert_int_equal(ping(&server, &reply, &fault), OUTCOME_UNSURE);
    assert_int_equal(fault.code, REDIS_TIMEOUT);
    assert_in_range(clock_mono_ms(&clock_system) - begun_ms, 100, 1500);
    /* The late answer of the first can never be taken for the second's. */
    assert_int_equal(ping(&server, &reply, &fault), OUTCOME_DONE);
    assert_true(span_is(reply.text, "PONG"));
    server_stop(&server);
}

static void a_connection_that_breaks_in_a_reply_is_unsure(void **state)
{
    (void)state;
    struct server server;
    START(&server, {"PING", "$5\r\nab"}, HANG_UP);
    struct reply reply = {.integer = 77};
    struct fault fault;
    assert_int_equal(ping(&server, &reply, &fault), OUTCOME_UNSURE);
    assert_int_equal(fault.code, REDIS_BROKEN);
    assert_int_equal(reply.integer, 77); /* written on DONE only */
    server_stop(&server);
}

static void garbage_is_unsure_and_the_next_call_dials_again(void **state)
{
    (void)state;
    struct server server;
    START(&server, {"PING", "HTTP/1.1 400\r\n"}, HANG_UP, {"PING", "+PONG\r\n"});
    struct reply reply;
    struct fault fault;
    assert_int_equal(ping(&server, &reply, &fault), OUTCOME_UNSURE);
    assert_int_equal(fault.code, REDIS_BROKEN);
    assert_int_equal(ping(&server, &reply, &fault), OUTCOME_DONE);
    server_stop(&server);
}

static void a_reply_that_nobody_asked_for_is_not_taken_for_the_next(void **state)
{
    (void)state;
    struct server server;
    START(&server, {"PING", "+PONG\r\n+MORE\r\n"}, HANG_UP, {"PING", "+PONG\r\n"});
    struct reply reply;
    struct fault fault;
    assert_int_equal(ping(&server, &reply, &fault), OUTCOME_UNSURE);
    assert_int_equal(ping(&server, &reply, &fault), OUTCOME_DONE);
    assert_true(span_is(reply.text, "PONG"));
    server_stop(&server);
}

static void a_connection_that_ended_while_idle_costs_no_doubt(void **state)
{
    (void)state;
    struct server server;
    START(&server, {"PING", "+PONG\r\n"}, HANG_UP, {"PING", "+AGAIN\r\n"});
    struct reply reply;
    struct fault fault;
    assert_int_equal(ping(&server, &reply, &fault), OUTCOME_DONE);
    /* The server hangs up right after its answer; whether that is seen before or only
     * after the next command is sent, the call after that works. */
    enum outcome outcome = ping(&server, &reply, &fault);
    if (outcome != OUTCOME_DONE) {
        assert_int_equal(fault.code, REDIS_BROKEN);
        outcome = ping(&server, &reply, &fault);
    }
    assert_int_equal(outcome, OUTCOME_DONE);
    assert_true(span_is(reply.text, "AGAIN"));
    server_stop(&server);
}

static void a_reply_larger_than_the_arena_is_a_fault_and_no_abort(void **state)
{
    (void)state;
    struct server server;
    START(&server, {"PING", "*2000000000\r\n"}, HANG_UP);
    struct reply reply;
    struct fault fault;
    assert_int_equal(ping(&server, &reply, &fault), OUTCOME_UNSURE);
    assert_int_equal(fault.code, REDIS_BROKEN);
    server_stop(&server);
}

static struct command script_command(struct arena *arena,
                                     const struct queue_script *script,
                                     const char *word)
{
    struct command command =
        redis_command(arena, "EVALSHA", script->sha1, "0", word, NULL);
    command.script = script;
    return command;
}

static void an_unknown_script_is_sent_with_its_source(void **state)
{
    (void)state;
    struct server server;
    START(&server,
          {"EVALSHA", "-NOSCRIPT No matching script.\r\n"},
          {"EVAL\r\n$10\r\nreturn 'a'", "$1\r\na\r\n"});
    struct command command = script_command(&server.arena, &script_a, "x");
    struct reply reply;
    struct fault fault;
    assert_int_equal(redis_call(server.redis, &command, &server.arena, &reply, &fault),
                     OUTCOME_DONE);
    assert_true(span_is(reply.text, "a"));
    server_stop(&server);
}

static void unknown_scripts_in_a_pipeline_are_repeated_in_order(void **state)
{
    (void)state;
    struct server server;
    START(&server,
          {"five", "-NOSCRIPT\r\n+PONG\r\n-NOSCRIPT\r\n-NOSCRIPT\r\n:5\r\n"},
          /* Once with its source, then by name again. */
          {"return 'a'\r\n$1\r\n0\r\n$3\r\none", ":1\r\n"},
          {"return 'b'\r\n$1\r\n0\r\n$5\r\nthree", ":3\r\n"},
          {"EVALSHA\r\n$4\r\naaaa\r\n$1\r\n0\r\n$4\r\nfour", ":4\r\n"});
    struct command commands[] = {script_command(&server.arena, &script_a, "one"),
                                 redis_command(&server.arena, "PING", NULL),
                                 script_command(&server.arena, &script_b, "three"),
                                 script_command(&server.arena, &script_a, "four"),
                                 redis_command(&server.arena, "ECHO", "five", NULL)};
    struct reply replies[5];
    struct fault fault;
    assert_int_equal(
        redis_pipeline(server.redis, commands, 5, &server.arena, replies, &fault),
        OUTCOME_DONE);
    assert_int_equal(replies[0].integer, 1);
    assert_true(span_is(replies[1].text, "PONG"));
    assert_int_equal(replies[2].integer, 3);
    assert_int_equal(replies[3].integer, 4);
    assert_int_equal(replies[4].integer, 5);
    server_stop(&server);
}

static void scripts_that_are_flushed_meanwhile_are_sent_again(void **state)
{
    (void)state;
    struct server server;
    START(&server,
          {"two", "-NOSCRIPT\r\n-NOSCRIPT\r\n"},
          {"two", ":1\r\n-NOSCRIPT\r\n"},
          {"return 'a'\r\n$1\r\n0\r\n$3\r\ntwo", ":2\r\n"});
    struct command commands[] = {script_command(&server.arena, &script_a, "one"),
                                 script_command(&server.arena, &script_a, "two")};
    struct reply replies[2];
    struct fault fault;
    assert_int_equal(
        redis_pipeline(server.redis, commands, 2, &server.arena, replies, &fault),
        OUTCOME_DONE);
    assert_int_equal(replies[0].integer, 1);
    assert_int_equal(replies[1].integer, 2);
    server_stop(&server);
}

static void errors_of_redis_have_their_outcomes(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum outcome outcome;
        int code;
    } cases[] = {
        {"OOM command not allowed", OUTCOME_LATER, REDIS_FULL},
        {"LOADING Redis is loading", OUTCOME_LATER, REDIS_NOT_READY},
        {"READONLY You can't write", OUTCOME_LATER, REDIS_NOT_READY},
        {"MISCONF Errors writing to the AOF file", OUTCOME_LATER, REDIS_NOT_READY},
        {"BUSY Redis is busy", OUTCOME_LATER, REDIS_NOT_READY},
        {"BUSYGROUP exists", OUTCOME_NEVER, REDIS_REFUSED},
        {"ERR unknown command", OUTCOME_NEVER, REDIS_REFUSED},
        {"WRONGTYPE Operation", OUTCOME_NEVER, REDIS_REFUSED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reply reply = {.type = REPLY_ERROR, .text = span_of(cases[i].text)};
        struct fault fault;
        assert_int_equal(redis_error(&reply, &fault), cases[i].outcome);
        assert_int_equal(fault.code, cases[i].code);
    }
}

static void an_address_is_a_host_with_a_port_or_a_path(void **state)
{
    (void)state;
    const struct {
        const char *address, *host, *port, *path;
    } good[] = {
        {"localhost:6379", "localhost", "6379", NULL},
        {"127.0.0.1:1", "127.0.0.1", "1", NULL},
        {"[::1]:6379", "::1", "6379", NULL},
        {"unix:/run/redis.sock", NULL, NULL, "/run/redis.sock"},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct dial dial;
        struct fault fault;
        assert_int_equal(dial_init(&dial, good[i].address, &fault), OUTCOME_DONE);
        if (good[i].path) {
            assert_string_equal(dial.path, good[i].path);
        } else {
            assert_string_equal(dial.host, good[i].host);
            assert_string_equal(dial.port, good[i].port);
        }
        dial_done(&dial);
    }
    const char *bad[] = {"",
                         "host",
                         "host:",
                         ":6379",
                         "host:0",
                         "host:65536",
                         "host:x",
                         "::1:6379",
                         "unix:"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct dial dial;
        struct fault fault;
        assert_int_equal(dial_init(&dial, bad[i], &fault), OUTCOME_NEVER);
        dial_done(&dial);
    }
}

static void settings_that_are_not_so_are_warned_about(void **state)
{
    (void)state;
    struct server server;
    START(&server,
          {"maxmemory-policy",
           "*2\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n"
           "*2\r\n$11\r\nappendfsync\r\n$8\r\neverysec\r\n"
           "*0\r\n"});
    struct text warnings;
    text_init(&warnings, 4096);
    struct fault fault;
    assert_int_equal(
        redis_check_durability(server.redis, &server.arena, &warnings, &fault),
        OUTCOME_DONE);
    assert_null(strstr(warnings.at, "appendonly"));
    assert_non_null(strstr(warnings.at, "appendfsync is \"everysec\""));
    assert_non_null(strstr(warnings.at, "maxmemory-policy is \"unknown\""));
    text_done(&warnings);
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_of_every_shape_are_read),
        cmocka_unit_test(each_reply_lives_in_the_arena_of_its_own_call),
        cmocka_unit_test(commands_are_sent_byte_for_byte),
        cmocka_unit_test(nobody_there_is_later),
        cmocka_unit_test(silence_is_unsure_and_ends_at_the_deadline),
        cmocka_unit_test(a_connection_that_breaks_in_a_reply_is_unsure),
        cmocka_unit_test(garbage_is_unsure_and_the_next_call_dials_again),
        cmocka_unit_test(a_reply_that_nobody_asked_for_is_not_taken_for_the_next),
        cmocka_unit_test(a_connection_that_ended_while_idle_costs_no_doubt),
        cmocka_unit_test(a_reply_larger_than_the_arena_is_a_fault_and_no_abort),
        cmocka_unit_test(an_unknown_script_is_sent_with_its_source),
        cmocka_unit_test(unknown_scripts_in_a_pipeline_are_repeated_in_order),
        cmocka_unit_test(scripts_that_are_flushed_meanwhile_are_sent_again),
        cmocka_unit_test(errors_of_redis_have_their_outcomes),
        cmocka_unit_test(an_address_is_a_host_with_a_port_or_a_path),
        cmocka_unit_test(settings_that_are_not_so_are_warned_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
