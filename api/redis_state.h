/* SPDX-License-Identifier: MIT
 *
 * redis_state - what redis_async.c and redis_dial.c share: the inside of a struct
 * redis_async.
 *
 * Owns:    as redis_async.h says
 * Callers: these two files alone
 * Blocks:  never
 */
#ifndef API_REDIS_STATE_H
#define API_REDIS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/redis_async.h"
#include "common/base/arena.h"
#include "common/base/text.h"
#include "common/link/dial.h"
#include "common/link/resp.h"

struct event;
struct evdns_base;
struct evdns_getaddrinfo_request;
struct queue_script;

/* Where the connection stands. */
enum redis_stage {
    REDIS_DOWN, /* waits to dial again */
    REDIS_LOOKING_UP, /* the name's address is being asked for */
    REDIS_DIALLING, /* the socket is connecting */
    REDIS_GREETING, /* password, PING, scripts */
    REDIS_UP,
};

/* One command from sending to its reply. */
struct redis_command {
    struct redis_command *next;
    redis_answer_fn answer; /* NULL: nobody waits (any more) */
    void *context;
    const struct queue_script *script; /* to load when Redis does not know it */
    bool repeated; /* after its script was loaded */
    int64_t sent_ms;
    int64_t limit_at_ms;
    size_t len;
    char bytes[];
};

struct redis_async {
    struct event_base *base;
    const struct settings *settings;
    const struct clock *clock;
    struct redis_counts *counts;
    const struct redis_ears *ears; /* NULL: it sends commands */
    struct dial dial; /* the parts of the address */
    struct text password; /* empty: none is sent */

    enum redis_stage stage;
    struct fault last_fault; /* why it is not up */
    bool told; /* the log has said that it is away */
    int64_t wait_ms; /* before the next dial */
    unsigned turn; /* which of a name's addresses is dialled; goes on when one fails */
    int greetings_left; /* replies until it is up */
    struct event *dial_event; /* the wait, then the limit of dialling and greeting */
    struct event *connect_event;
    struct evdns_base *dns;
    struct evdns_getaddrinfo_request *lookup;

    int fd; /* -1: none */
    struct event *read_event;
    struct event *write_event;
    struct event *limit_event;
    int64_t limit_armed_ms; /* 0: not armed */
    int64_t heard_ms; /* when Redis last said anything */
    struct arena replies;
    struct resp_reader *reader;

    struct redis_command *head; /* in the order in which replies come */
    struct redis_command *tail;
    struct redis_command *unsent; /* the first one that is not sent whole */
    size_t unsent_from;
    size_t in_flight;
    size_t in_flight_bytes;
};

/* redis_async.c */
void redis_open_limit(struct redis_async *redis);
void redis_arm_limit(struct redis_async *redis, int64_t at_ms);
void redis_disarm_limit(struct redis_async *redis);
void redis_attach(struct redis_async *redis, int fd);
void redis_detach(struct redis_async *redis);
void redis_enqueue(struct redis_async *redis,
                   const struct command *command,
                   int64_t limit_ms,
                   redis_answer_fn answer,
                   void *context);
void redis_enqueue_load(struct redis_async *redis,
                        const struct queue_script *script,
                        int64_t limit_ms,
                        redis_answer_fn answer,
                        void *context);
void redis_fail_all(struct redis_async *redis, const struct fault *fault);

/* redis_dial.c: the connection is no good any more. */
void redis_break(struct redis_async *redis, const struct fault *fault);

#endif
