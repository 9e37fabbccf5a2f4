/* SPDX-License-Identifier: MIT
 * Payments by the hundred, each following a script. */
#include "tests/stripesim/play.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "tests/stripesim/payments.h"
#include "tests/stripesim/play_scripts.h"
#include "tests/stripesim/sim.h"

enum { SLICE = 100, TICK_US = 5000, TEXT_CEILING_BYTES = 64 * 1024 };

/* A payment between two steps. */
struct actor {
    struct payment_intent *intent;
    const struct play_script *script;
    int step;
    int64_t due_ms;
    struct actor *next;
};

/* What was asked for and is not done. All steps are the same time apart, so the actors of
 * one act become due in the order in which they wait. */
struct act {
    struct play_order order;
    struct random choices; /* its own, so that nothing else takes from its sequence */
    int64_t begun;
    int64_t started_ms;
    struct actor *waiting;
    struct actor **waiting_end;
    struct act *next;
};

struct play {
    struct sim *sim;
    struct event *timer;
    struct act *acts;
    int64_t number; /* of the last payment */
    int64_t played; /* payments whose script is over */
};

static void on_tick(evutil_socket_t descriptor, short what, void *context);
static int64_t may_begin(const struct act *act, int64_t now_ms);
static void begin(struct play *play, struct act *act, int64_t now_ms);
static const struct play_script *choose(struct act *act);
static const struct play_destination *choose_destination(struct act *act);
static const char *numbered(struct sim *sim, const char *text, int64_t number);
static void go_on(struct play *play,
                  struct act *act,
                  struct actor *actor,
                  int64_t now_ms);
static bool is_over(const struct act *act);
static void free_act(struct act *act);

struct play *play_new(struct sim *sim)
{
    struct play *play = calloc(1, sizeof(*play));
    if (!play) {
        abort();
    }
    play->sim = sim;
    play->timer = evtimer_new(sim->base, on_tick, play);
    return play;
}

void play_free(struct play *play)
{
    if (play) {
        play_stop(play);
        event_free(play->timer);
        free(play);
    }
}

void play_start(struct play *play, const struct play_order *order)
{
    struct act *act = calloc(1, sizeof(*act));
    if (!act) {
        abort();
    }
    act->order = *order;
    random_seed(&act->choices, random_next(&play->sim->choices));
    act->started_ms = clock_mono_ms(play->sim->clock);
    act->waiting_end = &act->waiting;
    int64_t weight = 0;
    for (int i = 0; i < PLAY_SCRIPTS; i++) {
        weight += order->weights[i];
    }
    for (int i = 0; weight == 0 && i < PLAY_SCRIPTS; i++) {
        act->order.weights[i] = play_scripts[i].usual_weight;
    }
    act->next = play->acts;
    play->acts = act;
    event_active(play->timer, 0, 0);
}

void play_stop(struct play *play)
{
    while (play->acts) {
        struct act *act = play->acts;
        play->acts = act->next;
        free_act(act);
    }
    play->number = 0;
    play->played = 0;
    event_del(play->timer);
}

bool play_is_idle(const struct play *play)
{
    return play->acts == NULL;
}

void play_write(const struct play *play, struct json_writer *json)
{
    int64_t left = 0;
    for (const struct act *act = play->acts; act; act = act->next) {
        left += act->order.count - act->begun;
    }
    json_open(json, "play", '{');
    json_put_bool(json, "running", play->acts != NULL);
    json_put_integer(json, "begun", play->number);
    json_put_integer(json, "played", play->played);
    json_put_integer(json, "left", left);
    json_close(json, '}');
}

static void on_tick(evutil_socket_t descriptor, short what, void *context)
{
    struct play *play = context;
    (void)descriptor;
    (void)what;
    int64_t now_ms = clock_mono_ms(play->sim->clock);
    struct act **link = &play->acts;
    while (*link) {
        struct act *act = *link;
        for (int64_t left = may_begin(act, now_ms); left > 0; left--) {
            begin(play, act, now_ms);
        }
        for (int done = 0; done < SLICE && act->waiting && act->waiting->due_ms <= now_ms;
             done++) {
            struct actor *actor = act->waiting;
            act->waiting = actor->next;
            if (!act->waiting) {
                act->waiting_end = &act->waiting;
            }
            go_on(play, act, actor, now_ms);
        }
        if (is_over(act)) {
            *link = act->next;
            free_act(act);
        } else {
            link = &act->next;
        }
    }
    if (play->acts) {
        event_add(play->timer, &(struct timeval){0, TICK_US});
    }
}

/* How many payments may begin now: what the rate has allowed since the start, less what
 * has begun; never more than a slice, so that the loop turns. */
static int64_t may_begin(const struct act *act, int64_t now_ms)
{
    int64_t left = act->order.count - act->begun;
    if (act->order.rate_per_s > 0) {
        int64_t allowed =
            1 + (now_ms - act->started_ms) * act->order.rate_per_s / 1000 - act->begun;
        left = allowed < left ? allowed : left;
    }
    return left < SLICE ? left : SLICE;
}

static void begin(struct play *play, struct act *act, int64_t now_ms)
{
    struct sim *sim = play->sim;
    const struct play_order *order = &act->order;
    struct actor *actor = calloc(1, sizeof(*actor));
    if (!actor) {
        abort();
    }
    actor->script = choose(act);
    const struct play_destination *to = choose_destination(act);
    act->begun++;
    play->number++;
    struct payment_intent *intent = payments_new(sim, NULL);
    intent->amount =
        random_between(&act->choices, order->amount_least, order->amount_most);
    intent->card_present = true;
    intent->capture_method = actor->script->is_manual ? "manual" : "automatic";
    intent->payment_method_types = "[\"card_present\"]";
    intent->payment_method_options =
        "{\"card_present\":{\"request_extended_authorization\":false,"
        "\"request_incremental_authorization_support\":false}}";
    intent->destination = to->account;
    bool has_fee = random_percent(&act->choices, order->fee_percent) && order->fee > 0 &&
                   to->account;
    intent->application_fee_amount = has_fee ? order->fee : OBJECT_NONE;
    intent->metadata = numbered(sim, to->metadata, play->number);
    if (order->receipt_email && random_percent(&act->choices, order->receipt_percent)) {
        intent->receipt_email = numbered(sim, order->receipt_email, play->number);
    }
    payments_created(sim, intent);
    actor->intent = intent;
    go_on(play, act, actor, now_ms);
}

static const struct play_script *choose(struct act *act)
{
    const struct play_order *order = &act->order;
    int64_t total = 0;
    for (int i = 0; i < PLAY_SCRIPTS; i++) {
        total += order->weights[i];
    }
    int64_t at = random_between(&act->choices, 1, total);
    int i = 0;
    while (at > order->weights[i]) {
        at -= order->weights[i++];
        assert(i < PLAY_SCRIPTS);
    }
    return &play_scripts[i];
}

static const struct play_destination *choose_destination(struct act *act)
{
    const struct play_destination *all = act->order.destinations;
    int64_t total = 0;
    for (size_t i = 0; i < act->order.destination_count; i++) {
        total += all[i].weight;
    }
    int64_t at = random_between(&act->choices, 1, total);
    size_t i = 0;
    while (at > all[i].weight) {
        at -= all[i++].weight;
        assert(i < act->order.destination_count);
    }
    return &all[i];
}

/* Texts without "{n}" are shared. */
static const char *numbered(struct sim *sim, const char *text, int64_t number)
{
    const char *found = strstr(text, "{n}");
    if (!found) {
        return text;
    }
    struct text out;
    text_init(&out, TEXT_CEILING_BYTES);
    const char *at = text;
    for (; found; found = strstr(at, "{n}")) {
        text_add(&out, (struct span){at, (size_t)(found - at)});
        text_add_i64(&out, number);
        at = found + 3;
    }
    text_add_string(&out, at);
    const char *copy = store_copy(&sim->store, text_span(&out));
    text_done(&out);
    return copy;
}

/* Without a pause between them the steps follow at once. */
static void go_on(struct play *play, struct act *act, struct actor *actor, int64_t now_ms)
{
    while (actor->step < PLAY_MOST_STEPS && actor->script->steps[actor->step]) {
        if (act->order.step_ms > 0 && actor->due_ms <= 0) {
            actor->due_ms = now_ms + act->order.step_ms;
            actor->next = NULL;
            *act->waiting_end = actor;
            act->waiting_end = &actor->next;
            return;
        }
        actor->script->steps[actor->step++](play->sim, actor->intent);
        actor->due_ms = 0;
    }
    play->played++;
    free(actor);
}

static bool is_over(const struct act *act)
{
    return act->begun == act->order.count && !act->waiting;
}

static void free_act(struct act *act)
{
    while (act->waiting) {
        struct actor *actor = act->waiting;
        act->waiting = actor->next;
        free(actor);
    }
    free(act);
}
