/* SPDX-License-Identifier: MIT
 * Round trips over a non-blocking socket. hiredis' blocking calls limit each read and
 * write but never the whole, so the socket and the time are ours. */
#include "common/link/exchange.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/link/redis.h"
#include "common/link/resp.h"

enum {
    /* Most bytes of the commands of one call: a full batch of jobs fits many times. */
    SEND_MOST_BYTES = 256 << 20,
    READ_BYTES = 64 * 1024,
};

/* One round trip in work. */
struct trip {
    struct exchange *exchange;
    int64_t deadline_ms;
    struct reply *replies;
    size_t count; /* replies wanted */
    size_t got;
    size_t sent; /* bytes */
};

static bool encode_all(struct text *out, const struct command *commands, size_t count);
static enum outcome step(struct trip *trip, struct fault *fault);
static enum outcome send_some(struct trip *trip, struct fault *fault);
static enum outcome read_some(struct trip *trip, struct fault *fault);
static enum outcome take_replies(struct trip *trip, struct fault *fault);
static bool is_passing(int error);
static enum outcome broke(const struct trip *trip, const char *why, struct fault *fault);

void exchange_init(struct exchange *exchange)
{
    *exchange = (struct exchange){.fd = -1};
    text_init(&exchange->out, SEND_MOST_BYTES);
}

void exchange_done(struct exchange *exchange)
{
    exchange_close(exchange);
    text_done(&exchange->out);
}

void exchange_open(struct exchange *exchange, int fd)
{
    exchange->fd = fd;
    exchange->reader = resp_open(NULL);
}

void exchange_close(struct exchange *exchange)
{
    if (exchange->fd >= 0) {
        close(exchange->fd);
    }
    resp_close(exchange->reader);
    exchange->fd = -1;
    exchange->reader = NULL;
}

/* Between calls nothing may arrive: bytes, an end or an error all mean that the other
 * side left. Seen before a command is sent, it costs a new connection and no doubt. */
bool exchange_is_stale(const struct exchange *exchange)
{
    char byte;
    ssize_t got = recv(exchange->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got >= 0 || !is_passing(errno);
}

enum outcome exchange_run(struct exchange *exchange,
                          const struct command *commands,
                          size_t count,
                          int64_t deadline_ms,
                          struct arena *arena,
                          struct reply *out_replies,
                          struct fault *fault)
{
    if (!encode_all(&exchange->out, commands, count)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "redis",
                         REDIS_REFUSED,
                         "commands of more than %d bytes in one call",
                         SEND_MOST_BYTES);
    }
    resp_use(exchange->reader, arena);
    struct trip trip = {.exchange = exchange,
                        .deadline_ms = deadline_ms,
                        .replies = out_replies,
                        .count = count};
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE && trip.got < trip.count) {
        outcome = step(&trip, fault);
    }
    if (outcome != OUTCOME_DONE) {
        exchange_close(exchange);
    }
    return outcome;
}

void exchange_wipe(struct exchange *exchange)
{
    if (exchange->out.at) {
        explicit_bzero(exchange->out.at, exchange->out.room);
    }
    text_clear(&exchange->out);
}

static bool encode_all(struct text *out, const struct command *commands, size_t count)
{
    text_clear(out);
    for (size_t i = 0; i < count; i++) {
        size_t bytes = resp_size(&commands[i]);
        char *at = text_grow(out, bytes);
        if (!at) {
            return false;
        }
        resp_encode(&commands[i], at);
        text_grown(out, bytes);
    }
    return true;
}

static enum outcome step(struct trip *trip, struct fault *fault)
{
    const struct exchange *exchange = trip->exchange;
    bool sending = trip->sent < exchange->out.len;
    struct pollfd waiter = {.fd = exchange->fd,
                            .events = (short)(POLLIN | (sending ? POLLOUT : 0))};
    int64_t left = trip->deadline_ms - clock_mono_ms(&clock_system);
    int ready = poll(&waiter, 1, left > 0 ? (int)left : 0);
    if (ready < 0) {
        return errno == EINTR ? OUTCOME_DONE : broke(trip, strerrordesc_np(errno), fault);
    }
    if (ready == 0) {
        return fault_set(fault,
                         trip->sent > 0 ? OUTCOME_UNSURE : OUTCOME_LATER,
                         "redis",
                         REDIS_TIMEOUT,
                         "no answer in time: %zu of %zu replies came",
                         trip->got,
                         trip->count);
    }
    enum outcome outcome = OUTCOME_DONE;
    if (waiter.revents & POLLOUT) {
        outcome = send_some(trip, fault);
    }
    if (outcome == OUTCOME_DONE && (waiter.revents & (POLLIN | POLLHUP | POLLERR))) {
        outcome = read_some(trip, fault);
    }
    return outcome;
}

static enum outcome send_some(struct trip *trip, struct fault *fault)
{
    const struct exchange *exchange = trip->exchange;
    ssize_t sent = send(exchange->fd,
                        exchange->out.at + trip->sent,
                        exchange->out.len - trip->sent,
                        MSG_NOSIGNAL);
    if (sent < 0) {
        return is_passing(errno) ? OUTCOME_DONE
                                 : broke(trip, strerrordesc_np(errno), fault);
    }
    trip->sent += (size_t)sent;
    return OUTCOME_DONE;
}

static enum outcome read_some(struct trip *trip, struct fault *fault)
{
    char bytes[READ_BYTES];
    ssize_t got = recv(trip->exchange->fd, bytes, sizeof(bytes), 0);
    if (got < 0) {
        return is_passing(errno) ? OUTCOME_DONE
                                 : broke(trip, strerrordesc_np(errno), fault);
    }
    if (got == 0) {
        return broke(trip, "Redis closed the connection", fault);
    }
    struct span read = {bytes, (size_t)got};
    struct fault why;
    if (resp_feed(trip->exchange->reader, read, &why) != OUTCOME_DONE) {
        return broke(trip, why.text, fault);
    }
    return take_replies(trip, fault);
}

static enum outcome take_replies(struct trip *trip, struct fault *fault)
{
    struct resp_reader *reader = trip->exchange->reader;
    while (trip->got < trip->count) {
        const struct reply *reply = NULL;
        struct fault why;
        if (resp_next(reader, &reply, &why) != OUTCOME_DONE) {
            return broke(trip, why.text, fault);
        }
        if (!reply) {
            return OUTCOME_DONE;
        }
        trip->replies[trip->got++] = *reply;
    }
    if (resp_has_more(reader)) {
        return broke(trip, "a reply that nobody asked for", fault);
    }
    return OUTCOME_DONE;
}

static bool is_passing(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* A command of which not a byte was sent cannot have happened. */
static enum outcome broke(const struct trip *trip, const char *why, struct fault *fault)
{
    return fault_set(fault,
                     trip->sent > 0 ? OUTCOME_UNSURE : OUTCOME_LATER,
                     "redis",
                     REDIS_BROKEN,
                     "%s",
                     why);
}
