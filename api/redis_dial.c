/* SPDX-License-Identifier: MIT
 * How a connection to Redis comes about: wait, look up, dial, greet; and how it ends. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include "api/counters.h"
#include "api/redis_state.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"

enum { FIRST_WAIT_MS = 20, MOST_WAIT_MS = 500, PULSE_MS = 1000, REPLIES_BYTES = 4 << 20 };

static void on_dial_time(evutil_socket_t fd, short what, void *context);
static void feel_pulse(struct redis_async *redis);
static void set_timer(struct redis_async *redis, int64_t ms);
static void start(struct redis_async *redis);
static void dial_path(struct redis_async *redis);
static void look_up(struct redis_async *redis);
static void on_address(int error, struct evutil_addrinfo *found, void *context);
static const struct evutil_addrinfo *address_at(const struct evutil_addrinfo *found,
                                                unsigned turn);
static void dial(struct redis_async *redis,
                 const struct sockaddr *address,
                 socklen_t len);
static void on_connected(evutil_socket_t fd, short what, void *context);
static void greet(struct redis_async *redis);
static void send_words(struct redis_async *redis,
                       const char *const *words,
                       int count,
                       int64_t limit_ms);
static void on_greeting(void *context,
                        enum outcome outcome,
                        const struct reply *reply,
                        const struct fault *fault);
static void fail(struct redis_async *redis, const char *step, const char *why);

enum outcome redis_async_open(struct event_base *base,
                              const struct settings *settings,
                              const struct clock *clock,
                              struct redis_counts *counts,
                              struct redis_async **out_redis,
                              struct fault *fault)
{
    return redis_async_listen(base, settings, clock, counts, NULL, out_redis, fault);
}

enum outcome redis_async_listen(struct event_base *base,
                                const struct settings *settings,
                                const struct clock *clock,
                                struct redis_counts *counts,
                                const struct redis_ears *ears,
                                struct redis_async **out_redis,
                                struct fault *fault)
{
    struct redis_async *redis = calloc(1, sizeof(*redis));
    if (!redis) {
        abort();
    }
    redis->base = base;
    redis->settings = settings;
    redis->clock = clock;
    redis->counts = counts;
    redis->ears = ears;
    redis->fd = -1;
    arena_init(&redis->replies, REPLIES_BYTES);
    redis_open_limit(redis);
    redis->dial_event = evtimer_new(base, on_dial_time, redis);
    assert(redis->dial_event);
    enum outcome outcome = dial_init(&redis->dial, settings->redis.address, fault);
    const char *file = settings->redis.password_file;
    if (outcome != OUTCOME_DONE) {
        fault_lay_to(fault, "redis.address");
    } else if (file[0] != '\0') {
        outcome = settings_read_secret(file, &redis->password, fault);
    }
    if (outcome != OUTCOME_DONE) {
        redis_async_close(redis);
        return outcome;
    }
    (void)fault_set(&redis->last_fault,
                    OUTCOME_LATER,
                    "redis",
                    REDIS_UNREACHABLE,
                    "not yet dialled");
    start(redis);
    *out_redis = redis;
    return OUTCOME_DONE;
}

void redis_async_close(struct redis_async *redis)
{
    if (!redis) {
        return;
    }
    struct fault fault;
    (void)fault_set(&fault, OUTCOME_UNSURE, "redis", REDIS_BROKEN, "we are leaving");
    redis->stage = REDIS_DOWN;
    redis_detach(redis);
    redis_fail_all(redis, &fault);
    if (redis->lookup) {
        evdns_getaddrinfo_cancel(redis->lookup);
    }
    if (redis->dns) {
        evdns_base_free(redis->dns, 1);
    }
    if (redis->connect_event) {
        event_free(redis->connect_event);
    }
    event_free(redis->dial_event);
    event_free(redis->limit_event);
    arena_done(&redis->replies);
    dial_done(&redis->dial);
    text_wipe(&redis->password);
    free(redis);
}

void redis_break(struct redis_async *redis, const struct fault *fault)
{
    struct fault why = *fault;
    bool was_up = redis->stage == REDIS_UP;
    if (!redis->told || was_up) {
        log_warning(redis->ears ? "what redis publishes cannot be heard"
                                : "redis is away",
                    LOG_FAULT(&why));
        redis->told = true;
    }
    counter_add(&redis->counts->failures, 1);
    redis->stage = REDIS_DOWN;
    redis->turn += was_up ? 0 : 1;
    redis->last_fault = why;
    redis_detach(redis);
    if (redis->connect_event) {
        event_free(redis->connect_event);
        redis->connect_event = NULL;
    }
    /* The first dial after a break comes at once: a restarted Redis is there already. */
    redis->wait_ms = was_up                              ? FIRST_WAIT_MS
                     : redis->wait_ms * 2 < MOST_WAIT_MS ? redis->wait_ms * 2
                                                         : MOST_WAIT_MS;
    set_timer(redis, redis->wait_ms);
    redis_fail_all(redis, &why);
}

void redis_async_redial(struct redis_async *redis, const struct fault *why)
{
    if (redis->stage == REDIS_UP) {
        redis_break(redis, why);
    }
}

static void on_dial_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct redis_async *redis = context;
    if (redis->stage == REDIS_DOWN) {
        start(redis);
        return;
    }
    if (redis->stage == REDIS_UP) {
        feel_pulse(redis);
        return;
    }
    if (redis->lookup) {
        evdns_getaddrinfo_cancel(redis->lookup); /* on_address is called for it */
        return;
    }
    fail(redis, "connecting", "it takes too long");
}

/* A connection that died silently is found before a client has to. */
static void feel_pulse(struct redis_async *redis)
{
    if (redis->in_flight == 0) {
        const char *ping[] = {"PING"};
        send_words(redis, ping, 1, REDIS_ASYNC_SILENT_MS);
    }
    set_timer(redis, PULSE_MS);
}

static void set_timer(struct redis_async *redis, int64_t ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    evtimer_add(redis->dial_event, &wait);
}

static void start(struct redis_async *redis)
{
    if (redis->wait_ms == 0) {
        redis->wait_ms = FIRST_WAIT_MS;
    }
    set_timer(redis, redis->settings->redis.connect_ms);
    if (redis->dial.path) {
        dial_path(redis);
    } else {
        look_up(redis);
    }
}

static void dial_path(struct redis_async *redis)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert(strlen(redis->dial.path) < sizeof(address.sun_path)); /* dial_init saw to it */
    memcpy(address.sun_path, redis->dial.path, strlen(redis->dial.path));
    dial(redis, (const struct sockaddr *)&address, sizeof(address));
}

/* Numbers need nobody; names are asked for at every dial, so that a failover by DNS is
 * followed. */
static void look_up(struct redis_async *redis)
{
    struct evutil_addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                    .ai_flags = EVUTIL_AI_NUMERICHOST};
    struct evutil_addrinfo *found = NULL;
    if (evutil_getaddrinfo(redis->dial.host, redis->dial.port, &hints, &found) == 0) {
        dial(redis, found->ai_addr, (socklen_t)found->ai_addrlen);
        evutil_freeaddrinfo(found);
        return;
    }
    if (!redis->dns) {
        redis->dns = evdns_base_new(redis->base,
                                    EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                        EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    }
    if (!redis->dns) {
        fail(redis, "looking up", "there is no name server");
        return;
    }
    hints.ai_flags = 0;
    redis->stage = REDIS_LOOKING_UP;
    struct evdns_getaddrinfo_request *lookup = evdns_getaddrinfo(redis->dns,
                                                                 redis->dial.host,
                                                                 redis->dial.port,
                                                                 &hints,
                                                                 on_address,
                                                                 redis);
    if (lookup) { /* else on_address was called already */
        redis->lookup = lookup;
    }
}

static void on_address(int error, struct evutil_addrinfo *found, void *context)
{
    struct redis_async *redis = context;
    redis->lookup = NULL;
    if (redis->stage != REDIS_LOOKING_UP) {
        if (found) {
            evutil_freeaddrinfo(found);
        }
        return; /* cancelled: we are closing */
    }
    if (error != 0 || !found) {
        fail(redis, "looking up", evutil_gai_strerror(error));
        return;
    }
    const struct evutil_addrinfo *address = address_at(found, redis->turn);
    dial(redis, address->ai_addr, (socklen_t)address->ai_addrlen);
    evutil_freeaddrinfo(found);
}

/* A name may have several addresses, of which some lead nowhere: localhost is ::1 too. */
static const struct evutil_addrinfo *address_at(const struct evutil_addrinfo *found,
                                                unsigned turn)
{
    unsigned count = 0;
    for (const struct evutil_addrinfo *at = found; at; at = at->ai_next) {
        count++;
    }
    for (turn %= count; turn > 0; turn--) {
        found = found->ai_next;
    }
    return found;
}

static void dial(struct redis_async *redis, const struct sockaddr *address, socklen_t len)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    redis->stage = REDIS_DIALLING;
    if (fd < 0) {
        fail(redis, "making a socket", strerrordesc_np(errno));
        return;
    }
    if (address->sa_family != AF_UNIX) {
        int on = 1; /* both only tune: a socket without them works */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    redis->fd = fd;
    if (connect(fd, address, len) != 0 && errno != EINPROGRESS) {
        fail(redis, "connecting", strerrordesc_np(errno));
        return;
    }
    redis->connect_event = event_new(redis->base, fd, EV_WRITE, on_connected, redis);
    assert(redis->connect_event);
    event_add(redis->connect_event, NULL);
}

static void on_connected(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct redis_async *redis = context;
    int error = 0;
    socklen_t len = sizeof(error);
    event_free(redis->connect_event);
    redis->connect_event = NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        fail(redis, "connecting", strerrordesc_np(error ? error : errno));
        return;
    }
    redis_attach(redis, fd);
    greet(redis);
}

static void greet(struct redis_async *redis)
{
    const char *user = redis->settings->redis.username;
    int64_t limit_ms = redis->settings->redis.connect_ms;
    redis->stage = REDIS_GREETING;
    redis->greetings_left =
        1 + (int)(redis->ears ? redis->ears->channel_count : queue_scripts_count);
    redis->heard_ms = clock_mono_ms(redis->clock);
    if (redis->password.len > 0) {
        bool named = user[0] != '\0';
        const char *words[] = {"AUTH",
                               named ? user : redis->password.at,
                               redis->password.at};
        redis->greetings_left++;
        send_words(redis, words, named ? 3 : 2, limit_ms);
    }
    /* While it is loading, PING is refused, and so is everything else that we want. */
    const char *ping[] = {"PING"};
    send_words(redis, ping, 1, limit_ms);
    for (size_t i = 0; !redis->ears && i < queue_scripts_count; i++) {
        redis_enqueue_load(redis, &queue_scripts[i], limit_ms, on_greeting, redis);
    }
    /* One at a time, since each channel is answered by itself. */
    for (size_t i = 0; redis->ears && i < redis->ears->channel_count; i++) {
        const char *subscribe[] = {"SUBSCRIBE", redis->ears->channels[i]};
        send_words(redis, subscribe, 2, limit_ms);
    }
}

static void send_words(struct redis_async *redis,
                       const char *const *words,
                       int count,
                       int64_t limit_ms)
{
    enum { MOST_WORDS = 4 };
    const char *args[MOST_WORDS];
    size_t lens[MOST_WORDS];
    assert(count <= MOST_WORDS);
    for (int i = 0; i < count; i++) {
        args[i] = words[i];
        lens[i] = strlen(words[i]);
    }
    struct command command = {.count = count, .args = args, .lens = lens};
    redis_enqueue(redis, &command, limit_ms, on_greeting, redis);
}

static void on_greeting(void *context,
                        enum outcome outcome,
                        const struct reply *reply,
                        const struct fault *fault)
{
    struct redis_async *redis = context;
    (void)reply;
    if (redis->stage != REDIS_GREETING) {
        return; /* it is up and felt its pulse, or broke and is being given up */
    }
    if (outcome != OUTCOME_DONE) {
        redis_break(redis, fault);
        return;
    }
    if (--redis->greetings_left > 0) {
        return;
    }
    redis->stage = REDIS_UP;
    redis->wait_ms = FIRST_WAIT_MS;
    if (redis->ears) {
        evtimer_del(redis->dial_event); /* its owner feels its pulse */
    } else {
        set_timer(redis, PULSE_MS);
    }
    counter_add(&redis->counts->connects, 1);
    if (redis->told) {
        log_info(redis->ears ? "what redis publishes is heard again" : "redis is back");
        redis->told = false;
    }
    if (redis->ears) {
        redis->ears->listening(redis->ears->context);
    }
}

static void fail(struct redis_async *redis, const char *step, const char *why)
{
    struct fault fault;
    (void)
        fault_set(&fault, OUTCOME_LATER, "redis", REDIS_UNREACHABLE, "%s: %s", step, why);
    redis_break(redis, &fault);
}
