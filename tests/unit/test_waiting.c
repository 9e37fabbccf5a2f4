/* SPDX-License-Identifier: MIT
 * Who waits is answered exactly once, whatever comes first: with a Redis and a clock that
 * the test holds in its hand. */
#include "api/waiting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "api/counters.h"
#include "api/door.h"
#include "api/loop.h"
#include "api/redis_async.h"
#include "api/request.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "tests/unit/cmocka_all.h"

enum { CALLS = 512, ARGUMENTS_BEFORE_IDS = 4, WORDS = 7, WAIT_MS = 10000 };

/* One call on its way to Redis. */
struct call {
    redis_answer_fn answer;
    void *context;
    size_t count;
    char ids[RESULTS_MOST_JOBS][64];
};

/* One request, and what came of it. */
struct caller {
    struct request request;
    int answers;
    enum waited waited;
    bool known;
    enum job_state state;
    char result[32];
    struct caller *then; /* waits for the same job from within the callback */
    const char *then_id;
};

static struct settings settings;
static struct door door;
static struct counters counters;
static struct loop loop;
static struct arena arena;
static int64_t now_ms;
static bool away; /* nothing can be sent */
static struct call calls[CALLS];
static size_t call_count;
static size_t looks; /* of all calls */

/* --- what the loop has besides ----------------------------------------------------- */

int64_t loop_mono_ms(const struct loop *which)
{
    (void)which;
    return now_ms;
}

bool loop_may_warn(struct loop *which)
{
    (void)which;
    return false;
}

enum outcome redis_async_send(struct redis_async *redis,
                              const struct command *command,
                              int64_t limit_ms,
                              redis_answer_fn answer,
                              void *context,
                              struct fault *fault)
{
    (void)redis;
    assert_true(limit_ms > 0);
    if (away) {
        return fault_set(fault, OUTCOME_LATER, "redis", 0, "away");
    }
    assert_true(call_count < CALLS);
    struct call *call = &calls[call_count++];
    *call = (struct call){.answer = answer, .context = context};
    call->count = (size_t)command->count - ARGUMENTS_BEFORE_IDS;
    assert_true(call->count >= 1 && call->count <= RESULTS_MOST_JOBS);
    for (size_t i = 0; i < call->count; i++) {
        size_t at = i + ARGUMENTS_BEFORE_IDS;
        assert_true(command->lens[at] < sizeof(call->ids[i]));
        memcpy(call->ids[i], command->args[at], command->lens[at]);
    }
    looks += call->count;
    return OUTCOME_DONE;
}

/* --- helpers ----------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    settings.redis.partitions = 1;
    settings.api.redis_ms = 200;
    now_ms = 1000000;
    away = false;
    call_count = 0;
    looks = 0;
    memset(&counters, 0, sizeof(counters));
    door = (struct door){.settings = &settings, .connections_most = 100};
    loop = (struct loop){.door = &door, .counters = &counters};
    loop.base = event_base_new();
    loop.waiting = waiting_open(&loop);
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(counter_read(&counters.jobs_awaited), 0);
    waiting_close(loop.waiting);
    event_base_free(loop.base);
    arena_done(&arena);
    return 0;
}

static void wait_for(struct caller *caller, const char *id, int64_t ms, int flags);

enum { LOOK_NOW = 1, ONCE = 2 };

static void on_answer(struct request *request,
                      void *context,
                      enum waited waited,
                      const struct job_result *job)
{
    struct caller *caller = context;
    assert_ptr_equal(request, &caller->request);
    assert_null(request->left);
    caller->answers++;
    caller->waited = waited;
    caller->known = job->known;
    caller->state = job->state;
    snprintf(caller->result, sizeof(caller->result), "%.*s", SPAN_ARGS(job->result));
    if (caller->then) {
        wait_for(caller->then, caller->then_id, WAIT_MS, 0);
    }
}

static void wait_for(struct caller *caller, const char *id, int64_t ms, int flags)
{
    struct wait wait = {.job_id = span_of(id),
                        .until_ms = now_ms + ms,
                        .look_now = (flags & LOOK_NOW) != 0,
                        .once = (flags & ONCE) != 0,
                        .answer = on_answer,
                        .context = caller};
    caller->request.loop = &loop;
    caller->request.connection = (struct connection *)(void *)caller; /* somebody */
    waiting_add(&caller->request, &wait);
}

static void leave(struct caller *caller)
{
    void (*left)(struct request *, void *) = caller->request.left;
    caller->request.connection = NULL;
    caller->request.left = NULL;
    if (left) {
        left(&caller->request, caller->request.left_context);
    }
}

static void end_turn(void)
{
    event_base_loop(loop.base, EVLOOP_NONBLOCK);
}

static void tick(void)
{
    now_ms += WAITING_TICK_MS;
    waiting_tick(loop.waiting, now_ms);
    end_turn();
}

static struct reply text(const char *string)
{
    return (struct reply){.type = REPLY_TEXT, .text = span_of(string)};
}

static struct reply number(int64_t integer)
{
    return (struct reply){.type = REPLY_INTEGER, .integer = integer};
}

/* The first call's reply says this of all its jobs; state "" is no such job, "left out"
 * one whose result had no room. NULL: it fails. */
static void reply_with(const char *state, const char *result)
{
    assert_true(call_count > 0);
    struct call call = calls[0];
    memmove(calls, calls + 1, --call_count * sizeof(calls[0]));
    if (!state) {
        struct fault fault;
        (void)fault_set(&fault, OUTCOME_UNSURE, "redis", 0, "late");
        call.answer(call.context, OUTCOME_UNSURE, NULL, &fault);
        return;
    }
    bool left_out = strcmp(state, "left out") == 0;
    struct reply *words = ARENA_ARRAY(&arena, struct reply, call.count * WORDS);
    for (size_t i = 0; i < call.count; i++) {
        struct reply *at = words + i * WORDS;
        at[0] = text(left_out ? "done" : state);
        at[1] = text("a");
        at[2] = text("");
        at[3] = text(state[0] ? "1700000000000" : "");
        at[4] = text(result);
        at[5] = number(left_out ? 1 : 0);
        at[6] = number(0);
    }
    struct reply reply = {.type = REPLY_LIST,
                          .items = words,
                          .count = call.count * WORDS};
    struct fault fault;
    memset(&fault, 0, sizeof(fault));
    call.answer(call.context, OUTCOME_DONE, &reply, &fault);
    arena_reset(&arena);
    end_turn();
}

static void assert_waits(const struct caller *caller)
{
    assert_int_equal(caller->answers, 0);
}

static void assert_answered(const struct caller *caller, enum waited waited)
{
    assert_int_equal(caller->answers, 1);
    assert_int_equal(caller->waited, waited);
}

/* --- one job ----------------------------------------------------------------------- */

static void a_message_brings_a_look_in_the_same_turn_and_that_the_answer(void **state)
{
    (void)state;
    struct caller caller = {.answers = 0};
    wait_for(&caller, "a:1:x", WAIT_MS, 0);
    end_turn();
    assert_int_equal(call_count, 0);
    waiting_hear(loop.waiting, SPAN("a:1:x"));
    waiting_hear(loop.waiting, SPAN("a:1:x"));
    waiting_hear(loop.waiting, SPAN("a:1:other"));
    end_turn();
    assert_int_equal(call_count, 1);
    assert_int_equal(calls[0].count, 1);
    assert_string_equal(calls[0].ids[0], "a:1:x");
    reply_with("done", "sealed");
    assert_answered(&caller, WAITED_SETTLED);
    assert_string_equal(caller.result, "sealed");
}

static void without_any_message_it_is_looked_at_again_and_again(void **state)
{
    (void)state;
    struct caller caller = {.answers = 0};
    wait_for(&caller, "a:1:x", WAIT_MS, 0);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < WAITING_LOOK_MS / WAITING_TICK_MS; i++) {
            tick();
        }
        assert_int_equal(call_count, 1);
        reply_with(round % 2 ? "ready" : "leased", "");
        assert_waits(&caller);
    }
    for (int i = 0; i < WAITING_LOOK_MS / WAITING_TICK_MS; i++) {
        tick();
    }
    reply_with("dead", "");
    assert_answered(&caller, WAITED_SETTLED);
    assert_int_equal(caller.state, JOB_DEAD);
}

static void looks_that_fail_go_on_until_the_end(void **state)
{
    (void)state;
    struct caller caller = {.answers = 0};
    struct caller once = {.answers = 0};
    away = true;
    wait_for(&caller, "a:1:x", 2000, 0);
    wait_for(&once, "a:1:x", 2000, LOOK_NOW | ONCE);
    end_turn();
    assert_answered(&once, WAITED_UNSEEN);
    for (int i = 0; i < 20; i++) {
        tick();
    }
    away = false;
    while (call_count == 0) {
        tick();
    }
    reply_with(NULL, NULL);
    assert_waits(&caller);
    while (caller.answers == 0) {
        tick();
    }
    assert_answered(&caller, WAITED_LATE);
    assert_false(caller.known);
    while (call_count > 0) {
        reply_with("done", "x");
    }
}

static void a_deadline_is_kept_to_the_tick(void **state)
{
    (void)state;
    static const int64_t waits[] = {0, 1, 49, 50, 51, 1000, 24999, 25000};
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        struct caller caller = {.answers = 0};
        int64_t from_ms = now_ms;
        wait_for(&caller, "a:1:x", waits[i], 0);
        while (caller.answers == 0) {
            tick();
            while (call_count > 0) {
                reply_with("leased", "");
            }
        }
        assert_answered(&caller, WAITED_LATE);
        assert_true(now_ms - from_ms >= waits[i]);
        assert_true(now_ms - from_ms <= waits[i] + 2 * WAITING_TICK_MS);
        if (waits[i] > WAITING_LOOK_MS) {
            assert_true(caller.known);
            assert_int_equal(caller.state, JOB_LEASED);
        }
    }
}

static void after_a_stall_everybody_whose_time_is_up_is_told(void **state)
{
    (void)state;
    struct caller callers[6];
    memset(callers, 0, sizeof(callers));
    tick();
    for (int i = 0; i < 5; i++) {
        wait_for(&callers[i], "a:1:x", i * 5000, 0);
    }
    now_ms += 60000;
    wait_for(&callers[5], "a:1:y", 25000, 0); /* came before the tick did */
    tick();
    for (int i = 0; i < 5; i++) {
        assert_answered(&callers[i], WAITED_LATE);
    }
    assert_waits(&callers[5]);
    leave(&callers[5]);
    while (call_count > 0) {
        reply_with("done", "");
    }
}

static void what_is_heard_during_a_look_is_looked_at_once_more(void **state)
{
    (void)state;
    struct caller caller = {.answers = 0};
    wait_for(&caller, "a:1:x", WAIT_MS, LOOK_NOW);
    end_turn();
    waiting_hear(loop.waiting, SPAN("a:1:x"));
    end_turn();
    assert_int_equal(call_count, 1);
    reply_with("leased", "");
    assert_int_equal(call_count, 1);
    reply_with("done", "x");
    assert_answered(&caller, WAITED_SETTLED);
}

static void a_message_that_comes_before_anybody_waits_is_not_lost(void **state)
{
    (void)state;
    struct caller caller = {.answers = 0};
    waiting_hear(loop.waiting, SPAN("a:1:x"));
    wait_for(&caller, "a:1:x", WAIT_MS, 0);
    end_turn();
    assert_int_equal(call_count, 1);
    reply_with("done", "x");
    assert_answered(&caller, WAITED_SETTLED);
}

static void a_result_without_room_is_asked_for_again_at_once(void **state)
{
    (void)state;
    struct caller caller = {.answers = 0};
    wait_for(&caller, "a:1:x", WAIT_MS, LOOK_NOW);
    end_turn();
    reply_with("left out", "");
    assert_waits(&caller);
    assert_int_equal(call_count, 1);
    reply_with("done", "x");
    assert_string_equal(caller.result, "x");
}

static void one_look_tells_whatever_it_saw(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        enum waited waited;
    } cases[] = {
        {"ready", WAITED_SEEN},
        {"leased", WAITED_SEEN},
        {"scheduled", WAITED_SEEN},
        {"done", WAITED_SETTLED},
        {"dead", WAITED_SETTLED},
        {"", WAITED_GONE},
        {NULL, WAITED_UNSEEN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct caller caller = {.answers = 0};
        wait_for(&caller, "a:1:x", WAIT_MS, LOOK_NOW | ONCE);
        end_turn();
        reply_with(cases[i].reply, "");
        assert_answered(&caller, cases[i].waited);
    }
}

static void a_job_that_redis_lost_is_told_at_once(void **state)
{
    (void)state;
    struct caller caller = {.answers = 0};
    wait_for(&caller, "a:1:x", WAIT_MS, LOOK_NOW);
    end_turn();
    reply_with("", "");
    assert_answered(&caller, WAITED_GONE);
}

/* --- several ------------------------------------------------------------------------ */

static void all_who_wait_for_a_job_are_answered_by_one_look(void **state)
{
    (void)state;
    struct caller callers[4];
    memset(callers, 0, sizeof(callers));
    wait_for(&callers[0], "a:1:x", WAIT_MS, 0);
    wait_for(&callers[1], "a:1:x", WAIT_MS, LOOK_NOW | ONCE);
    wait_for(&callers[2], "a:1:x", WAIT_MS, 0);
    wait_for(&callers[3], "a:1:y", WAIT_MS, 0);
    end_turn();
    reply_with("leased", "");
    assert_answered(&callers[1], WAITED_SEEN);
    assert_waits(&callers[0]);
    waiting_hear(loop.waiting, SPAN("a:1:x"));
    end_turn();
    reply_with("done", "x");
    assert_answered(&callers[0], WAITED_SETTLED);
    assert_answered(&callers[2], WAITED_SETTLED);
    assert_waits(&callers[3]);
    leave(&callers[3]);
}

static void who_leaves_is_told_so_whenever_that_is(void **state)
{
    (void)state;
    struct caller before = {.answers = 0};
    wait_for(&before, "a:1:x", WAIT_MS, LOOK_NOW);
    leave(&before);
    assert_answered(&before, WAITED_LEFT);
    end_turn();
    assert_int_equal(call_count, 0);

    struct caller during = {.answers = 0};
    wait_for(&during, "a:1:x", WAIT_MS, LOOK_NOW);
    end_turn();
    leave(&during);
    assert_answered(&during, WAITED_LEFT);
    struct caller next = {.answers = 0};
    wait_for(&next, "a:1:x", WAIT_MS, 0);
    reply_with("done", "x");
    assert_waits(&next); /* that look was another's */
    leave(&next);

    struct caller earlier = {.answers = 0};
    struct wait wait = {.job_id = SPAN("a:1:x"),
                        .until_ms = now_ms + WAIT_MS,
                        .answer = on_answer,
                        .context = &earlier};
    earlier.request.loop = &loop; /* and no connection */
    waiting_add(&earlier.request, &wait);
    tick();
    tick();
    assert_answered(&earlier, WAITED_LEFT);
    while (call_count > 0) {
        reply_with("done", "");
    }
}

static void a_callback_may_wait_for_the_same_job(void **state)
{
    (void)state;
    struct caller second = {.answers = 0};
    struct caller first = {.then = &second, .then_id = "a:1:x"};
    wait_for(&first, "a:1:x", WAIT_MS, LOOK_NOW);
    end_turn();
    reply_with("done", "x");
    assert_answered(&first, WAITED_SETTLED);
    assert_waits(&second);
    waiting_hear(loop.waiting, SPAN("a:1:x"));
    end_turn();
    reply_with("done", "x");
    assert_answered(&second, WAITED_SETTLED);
}

static void a_loop_that_drains_answers_all_but_single_looks(void **state)
{
    (void)state;
    struct caller callers[3];
    memset(callers, 0, sizeof(callers));
    wait_for(&callers[0], "a:1:x", WAIT_MS, 0);
    wait_for(&callers[1], "a:1:x", WAIT_MS, LOOK_NOW | ONCE);
    end_turn();
    waiting_drain(loop.waiting);
    tick();
    assert_answered(&callers[0], WAITED_LEAVING);
    assert_waits(&callers[1]);
    wait_for(&callers[2], "a:1:y", WAIT_MS, 0);
    tick();
    assert_answered(&callers[2], WAITED_LEAVING);
    while (call_count > 0) {
        reply_with("leased", "");
    }
    assert_answered(&callers[1], WAITED_SEEN);
}

/* --- crowds ------------------------------------------------------------------------- */

enum { CROWD = 2000, ROUND = WAITING_LOOK_MS / WAITING_TICK_MS };

static void a_crowd_is_looked_at_evenly_and_in_batches(void **state)
{
    (void)state;
    struct caller *callers = calloc(CROWD, sizeof(*callers));
    assert_non_null(callers);
    for (int i = 0; i < CROWD; i++) {
        char id[32];
        snprintf(id, sizeof(id), "a:1:%d", i);
        wait_for(&callers[i], id, WAIT_MS, 0);
    }
    size_t most = 0;
    size_t most_calls = 0;
    for (int i = 0; i < ROUND; i++) {
        size_t before = looks;
        tick();
        most = looks - before > most ? looks - before : most;
        most_calls = call_count > most_calls ? call_count : most_calls;
        while (call_count > 0) {
            reply_with("ready", "");
        }
    }
    assert_int_equal(looks, CROWD); /* each once in a round */
    assert_true(most <= CROWD / ROUND + 1);
    assert_true(most_calls <= most / RESULTS_MOST_JOBS + 1);
    waiting_look_at_all(loop.waiting);
    end_turn();
    assert_int_equal(looks, 2 * CROWD);
    while (call_count > 0) {
        reply_with("done", "x");
    }
    for (int i = 0; i < CROWD; i++) {
        assert_answered(&callers[i], WAITED_SETTLED);
    }
    free(callers);
}

/* Anything in any order: each is answered once, and nothing is left. */
static void whatever_happens_everybody_is_answered_once(void **state)
{
    (void)state;
    enum { WALKERS = 3000, NAMES = 40 };
    static const char *const states[] = {"ready", "leased", "done", "dead", "", NULL};
    struct caller *callers = calloc(WALKERS, sizeof(*callers));
    assert_non_null(callers);
    unsigned seed = 7;
    int next = 0;
    char id[32];
    while (next < WALKERS) {
        seed = seed * 1103515245U + 12345U;
        unsigned dice = (seed >> 16) % 100;
        snprintf(id, sizeof(id), "a:1:%u", (seed >> 8) % NAMES);
        away = dice == 99;
        if (dice < 50) {
            int64_t wait_ms = (int64_t)((seed >> 4) % 2000);
            wait_for(&callers[next++], id, wait_ms, (int)(seed >> 12) % 4);
        } else if (dice < 60 && next > 0) {
            leave(&callers[(int)((seed >> 5) % (unsigned)next)]);
        } else if (dice < 70) {
            waiting_hear(loop.waiting, span_of(id));
        } else if (dice < 85 && call_count > 0) {
            reply_with(states[(seed >> 9) % 6], "x");
        } else {
            tick();
        }
    }
    away = false;
    for (int i = 0; i < 60 || call_count > 0; i++) {
        tick();
        while (call_count > 0) {
            reply_with("leased", "");
        }
    }
    for (int i = 0; i < WALKERS; i++) {
        assert_int_equal(callers[i].answers, 1);
    }
    free(callers);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_brings_a_look_in_the_same_turn_and_that_the_answer),
        TEST(without_any_message_it_is_looked_at_again_and_again),
        TEST(looks_that_fail_go_on_until_the_end),
        TEST(a_deadline_is_kept_to_the_tick),
        TEST(after_a_stall_everybody_whose_time_is_up_is_told),
        TEST(what_is_heard_during_a_look_is_looked_at_once_more),
        TEST(a_message_that_comes_before_anybody_waits_is_not_lost),
        TEST(a_result_without_room_is_asked_for_again_at_once),
        TEST(one_look_tells_whatever_it_saw),
        TEST(a_job_that_redis_lost_is_told_at_once),
        TEST(all_who_wait_for_a_job_are_answered_by_one_look),
        TEST(who_leaves_is_told_so_whenever_that_is),
        TEST(a_callback_may_wait_for_the_same_job),
        TEST(a_loop_that_drains_answers_all_but_single_looks),
        TEST(a_crowd_is_looked_at_evenly_and_in_batches),
        TEST(whatever_happens_everybody_is_answered_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
