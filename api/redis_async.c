/* SPDX-License-Identifier: MIT
 * Commands in flight: sent, answered, timed out, repeated when a script was unknown. How
 * the connection comes about is redis_dial.c's. */
#include "api/redis_async.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <event2/event.h>

#include "api/counters.h"
#include "api/redis_state.h"
#include "common/base/clock.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"

static struct redis_command *make_command(const struct command *command);
static struct command load_command(const struct queue_script *script,
                                   const char **args,
                                   size_t *lens);
static void append(struct redis_async *redis, struct redis_command *command);
static struct redis_command *take_head(struct redis_async *redis);
static void on_event(evutil_socket_t fd, short what, void *context);
static bool send_some(struct redis_async *redis, struct fault *fault);
static bool read_some(struct redis_async *redis, struct fault *fault);
static bool read_replies(struct redis_async *redis, struct fault *fault);
static bool is_message(const struct reply *reply);
static bool repeat_with_script(struct redis_async *redis, struct redis_command *command);
static void finish(struct redis_async *redis,
                   struct redis_command *command,
                   const struct reply *reply);
static void drop(struct redis_command *command);
static void on_limit(evutil_socket_t fd, short what, void *context);

enum outcome redis_async_send(struct redis_async *redis,
                              const struct command *command,
                              int64_t limit_ms,
                              redis_answer_fn answer,
                              void *context,
                              struct fault *fault)
{
    if (!redis || redis->stage != REDIS_UP) {
        return fault_set(fault,
                         OUTCOME_LATER,
                         "redis",
                         REDIS_UNREACHABLE,
                         "there is no connection: %s",
                         redis ? redis->last_fault.text : "it is closed");
    }
    if (redis->in_flight >= REDIS_ASYNC_MOST_COMMANDS ||
        redis->in_flight_bytes + resp_size(command) > REDIS_ASYNC_MOST_BYTES) {
        return fault_set(fault,
                         OUTCOME_LATER,
                         "redis",
                         REDIS_NOT_READY,
                         "too many commands are in flight");
    }
    redis_enqueue(redis, command, limit_ms, answer, context);
    return OUTCOME_DONE;
}

bool redis_async_is_up(const struct redis_async *redis)
{
    return redis->stage == REDIS_UP;
}

void redis_enqueue(struct redis_async *redis,
                   const struct command *command,
                   int64_t limit_ms,
                   redis_answer_fn answer,
                   void *context)
{
    struct redis_command *flight = make_command(command);
    flight->answer = answer;
    flight->context = context;
    flight->sent_ms = clock_mono_ms(redis->clock);
    flight->limit_at_ms = flight->sent_ms + limit_ms;
    append(redis, flight);
    if (redis->limit_armed_ms == 0 || flight->limit_at_ms < redis->limit_armed_ms) {
        redis_arm_limit(redis, flight->limit_at_ms);
    }
    /* Written at the end of this turn of the loop, with what else it brings. */
    event_active(redis->write_event, EV_WRITE, 0);
}

void redis_attach(struct redis_async *redis, int fd)
{
    redis->fd = fd;
    redis->reader = resp_open(&redis->replies);
    redis->read_event = event_new(redis->base, fd, EV_READ | EV_PERSIST, on_event, redis);
    redis->write_event = event_new(redis->base, fd, EV_WRITE, on_event, redis);
    if (!redis->read_event || !redis->write_event) {
        abort();
    }
    event_add(redis->read_event, NULL);
    event_add(redis->write_event, NULL);
}

void redis_detach(struct redis_async *redis)
{
    if (redis->read_event) {
        event_free(redis->read_event);
        event_free(redis->write_event);
        redis->read_event = NULL;
        redis->write_event = NULL;
    }
    resp_close(redis->reader);
    redis->reader = NULL;
    if (redis->fd >= 0) {
        evutil_closesocket(redis->fd);
        redis->fd = -1;
    }
    redis_disarm_limit(redis);
}

/* Nobody knows what became of commands in flight. Their callbacks may send again, so they
 * are taken off first. */
void redis_fail_all(struct redis_async *redis, const struct fault *fault)
{
    struct redis_command *command = redis->head;
    redis->head = NULL;
    redis->tail = NULL;
    redis->unsent = NULL;
    redis->unsent_from = 0;
    redis->in_flight = 0;
    redis->in_flight_bytes = 0;
    atomic_store(&redis->counts->in_flight, 0);
    arena_reset(&redis->replies);
    while (command) {
        struct redis_command *next = command->next;
        if (command->answer) {
            command->answer(command->context, OUTCOME_UNSURE, NULL, fault);
        }
        drop(command);
        command = next;
    }
}

void redis_open_limit(struct redis_async *redis)
{
    redis->limit_event = evtimer_new(redis->base, on_limit, redis);
    if (!redis->limit_event) {
        abort();
    }
}

void redis_arm_limit(struct redis_async *redis, int64_t at_ms)
{
    int64_t left = at_ms - clock_mono_ms(redis->clock);
    left = left < 1 ? 1 : left;
    struct timeval wait = {.tv_sec = left / 1000, .tv_usec = (left % 1000) * 1000};
    redis->limit_armed_ms = at_ms;
    evtimer_add(redis->limit_event, &wait);
}

void redis_disarm_limit(struct redis_async *redis)
{
    redis->limit_armed_ms = 0;
    evtimer_del(redis->limit_event);
}

static struct redis_command *make_command(const struct command *command)
{
    size_t bytes = resp_size(command);
    struct redis_command *flight = malloc(sizeof(*flight) + bytes);
    if (!flight) {
        abort();
    }
    *flight = (struct redis_command){.script = command->script, .len = bytes};
    resp_encode(command, flight->bytes);
    return flight;
}

static struct command load_command(const struct queue_script *script,
                                   const char **args,
                                   size_t *lens)
{
    args[0] = "SCRIPT";
    lens[0] = 6;
    args[1] = "LOAD";
    lens[1] = 4;
    args[2] = script->source;
    lens[2] = script->source_len;
    return (struct command){.script = NULL, .count = 3, .args = args, .lens = lens};
}

void redis_enqueue_load(struct redis_async *redis,
                        const struct queue_script *script,
                        int64_t limit_ms,
                        redis_answer_fn answer,
                        void *context)
{
    const char *args[3];
    size_t lens[3];
    struct command command = load_command(script, args, lens);
    redis_enqueue(redis, &command, limit_ms, answer, context);
}

static void append(struct redis_async *redis, struct redis_command *command)
{
    command->next = NULL;
    if (redis->tail) {
        redis->tail->next = command;
    } else {
        redis->head = command;
    }
    redis->tail = command;
    if (!redis->unsent) {
        redis->unsent = command;
        redis->unsent_from = 0;
    }
    redis->in_flight++;
    redis->in_flight_bytes += command->len;
    counter_add(&redis->counts->in_flight, 1);
}

static struct redis_command *take_head(struct redis_async *redis)
{
    struct redis_command *command = redis->head;
    redis->head = command->next;
    if (!redis->head) {
        redis->tail = NULL;
    }
    redis->in_flight--;
    redis->in_flight_bytes -= command->len;
    counter_add(&redis->counts->in_flight, -1);
    return command;
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    struct redis_async *redis = context;
    struct fault fault;
    bool good = true;
    if (what & EV_READ) {
        good = read_some(redis, &fault);
    }
    if (good && (what & EV_WRITE)) {
        good = send_some(redis, &fault);
    }
    if (!good) {
        redis_break(redis, &fault);
    }
}

static bool send_some(struct redis_async *redis, struct fault *fault)
{
    enum { PIECES = 16 };
    while (redis->unsent) {
        struct iovec pieces[PIECES];
        int count = 0;
        size_t from = redis->unsent_from;
        for (struct redis_command *at = redis->unsent; at && count < PIECES;
             at = at->next) {
            pieces[count++] = (struct iovec){at->bytes + from, at->len - from};
            from = 0;
        }
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
        ssize_t sent = sendmsg(redis->fd, &message, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                event_add(redis->write_event, NULL);
                return true;
            }
            (void)fault_set(fault,
                            OUTCOME_LATER,
                            "redis",
                            REDIS_BROKEN,
                            "sending: %s",
                            strerrordesc_np(errno));
            return false;
        }
        size_t left = (size_t)sent;
        while (left > 0) {
            size_t rest = redis->unsent->len - redis->unsent_from;
            if (left < rest) {
                redis->unsent_from += left;
                break;
            }
            left -= rest;
            redis->unsent = redis->unsent->next;
            redis->unsent_from = 0;
        }
    }
    return true;
}

static bool read_some(struct redis_async *redis, struct fault *fault)
{
    char bytes[16 * 1024];
    ssize_t got = recv(redis->fd, bytes, sizeof(bytes), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    if (got <= 0) {
        (void)fault_set(fault,
                        OUTCOME_LATER,
                        "redis",
                        REDIS_BROKEN,
                        "%s",
                        got == 0 ? "it closed the connection" : strerrordesc_np(errno));
        return false;
    }
    redis->heard_ms = clock_mono_ms(redis->clock);
    return resp_feed(redis->reader, (struct span){bytes, (size_t)got}, fault) ==
               OUTCOME_DONE &&
           read_replies(redis, fault);
}

static bool read_replies(struct redis_async *redis, struct fault *fault)
{
    for (;;) {
        const struct reply *reply = NULL;
        if (resp_next(redis->reader, &reply, fault) != OUTCOME_DONE) {
            return false;
        }
        if (!reply) {
            return true;
        }
        if (redis->ears && is_message(reply)) {
            redis->ears->heard(redis->ears->context,
                               reply->items[1].text,
                               reply->items[2].text);
            if (!redis->reader) {
                return true;
            }
            arena_reset(&redis->replies);
            continue;
        }
        if (!redis->head || redis->head == redis->unsent) {
            (void)fault_set(fault,
                            OUTCOME_LATER,
                            "redis",
                            REDIS_BROKEN,
                            "a reply that nobody asked for");
            return false;
        }
        struct redis_command *command = take_head(redis);
        bool unknown = reply->type == REPLY_ERROR && span_starts(reply->text, "NOSCRIPT");
        bool replica = reply->type == REPLY_ERROR && span_starts(reply->text, "READONLY");
        if (!unknown || !repeat_with_script(redis, command)) {
            finish(redis, command, reply);
        }
        /* A callback may have closed the connection. */
        if (!redis->reader) {
            return true;
        }
        arena_reset(&redis->replies);
        if (replica) {
            /* A master that became a replica keeps its sockets: only dialling again finds
             * the new one. */
            (void)fault_set(fault,
                            OUTCOME_LATER,
                            "redis",
                            REDIS_NOT_READY,
                            "it is a replica");
            return false;
        }
    }
}

/* "message", the channel, what was said. */
static bool is_message(const struct reply *reply)
{
    return reply->type == REPLY_LIST && reply->count == 3 &&
           span_is(reply->items[0].text, "message");
}

/* The script and the command go to the end of the line once more, one behind the other.
 */
static bool repeat_with_script(struct redis_async *redis, struct redis_command *command)
{
    if (!command->script || command->repeated) {
        return false;
    }
    const char *args[3];
    size_t lens[3];
    struct command load = load_command(command->script, args, lens);
    struct redis_command *loading = make_command(&load);
    loading->sent_ms = clock_mono_ms(redis->clock);
    loading->limit_at_ms = INT64_MAX;
    command->repeated = true;
    append(redis, loading);
    append(redis, command);
    event_active(redis->write_event, EV_WRITE, 0);
    return true;
}

static void finish(struct redis_async *redis,
                   struct redis_command *command,
                   const struct reply *reply)
{
    struct fault fault;
    enum outcome outcome = OUTCOME_DONE;
    if (reply->type == REPLY_ERROR) {
        outcome = redis_error(reply, &fault);
        counter_add(&redis->counts->failures, 1);
    }
    if (command->answer) {
        command->answer(command->context,
                        outcome,
                        outcome == OUTCOME_DONE ? reply : NULL,
                        &fault);
    }
    drop(command);
}

/* A command may carry the password (AUTH). */
static void drop(struct redis_command *command)
{
    explicit_bzero(command->bytes, command->len);
    free(command);
}

/* Those whose time is up are told so and stay in line without a callback: their replies
 * may still come. When Redis says nothing at all for long, the connection is given up. */
static void on_limit(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct redis_async *redis = context;
    int64_t now = clock_mono_ms(redis->clock);
    int64_t next = INT64_MAX;
    struct fault fault;
    (void)fault_set(&fault,
                    OUTCOME_UNSURE,
                    "redis",
                    REDIS_TIMEOUT,
                    "it did not answer in time");
    redis->limit_armed_ms = 0;
    for (struct redis_command *at = redis->head; at; at = at->next) {
        if (at->answer && at->limit_at_ms <= now) {
            redis_answer_fn answer = at->answer;
            at->answer = NULL;
            counter_add(&redis->counts->failures, 1);
            answer(at->context, OUTCOME_UNSURE, NULL, &fault);
            if (!redis->reader) {
                return; /* the callback gave the connection up, and the line with it */
            }
        } else if (at->answer && at->limit_at_ms < next) {
            next = at->limit_at_ms;
        }
    }
    if (redis->head) {
        int64_t since = redis->head->sent_ms > redis->heard_ms ? redis->head->sent_ms
                                                               : redis->heard_ms;
        if (now - since >= REDIS_ASYNC_SILENT_MS) {
            redis_break(redis, &fault);
            return;
        }
        int64_t silent = since + REDIS_ASYNC_SILENT_MS;
        redis_arm_limit(redis, silent < next ? silent : next);
    }
}
