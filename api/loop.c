/* SPDX-License-Identifier: MIT
 * One event loop: accepts, ticks, and drains when it is told to stop. */
#include "api/loop.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <event2/event.h>

#include "api/batch_watch.h"
#include "api/connection.h"
#include "api/counters.h"
#include "api/device_list.h"
#include "api/floods.h"
#include "api/ingest.h"
#include "api/proxies.h"
#include "api/reader.h"
#include "api/redis_async.h"
#include "api/request.h"
#include "api/session_cache.h"
#include "api/subscriber.h"
#include "api/sync_line.h"
#include "api/waiting.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/log.h"
#include "common/base/settings.h"

enum {
    TICK_MS = WAITING_TICK_MS,
    SWEEP_MS = 1000,
    CROWD_LEAST = 1024, /* from which on the memory is looked after */
    FIRST_ACCEPT_MS = 1000,
    WARN_EVERY_MS = 10 * 1000,
    WARNINGS_A_SECOND = 5,
    ACCEPTS_A_TURN = 8, /* so that the loops share a burst */
    SCRATCH_BYTES = 64 << 20,
};

static void open_events(struct loop *loop, const struct listener *listeners);
static void on_accept(evutil_socket_t fd, short what, void *context);
static bool accept_one(struct loop *loop, int listener);
static bool has_place(struct loop *loop, const struct address *peer);
static bool may_warn_of_places(struct loop *loop);
static void take_peer(const struct sockaddr_storage *from, struct address *out_peer);
static void pause_accepting(struct loop *loop, bool paused);
static void on_tick(evutil_socket_t fd, short what, void *context);
static void give_memory_back(struct loop *loop);
static bool has_dispersed(uint64_t *most, uint64_t now);
static void on_stop(evutil_socket_t fd, short what, void *context);

enum outcome loop_open(struct loop *loop,
                       const struct door *door,
                       int number,
                       const struct listener *listeners,
                       atomic_int *connection_total,
                       sem_t *accepts_ended,
                       struct fault *fault)
{
    *loop = (struct loop){.door = door,
                          .number = number,
                          .counters = &door->counters[number],
                          .connection_total = connection_total,
                          .accepts_ended = accepts_ended,
                          .accept_paused = true,
                          .stop_fd = -1};
    text_init(&loop->scratch, SCRATCH_BYTES);
    loop->sessions = session_cache_open();
    digest_random(&loop->next_id, sizeof(loop->next_id));
    loop->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct event_config *config = event_config_new();
    if (config) {
        /* Each loop stays in its thread, so nothing in it needs a lock. */
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        loop->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (loop->stop_fd < 0 || !loop->base) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "loop",
                         errno,
                         "cannot be made: %s",
                         strerror(errno));
    }
    open_events(loop, listeners);
    enum outcome outcome = redis_async_open(loop->base,
                                            door->settings,
                                            door->clock,
                                            &loop->counters->redis,
                                            &loop->redis,
                                            fault);
    if (outcome == OUTCOME_DONE) {
        loop->ingest =
            ingest_open(loop->base, door->settings, loop->redis, loop->counters);
        loop->sync_line = sync_line_open(loop->base, loop->ingest);
        loop->waiting = waiting_open(loop);
        loop->devices = device_list_open();
        outcome = mailbox_open(loop, &loop->reads, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = subscriber_open(loop, &loop->subscriber, fault);
    }
    return outcome;
}

static void open_events(struct loop *loop, const struct listener *listeners)
{
    for (int i = 0; i < LISTENERS; i++) {
        loop->listen_fds[i] = listeners[i].fd;
        if (listeners[i].fd >= 0) {
            loop->accept_events[i] = event_new(loop->base,
                                               listeners[i].fd,
                                               EV_READ | EV_PERSIST,
                                               on_accept,
                                               loop);
            assert(loop->accept_events[i]);
        }
    }
    loop->tick_event = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
    loop->stop_event =
        event_new(loop->base, loop->stop_fd, EV_READ | EV_PERSIST, on_stop, loop);
    assert(loop->tick_event && loop->stop_event);
    struct timeval tick = {.tv_usec = (suseconds_t)TICK_MS * 1000};
    event_add(loop->tick_event, &tick);
    event_add(loop->stop_event, NULL);
    atomic_store(&loop->beat_ms, loop_mono_ms(loop));
    loop->accept_from_ms = loop_mono_ms(loop) + FIRST_ACCEPT_MS;
}

void loop_run(struct loop *loop)
{
    (void)event_base_dispatch(loop->base);
}

void loop_stop(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->stop_fd, &one, sizeof(one));
    (void)written; /* an eventfd that is full has been told already */
}

void loop_close(struct loop *loop)
{
    if (loop->base) {
        connection_close_all(loop);
    }
    batch_watch_close(loop);
    mailbox_close(loop->reads);
    device_list_close(loop->devices);
    redis_async_close(loop->redis);
    loop->redis = NULL; /* those who hear of the end now may want to send something */
    subscriber_close(loop->subscriber);
    ingest_close(loop->ingest);
    sync_line_close(loop->sync_line);
    waiting_close(loop->waiting);
    connection_free_closed(loop);
    request_free_spares(loop);
    struct event *events[] = {loop->accept_events[LISTENER_PLAIN],
                              loop->accept_events[LISTENER_SECURE],
                              loop->tick_event,
                              loop->stop_event};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (events[i]) {
            event_free(events[i]);
        }
    }
    if (loop->base) {
        event_base_free(loop->base);
    }
    if (loop->stop_fd >= 0) {
        close(loop->stop_fd);
    }
    session_cache_close(loop->sessions);
    text_done(&loop->scratch);
}

int64_t loop_mono_ms(const struct loop *loop)
{
    return clock_mono_ms(loop->door->clock);
}

int64_t loop_mono_us(const struct loop *loop)
{
    (void)loop;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const char *loop_date(struct loop *loop)
{
    int64_t wall_ms = clock_wall_ms(loop->door->clock);
    if (loop->date_s != wall_ms / 1000) {
        loop->date_s = wall_ms / 1000;
        http_date(wall_ms, loop->date);
    }
    return loop->date;
}

bool loop_may_warn(struct loop *loop)
{
    int64_t now_s = loop_mono_ms(loop) / 1000;
    if (loop->warned_s != now_s) {
        loop->warned_s = now_s;
        loop->warned = 0;
    }
    return loop->warned++ < WARNINGS_A_SECOND;
}

static void on_accept(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct loop *loop = context;
    int listener =
        fd == loop->listen_fds[LISTENER_SECURE] ? LISTENER_SECURE : LISTENER_PLAIN;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        if (!accept_one(loop, listener)) {
            return;
        }
    }
}

/* The place is taken before the connection, so that loops together keep the limit. At
 * the limit, and when descriptors or memory run out, the next tick tries again: clients
 * wait in the listening queue meanwhile. */
static bool accept_one(struct loop *loop, int listener)
{
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(from);
    int64_t most = loop->door->connections_most;
    if (atomic_fetch_add_explicit(loop->connection_total, 1, memory_order_relaxed) >=
        most) {
        atomic_fetch_sub_explicit(loop->connection_total, 1, memory_order_relaxed);
        pause_accepting(loop, true);
        return false;
    }
    int fd = accept4(loop->listen_fds[listener],
                     (struct sockaddr *)&from,
                     &len,
                     SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        atomic_fetch_sub_explicit(loop->connection_total, 1, memory_order_relaxed);
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (may_warn_of_places(loop)) {
                log_warning("no more connections can be taken for now",
                            LOG_NUMBER("loop", loop->number),
                            LOG_TEXT("why", strerrordesc_np(errno)));
            }
            pause_accepting(loop, true);
        }
        return errno == ECONNABORTED || errno == EINTR;
    }
    struct address peer;
    take_peer(&from, &peer);
    if (!has_place(loop, &peer)) {
        close(fd);
        atomic_fetch_sub_explicit(loop->connection_total, 1, memory_order_relaxed);
        return true;
    }
    if (!peer.is_local) {
        int on = 1; /* only tunes: a socket without it works */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    connection_open(loop, fd, &peer, listener == LISTENER_SECURE);
    return true;
}

/* However idle or slow its connections are, one address leaves room for others. It is known
 * only now, so who has its share is closed and does not wait in the queue. */
static bool has_place(struct loop *loop, const struct address *peer)
{
    const struct door *door = loop->door;
    bool is_many = peer->is_local || proxies_trust(&door->proxies, peer);
    int64_t share = door->connections_most * door->settings->api.connections_share / 100;
    share = share > 0 ? share : 1;
    if (floods_enter(door->floods,
                     FLOOD_CONNECTIONS,
                     peer,
                     is_many ? INT64_MAX : share)) {
        return true;
    }
    counter_add(&loop->counters->connections_refused, 1);
    if (may_warn_of_places(loop)) {
        log_warning("an address has its share of the connections",
                    LOG_NUMBER("loop", loop->number),
                    LOG_NUMBER("share", share));
    }
    return false;
}

static bool may_warn_of_places(struct loop *loop)
{
    int64_t now = loop_mono_ms(loop);
    bool may = now >= loop->warn_from_ms;
    loop->warn_from_ms = may ? now + WARN_EVERY_MS : loop->warn_from_ms;
    return may;
}

static void take_peer(const struct sockaddr_storage *from, struct address *out_peer)
{
    struct address peer = {.is_local = from->ss_family == AF_UNIX};
    if (from->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof(v4));
        peer.bytes[10] = 0xff;
        peer.bytes[11] = 0xff;
        memcpy(peer.bytes + 12, &v4.sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof(v6));
        memcpy(peer.bytes, &v6.sin6_addr, 16);
    }
    *out_peer = peer;
}

static void pause_accepting(struct loop *loop, bool paused)
{
    if (loop->accept_paused == paused) {
        return;
    }
    loop->accept_paused = paused;
    for (int i = 0; i < LISTENERS; i++) {
        if (!loop->accept_events[i]) {
            continue;
        }
        if (paused) {
            event_del(loop->accept_events[i]);
        } else {
            event_add(loop->accept_events[i], NULL);
        }
    }
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct loop *loop = context;
    int64_t now = loop_mono_ms(loop);
    atomic_store_explicit(&loop->beat_ms, now, memory_order_relaxed);
    reader_expire(loop->door->reader);
    connection_expire(loop, now);
    waiting_tick(loop->waiting, now);
    batch_watch_tick(loop, now);
    connection_free_closed(loop);
    if (now >= loop->sweep_ms) {
        loop->sweep_ms = now + SWEEP_MS;
        connection_sweep(loop, now);
        give_memory_back(loop);
    }
    if (loop->draining) {
        connection_drain(loop, now);
        if (loop->connection_count == 0 || now >= loop->drain_until_ms) {
            event_base_loopbreak(loop->base);
        }
        return;
    }
    /* Who comes while we start waits in the listening queue until Redis is there, at most
     * for a second: the first answers need not be 503. */
    if (redis_async_is_up(loop->redis) || now >= loop->accept_from_ms) {
        loop->accept_from_ms = now;
        pause_accepting(loop, false);
    }
}

/* What was freed between pieces that are still in use goes back to the system only when
 * asked for, which takes milliseconds: so once for each crowd, when it is gone. */
static void give_memory_back(struct loop *loop)
{
    bool answered =
        has_dispersed(&loop->waiting_most, counter_read(&loop->counters->waiting));
    bool left = has_dispersed(&loop->connected_most, loop->connection_count);
    if (answered || left) {
        (void)malloc_trim(0);
    }
}

static bool has_dispersed(uint64_t *most, uint64_t now)
{
    bool dispersed = *most >= CROWD_LEAST && now < *most / 8;
    *most = dispersed ? now : *most;
    return dispersed;
}

/* What waits in the listening queue was promised an answer by the kernel, so it is let in
 * before the door closes. */
static void on_stop(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct loop *loop = context;
    if (loop->draining) {
        return;
    }
    event_del(loop->stop_event);
    /* Those that wait already; who is refused for its address's share may come for ever. */
    int64_t left = loop->door->connections_most;
    for (int i = 0; i < LISTENERS; i++) {
        while (loop->listen_fds[i] >= 0 && left-- > 0 && accept_one(loop, i)) {
        }
    }
    pause_accepting(loop, true);
    sem_post(loop->accepts_ended);
    loop->draining = true;
    waiting_drain(loop->waiting);
    loop->drain_until_ms = loop_mono_ms(loop) + loop->door->settings->api.drain_ms;
    connection_drain(loop, loop_mono_ms(loop));
}
