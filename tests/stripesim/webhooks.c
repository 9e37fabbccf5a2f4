/* SPDX-License-Identifier: MIT
 * Which event goes where and when. How one is sent is in courier.c. */
#include "tests/stripesim/webhooks.h"

#include <stdlib.h>

#include <event2/event.h>

#include "common/base/clock.h"
#include "tests/stripesim/courier.h"
#include "tests/stripesim/events.h"
#include "tests/stripesim/waiting.h"
#include "tests/stripesim/webhook_endpoints.h"

/* Where events go. */
struct target {
    struct courier *courier;
    const struct webhook_endpoint *registered; /* NULL: it is of the command line */
    bool is_connect; /* of the command line: whose events */
    bool is_gone; /* what is on its way still goes there */
};

struct webhooks {
    struct event_base *base;
    struct random *choices;
    struct random seals; /* its own: attempts come in the order of the answers */
    struct target *targets;
    size_t target_count;
    size_t configured; /* how many of the targets are of the command line: the first */
    struct event *timer;
    struct event *pump;
    struct webhooks_settings settings;
    struct webhooks_counts counts;
    struct delivery *ready; /* oldest first */
    struct delivery **ready_end;
    struct waiting waiting;
    struct stripe_event **withheld;
    size_t withheld_count;
    size_t withheld_room;
    int64_t under_way;
    unsigned int generation; /* counts resets: what was sent before is nobody's */
};

/* What the courier hands back. */
struct errand {
    struct webhooks *webhooks;
    struct delivery *delivery;
    unsigned int generation;
};

static void add_target(struct webhooks *webhooks, struct target target);
static bool is_wanted(const struct target *target, const struct stripe_event *event);
static int64_t count_wanted(const struct webhooks *webhooks,
                            const struct stripe_event *event);
static void withhold(struct webhooks *webhooks, struct stripe_event *event);
static void schedule(struct webhooks *webhooks, struct stripe_event *event);
static void schedule_to(struct webhooks *webhooks,
                        struct stripe_event *event,
                        size_t target);
static void send_after(struct webhooks *webhooks,
                       struct delivery *delivery,
                       int64_t after_ms);
static void make_ready(struct webhooks *webhooks, struct delivery *delivery);
static void on_timer(evutil_socket_t descriptor, short what, void *context);
static void set_timer(struct webhooks *webhooks);
static void on_pump(evutil_socket_t descriptor, short what, void *context);
static void send_off(struct webhooks *webhooks, struct delivery *delivery);
static void on_sent(void *context, int status);
static void try_again(struct webhooks *webhooks, struct delivery *delivery);
static void forget_all(struct webhooks *webhooks);

struct setting {
    const char *name;
    size_t offset;
    int64_t fallback;
    int64_t least;
    int64_t most;
};

#define SETTING(member, fallback, least, most)                                           \
    {                                                                                    \
#member, offsetof(struct webhooks_settings, member), fallback, least, most       \
    }
static const struct setting settings[] = {
    SETTING(concurrency, 32, 1, 1024),
    SETTING(timeout_ms, 20000, 10, 600000),
    SETTING(retries, 16, 0, 1000),
    SETTING(retry_first_ms, 1000, 1, 86400000),
    SETTING(retry_most_ms, 3600000, 1, 86400000),
    SETTING(delay_ms, 0, 0, 86400000),
    SETTING(reorder_ms, 0, 0, 86400000),
    SETTING(duplicate_percent, 0, 0, 100),
    SETTING(withhold_percent, 0, 0, 100),
    SETTING(bad_signature_percent, 0, 0, 100),
    SETTING(no_signature_percent, 0, 0, 100),
};
enum { SETTING_COUNT = sizeof(settings) / sizeof(settings[0]), RETRY_GROWTH = 4 };

static int64_t *setting_at(struct webhooks_settings *values, const struct setting *row)
{
    return (int64_t *)(void *)((char *)values + row->offset);
}

struct webhooks *webhooks_new(struct event_base *base,
                              struct random *choices,
                              const struct webhooks_endpoint endpoints[],
                              struct fault *fault)
{
    struct webhooks *webhooks = calloc(1, sizeof(*webhooks));
    if (!webhooks) {
        abort();
    }
    webhooks->base = base;
    webhooks->choices = choices;
    random_seed(&webhooks->seals, random_next(choices));
    webhooks->ready_end = &webhooks->ready;
    webhooks->timer = event_new(base, -1, 0, on_timer, webhooks);
    webhooks->pump = event_new(base, -1, 0, on_pump, webhooks);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        *setting_at(&webhooks->settings, &settings[i]) = settings[i].fallback;
    }
    for (int i = 0; i < WEBHOOKS_ENDPOINT_COUNT; i++) {
        struct target target = {.is_connect = i == WEBHOOKS_CONNECT};
        if (!endpoints[i].url) {
            continue;
        }
        if (courier_new(base, &endpoints[i], &target.courier, fault) != OUTCOME_DONE) {
            webhooks_free(webhooks);
            return NULL;
        }
        add_target(webhooks, target);
        webhooks->configured++;
    }
    return webhooks;
}

void webhooks_free(struct webhooks *webhooks)
{
    if (!webhooks) {
        return;
    }
    forget_all(webhooks);
    for (size_t i = 0; i < webhooks->target_count; i++) {
        courier_free(webhooks->targets[i].courier);
    }
    free(webhooks->targets);
    event_free(webhooks->timer);
    event_free(webhooks->pump);
    free(webhooks->withheld);
    free(webhooks->waiting.at);
    free(webhooks);
}

void webhooks_register(struct webhooks *webhooks, const struct webhook_endpoint *endpoint)
{
    struct fault fault;
    struct target target = {.registered = endpoint};
    for (size_t i = webhooks->configured; i < webhooks->target_count; i++) {
        if (webhooks->targets[i].registered == endpoint) {
            webhooks->targets[i].is_gone = true;
        }
    }
    if (courier_new(webhooks->base,
                    &(struct webhooks_endpoint){endpoint->url, endpoint->secret},
                    &target.courier,
                    &fault) == OUTCOME_DONE) {
        add_target(webhooks, target);
    }
}

void webhooks_offer(struct webhooks *webhooks, struct stripe_event *event)
{
    webhooks->counts.events++;
    event->pending_webhooks = count_wanted(webhooks, event);
    if (event->pending_webhooks == 0) {
        return;
    }
    if (random_percent(webhooks->choices, webhooks->settings.withhold_percent)) {
        withhold(webhooks, event);
        return;
    }
    schedule(webhooks, event);
    if (random_percent(webhooks->choices, webhooks->settings.duplicate_percent)) {
        webhooks->counts.duplicates++;
        schedule(webhooks, event);
    }
}

void webhooks_resend(struct webhooks *webhooks, struct stripe_event *event)
{
    schedule(webhooks, event);
}

int64_t webhooks_release(struct webhooks *webhooks)
{
    size_t count = webhooks->withheld_count;
    for (size_t i = 0; i < count; i++) {
        schedule(webhooks, webhooks->withheld[i]);
    }
    webhooks->withheld_count = 0;
    webhooks->counts.released += (int64_t)count;
    return (int64_t)count;
}

void webhooks_reset(struct webhooks *webhooks)
{
    forget_all(webhooks);
    for (size_t i = webhooks->configured; i < webhooks->target_count; i++) {
        courier_free(webhooks->targets[i].courier);
    }
    webhooks->target_count = webhooks->configured;
    webhooks->counts = (struct webhooks_counts){0};
    random_seed(&webhooks->seals, random_next(webhooks->choices));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        *setting_at(&webhooks->settings, &settings[i]) = settings[i].fallback;
    }
}

struct webhooks_counts webhooks_count(const struct webhooks *webhooks)
{
    struct webhooks_counts counts = webhooks->counts;
    counts.withheld = (int64_t)webhooks->withheld_count;
    return counts;
}

bool webhooks_is_idle(const struct webhooks *webhooks)
{
    return webhooks->counts.outstanding == 0;
}

bool webhooks_set(struct webhooks *webhooks, struct span name, int64_t value)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (span_is(name, settings[i].name) && value >= settings[i].least &&
            value <= settings[i].most) {
            *setting_at(&webhooks->settings, &settings[i]) = value;
            return true;
        }
    }
    return false;
}

void webhooks_write_settings(const struct webhooks *webhooks, struct json_writer *json)
{
    struct webhooks_settings values = webhooks->settings;
    json_open(json, "settings", '{');
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        json_put_integer(json, settings[i].name, *setting_at(&values, &settings[i]));
    }
    json_close(json, '}');
}

void webhooks_write_counts(const struct webhooks *webhooks, struct json_writer *json)
{
    struct webhooks_counts counts = webhooks_count(webhooks);
    json_open(json, "webhooks", '{');
    json_put_integer(json, "attempts", counts.attempts);
    json_put_integer(json, "delivered", counts.delivered);
    json_put_integer(json, "failed", counts.failed);
    json_put_integer(json, "given_up", counts.given_up);
    json_put_integer(json, "duplicates", counts.duplicates);
    json_put_integer(json, "withheld", counts.withheld);
    json_put_integer(json, "released", counts.released);
    json_put_integer(json, "outstanding", counts.outstanding);
    json_close(json, '}');
}

static void add_target(struct webhooks *webhooks, struct target target)
{
    webhooks->targets =
        realloc(webhooks->targets, (webhooks->target_count + 1) * sizeof(struct target));
    if (!webhooks->targets) {
        abort();
    }
    webhooks->targets[webhooks->target_count++] = target;
}

static bool is_wanted(const struct target *target, const struct stripe_event *event)
{
    if (target->is_gone) {
        return false;
    }
    return target->registered ? webhook_endpoints_wants(target->registered, event)
                              : target->is_connect == (event->subject != NULL);
}

static int64_t count_wanted(const struct webhooks *webhooks,
                            const struct stripe_event *event)
{
    int64_t count = 0;
    for (size_t i = 0; i < webhooks->target_count; i++) {
        count += is_wanted(&webhooks->targets[i], event) ? 1 : 0;
    }
    return count;
}

static void withhold(struct webhooks *webhooks, struct stripe_event *event)
{
    if (webhooks->withheld_count == webhooks->withheld_room) {
        webhooks->withheld_room = webhooks->withheld_room * 2 + 64;
        webhooks->withheld =
            realloc(webhooks->withheld,
                    webhooks->withheld_room * sizeof(struct stripe_event *));
        if (!webhooks->withheld) {
            abort();
        }
    }
    webhooks->withheld[webhooks->withheld_count++] = event;
}

static void schedule(struct webhooks *webhooks, struct stripe_event *event)
{
    for (size_t i = 0; i < webhooks->target_count; i++) {
        if (is_wanted(&webhooks->targets[i], event)) {
            schedule_to(webhooks, event, i);
        }
    }
}

static void schedule_to(struct webhooks *webhooks,
                        struct stripe_event *event,
                        size_t target)
{
    struct delivery *delivery = calloc(1, sizeof(*delivery));
    if (!delivery) {
        abort();
    }
    delivery->event = event;
    delivery->target = target;
    webhooks->counts.outstanding++;
    int64_t after_ms = webhooks->settings.delay_ms;
    if (webhooks->settings.reorder_ms > 0) {
        after_ms += random_between(webhooks->choices, 0, webhooks->settings.reorder_ms);
    }
    send_after(webhooks, delivery, after_ms);
}

static void send_after(struct webhooks *webhooks,
                       struct delivery *delivery,
                       int64_t after_ms)
{
    if (after_ms == 0) {
        make_ready(webhooks, delivery);
        return;
    }
    delivery->due_ms = clock_mono_ms(&clock_system) + after_ms;
    waiting_put(&webhooks->waiting, delivery);
    if (webhooks->waiting.at[0] == delivery) {
        set_timer(webhooks);
    }
}

/* The pump runs once the caller is back in the loop: sending from inside a transition
 * would mix what happens with who is told. */
static void make_ready(struct webhooks *webhooks, struct delivery *delivery)
{
    delivery->next = NULL;
    *webhooks->ready_end = delivery;
    webhooks->ready_end = &delivery->next;
    event_active(webhooks->pump, 0, 0);
}

static void on_timer(evutil_socket_t descriptor, short what, void *context)
{
    struct webhooks *webhooks = context;
    (void)descriptor;
    (void)what;
    int64_t now_ms = clock_mono_ms(&clock_system);
    while (webhooks->waiting.count > 0 && webhooks->waiting.at[0]->due_ms <= now_ms) {
        make_ready(webhooks, waiting_take(&webhooks->waiting));
    }
    set_timer(webhooks);
}

static void set_timer(struct webhooks *webhooks)
{
    if (webhooks->waiting.count == 0) {
        event_del(webhooks->timer);
        return;
    }
    int64_t left_ms = webhooks->waiting.at[0]->due_ms - clock_mono_ms(&clock_system);
    left_ms = left_ms > 0 ? left_ms : 0;
    event_add(webhooks->timer,
              &(struct timeval){left_ms / 1000, (left_ms % 1000) * 1000});
}

static void on_pump(evutil_socket_t descriptor, short what, void *context)
{
    struct webhooks *webhooks = context;
    (void)descriptor;
    (void)what;
    while (webhooks->ready && webhooks->under_way < webhooks->settings.concurrency) {
        struct delivery *delivery = webhooks->ready;
        webhooks->ready = delivery->next;
        if (!webhooks->ready) {
            webhooks->ready_end = &webhooks->ready;
        }
        send_off(webhooks, delivery);
    }
}

static void send_off(struct webhooks *webhooks, struct delivery *delivery)
{
    struct errand *errand = calloc(1, sizeof(*errand));
    if (!errand) {
        abort();
    }
    *errand = (struct errand){webhooks, delivery, webhooks->generation};
    enum courier_seal seal = COURIER_SIGNED;
    if (random_percent(&webhooks->seals, webhooks->settings.no_signature_percent)) {
        seal = COURIER_UNSIGNED;
    } else if (random_percent(&webhooks->seals,
                              webhooks->settings.bad_signature_percent)) {
        seal = COURIER_FORGED;
    }
    delivery->attempts++;
    webhooks->counts.attempts++;
    webhooks->under_way++;
    courier_send(webhooks->targets[delivery->target].courier,
                 delivery->event,
                 seal,
                 webhooks->settings.timeout_ms,
                 on_sent,
                 errand);
}

static void on_sent(void *context, int status)
{
    struct errand *errand = context;
    struct webhooks *webhooks = errand->webhooks;
    struct delivery *delivery = errand->delivery;
    bool is_ours = errand->generation == webhooks->generation;
    free(errand);
    webhooks->under_way--;
    event_active(webhooks->pump, 0, 0);
    if (!is_ours) {
        free(delivery);
        return;
    }
    if (status < 200 || status > 299) {
        webhooks->counts.failed++;
        try_again(webhooks, delivery);
        return;
    }
    webhooks->counts.delivered++;
    webhooks->counts.outstanding--;
    delivery->event->deliveries++;
    delivery->event->pending_webhooks -= delivery->event->pending_webhooks > 0 ? 1 : 0;
    free(delivery);
}

static void try_again(struct webhooks *webhooks, struct delivery *delivery)
{
    if (delivery->attempts > webhooks->settings.retries) {
        webhooks->counts.given_up++;
        webhooks->counts.outstanding--;
        free(delivery);
        return;
    }
    int64_t after_ms = webhooks->settings.retry_first_ms;
    for (int64_t i = 1;
         i < delivery->attempts && after_ms < webhooks->settings.retry_most_ms;
         i++) {
        after_ms *= RETRY_GROWTH;
    }
    if (after_ms > webhooks->settings.retry_most_ms) {
        after_ms = webhooks->settings.retry_most_ms;
    }
    send_after(webhooks, delivery, after_ms);
}

/* What is under way cannot be called back; its end will find that it is nobody's. */
static void forget_all(struct webhooks *webhooks)
{
    struct delivery *delivery = webhooks->ready;
    while (delivery) {
        struct delivery *next = delivery->next;
        free(delivery);
        delivery = next;
    }
    for (size_t i = 0; i < webhooks->waiting.count; i++) {
        free(webhooks->waiting.at[i]);
    }
    webhooks->ready = NULL;
    webhooks->ready_end = &webhooks->ready;
    webhooks->waiting.count = 0;
    webhooks->withheld_count = 0;
    webhooks->generation++;
    event_del(webhooks->timer);
}
