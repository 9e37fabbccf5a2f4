/* SPDX-License-Identifier: MIT
 * Listens, and makes sure that it does. */
#include "api/subscriber.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "api/counters.h"
#include "api/door.h"
#include "api/loop.h"
#include "api/redis_async.h"
#include "api/session.h"
#include "api/waiting.h"
#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "common/link/session_store.h"

enum { NAMES_BYTES = 64 * 1024, HOST_BYTES = 65, OTHER_CHANNELS = 2 };

struct subscriber {
    struct loop *loop;
    struct redis_async *redis;
    struct redis_ears ears;
    struct event *beat_event;
    int64_t heard_ms; /* anything, or when it began to listen */
    struct arena names;
    struct span channel;
    struct span self; /* the channel of messages to itself */
};

static void name_channels(struct subscriber *subscriber);
static struct span own_name(struct subscriber *subscriber);
static void on_listening(void *context);
static void on_heard(void *context, struct span channel, struct span message);
static void on_beat(evutil_socket_t fd, short what, void *context);
static void speak(struct subscriber *subscriber);
static void on_spoken(void *context,
                      enum outcome outcome,
                      const struct reply *reply,
                      const struct fault *fault);

enum outcome subscriber_open(struct loop *loop,
                             struct subscriber **out_subscriber,
                             struct fault *fault)
{
    struct subscriber *subscriber = calloc(1, sizeof(*subscriber));
    if (!subscriber) {
        abort();
    }
    subscriber->loop = loop;
    subscriber->beat_event = event_new(loop->base, -1, EV_PERSIST, on_beat, subscriber);
    assert(subscriber->beat_event);
    arena_init(&subscriber->names, NAMES_BYTES);
    name_channels(subscriber);
    enum outcome outcome = redis_async_listen(loop->base,
                                              loop->door->settings,
                                              loop->door->clock,
                                              &loop->counters->ears,
                                              &subscriber->ears,
                                              &subscriber->redis,
                                              fault);
    if (outcome != OUTCOME_DONE) {
        subscriber_close(subscriber);
        return outcome;
    }
    struct timeval beat = {.tv_usec = (suseconds_t)SUBSCRIBER_BEAT_MS * 1000};
    event_add(subscriber->beat_event, &beat);
    *out_subscriber = subscriber;
    return OUTCOME_DONE;
}

void subscriber_close(struct subscriber *subscriber)
{
    if (!subscriber) {
        return;
    }
    redis_async_close(subscriber->redis);
    event_free(subscriber->beat_event);
    arena_done(&subscriber->names);
    free(subscriber);
}

struct span subscriber_channel(const struct subscriber *subscriber)
{
    return subscriber->channel;
}

static void name_channels(struct subscriber *subscriber)
{
    struct arena *arena = &subscriber->names;
    int partitions = (int)subscriber->loop->door->settings->redis.partitions;
    size_t count = 0;
    const char **channels =
        ARENA_ARRAY(arena, const char *, (size_t)partitions + OTHER_CHANNELS);
    subscriber->channel = own_name(subscriber);
    subscriber->self = span_of(
        arena_format(arena, "{tocsin}:self:%.*s", SPAN_ARGS(subscriber->channel)));
    channels[count++] = subscriber->self.at;
    channels[count++] = SESSION_STORE_ENDED;
    for (int i = 0; i < partitions; i++) {
        struct partition partition = {.number = i, .count = partitions};
        channels[count++] =
            queue_settled_channel(arena, partition, subscriber->channel).at;
    }
    subscriber->ears = (struct redis_ears){.channels = channels,
                                           .channel_count = count,
                                           .listening = on_listening,
                                           .heard = on_heard,
                                           .context = subscriber};
}

/* Host and process tell the front doors apart, the start two lives of one process number,
 * the number the loops. */
static struct span own_name(struct subscriber *subscriber)
{
    char host[HOST_BYTES] = "";
    if (gethostname(host, sizeof(host) - 1) != 0) {
        host[0] = '\0';
    }
    const struct loop *loop = subscriber->loop;
    return span_of(arena_format(&subscriber->names,
                                "%s.%ld.%" PRIx64 ".%d",
                                host,
                                (long)getpid(),
                                (uint64_t)clock_wall_ms(loop->door->clock),
                                loop->number));
}

static void on_listening(void *context)
{
    struct subscriber *subscriber = context;
    subscriber->heard_ms = loop_mono_ms(subscriber->loop);
    waiting_look_at_all(subscriber->loop->waiting);
    session_missed(subscriber->loop);
}

static void on_heard(void *context, struct span channel, struct span message)
{
    struct subscriber *subscriber = context;
    struct loop *loop = subscriber->loop;
    struct span state;
    subscriber->heard_ms = loop_mono_ms(loop);
    if (span_equal(channel, subscriber->self)) {
        return;
    }
    if (span_is(channel, SESSION_STORE_ENDED)) {
        session_hear(loop, message);
        return;
    }
    counter_add(&loop->counters->heard, 1);
    waiting_hear(loop->waiting, span_cut(message, ' ', &state));
}

static void on_beat(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct subscriber *subscriber = context;
    int64_t silent_ms = loop_mono_ms(subscriber->loop) - subscriber->heard_ms;
    if (redis_async_is_up(subscriber->redis) && silent_ms >= SUBSCRIBER_SILENT_MS) {
        struct fault fault;
        (void)fault_set(&fault,
                        OUTCOME_LATER,
                        "redis",
                        REDIS_TIMEOUT,
                        "it has been silent for %" PRId64 " ms",
                        silent_ms);
        redis_async_redial(subscriber->redis, &fault);
        return;
    }
    speak(subscriber);
}

static void speak(struct subscriber *subscriber)
{
    const char *args[] = {"PUBLISH", subscriber->self.at, "."};
    size_t lens[] = {7, subscriber->self.len, 1};
    struct command command = {.count = 3, .args = args, .lens = lens};
    struct loop *loop = subscriber->loop;
    struct fault fault;
    enum outcome outcome = redis_async_send(loop->redis,
                                            &command,
                                            loop->door->settings->api.redis_ms,
                                            on_spoken,
                                            subscriber,
                                            &fault);
    (void)outcome; /* what was not said is not heard, and then it dials again */
}

static void on_spoken(void *context,
                      enum outcome outcome,
                      const struct reply *reply,
                      const struct fault *fault)
{
    (void)context;
    (void)outcome;
    (void)reply;
    (void)fault;
}
