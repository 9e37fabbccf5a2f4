/* SPDX-License-Identifier: MIT
 *
 * loop - one event loop in one thread: connections, deadlines, and what its handlers
 * share.
 *
 * Owns:    its connections, its requests, its link to Redis; the listening sockets are
 *          borrowed
 * Callers: server (open, run, stop, close); connections and handlers of the same loop
 * Blocks:  loop_run until it is told to stop and everything was answered
 * Order:   loop_open, loop_run in a thread of its own, loop_stop from any thread,
 *          loop_close
 *
 * Loops share the listening sockets, the door, and the number of connections; nothing
 * else.
 */
#ifndef API_LOOP_H
#define API_LOOP_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/door.h"
#include "api/http_write.h"
#include "api/listener.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct connection;
struct device_list;
struct event;
struct event_base;
struct ingest;
struct mailbox;
struct redis_async;
struct request;
struct session_cache;
struct subscriber;
struct sync_line;
struct waiting;
struct watch;

/* What a connection is doing. Each state has one limit of time, so that the connections
 * of a state stand in the order in which their time runs out. */
enum connection_state {
    CONNECTION_IDLE, /* between requests: api.idle_ms */
    CONNECTION_HEAD, /* a request's headers come in: api.header_ms from its first byte */
    CONNECTION_BODY, /* its body comes in: api.body_ms */
    CONNECTION_WAITING, /* a handler has it, and answers within limits of its own */
    CONNECTION_WRITING, /* the answer goes out: api.answer_ms */
    CONNECTION_STREAMING, /* a handler sends it in pieces, and ends within limits of its own;
                             while a piece cannot go out, it is CONNECTION_WRITING */
    CONNECTION_LEAVING, /* the last answer is out; what still comes is thrown away: 2 s */
    CONNECTION_CLOSED, /* waits for the end of the turn to be freed */
};
enum { CONNECTION_STATES = CONNECTION_CLOSED + 1 };

struct connection_list {
    struct connection *first; /* whose time runs out first */
    struct connection *last;
};

struct loop {
    const struct door *door;
    int number;
    struct event_base *base;
    struct counters *counters;
    struct redis_async *redis;
    struct ingest *ingest;
    struct sync_line *sync_line;
    struct waiting *waiting;
    struct watch *watches; /* of batches: who was looked at longest ago comes first */
    struct watch *last_watch;
    int looks; /* that are on their way */
    struct subscriber *subscriber;
    struct device_list *devices;
    struct mailbox *reads; /* NULL: it closes */
    struct session_cache *sessions;

    int listen_fds[LISTENERS]; /* -1: there is none */
    atomic_int *connection_total; /* of all loops */
    sem_t *accepts_ended; /* posted once the loop has left the listening sockets alone */
    struct event *accept_events[LISTENERS];
    struct event *tick_event;
    struct event *stop_event;
    int stop_fd; /* an eventfd */
    bool accept_paused;
    int64_t accept_from_ms; /* even without Redis */
    int64_t warn_from_ms; /* about connections that find no place, again */
    bool draining;
    int64_t drain_until_ms;
    _Atomic int64_t beat_ms; /* the last tick: the watchdog looks at it */

    struct connection_list lists[CONNECTION_STATES];
    size_t connection_count; /* those that are not closed */
    size_t buffered_bytes; /* of what they have read */
    size_t kept_bytes; /* of requests that are kept until they are answered */
    struct request *spare_requests;
    size_t spare_count;
    uint64_t waiting_most; /* requests at once, since memory was given back */
    uint64_t connected_most; /* and connections */
    int64_t sweep_ms; /* the next look at connections that wait */
    uint64_t next_id;
    int64_t warned_s; /* the second of the last warnings about requests */
    int warned; /* how many in it */
    struct text scratch; /* an answer that is being put together */
    int64_t date_s;
    char date[HTTP_DATE_BYTES];
};

MUST_USE enum outcome loop_open(struct loop *loop,
                                const struct door *door,
                                int number,
                                const struct listener *listeners,
                                atomic_int *connection_total,
                                sem_t *accepts_ended,
                                struct fault *fault);
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* from any thread */
void loop_close(struct loop *loop);

int64_t loop_mono_ms(const struct loop *loop);
int64_t loop_mono_us(const struct loop *loop);
/* Whether one more warning about a request may be logged: a few a second are enough. */
bool loop_may_warn(struct loop *loop);
/* How many there are now, of what `most` has the peak of. */
static inline void loop_saw_crowd(uint64_t *most, uint64_t now)
{
    *most = now > *most ? now : *most;
}
/* For the Date header; made anew once a second. */
const char *loop_date(struct loop *loop);

#endif
