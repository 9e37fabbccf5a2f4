/* SPDX-License-Identifier: MIT
 * What a worker holds, what it tells about it, and the small parts around: slots' shares,
 * outages, the bell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/json.h"
#include "worker/attempt.h"
#include "worker/bell.h"
#include "worker/outage.h"
#include "worker/roster.h"
#include "worker/slots.h"

static const struct kind quick = {.name = "quick", .limit_ms = 100};
static const struct kind patient = {.name = "patient", .limit_ms = 10000};

static struct attempt *add(struct roster *roster,
                           const char *id,
                           const struct kind *kind,
                           int64_t token)
{
    const struct job job = {.id = span_of(id), .kind = kind, .token = token};
    struct attempt *attempt = attempt_new(&job, (struct partition){0, 1}, NULL);
    roster_add(roster, attempt);
    return attempt;
}

static void drop(struct roster *roster, struct attempt *attempt)
{
    roster_remove(roster, attempt);
    attempt_free(attempt);
}

static void what_is_held_is_told_oldest_first_until_it_is_removed(void **state)
{
    (void)state;
    struct roster *roster = roster_new();
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct attempt *first = add(roster, "first", &quick, 1);
    struct attempt *second = add(roster, "second", &quick, 2);
    struct attempt *third = add(roster, "third", &quick, 3);
    drop(roster, second);
    size_t count = 0;
    struct job *held = roster_held(roster, (struct partition){0, 1}, &arena, &count);
    assert_int_equal(count, 2);
    assert_true(span_is(held[0].id, "first"));
    assert_true(span_is(held[1].id, "third"));
    (void)roster_held(roster, (struct partition){1, 2}, &arena, &count);
    assert_int_equal(count, 0);
    assert_false(roster_wait_empty(roster, 0));
    drop(roster, first);
    drop(roster, third);
    assert_true(roster_wait_empty(roster, 0));
    arena_done(&arena);
    roster_free(roster);
}

static void only_what_is_unfinished_and_not_hopeless_is_given_back(void **state)
{
    (void)state;
    struct roster *roster = roster_new();
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct attempt *waiting = add(roster, "waiting", &quick, 1);
    struct attempt *running = add(roster, "running", &quick, 2);
    struct attempt *stuck = add(roster, "stuck", &quick, 3);
    struct attempt *finished = add(roster, "finished", &quick, 4);
    assert_true(roster_begin(roster, running, 0, 9900));
    assert_true(roster_begin(roster, stuck, 1, 0));
    assert_true(roster_begin(roster, finished, 2, 9000));
    roster_finish(roster, finished);
    size_t count = 0;
    struct job *jobs =
        roster_unfinished(roster, (struct partition){0, 1}, 10000, 10, &arena, &count);
    assert_int_equal(count, 2);
    assert_true(span_is(jobs[0].id, "waiting"));
    assert_true(span_is(jobs[1].id, "running"));
    drop(roster, waiting);
    drop(roster, running);
    drop(roster, stuck);
    drop(roster, finished);
    arena_done(&arena);
    roster_free(roster);
}

static void what_lost_its_lease_is_not_to_be_begun(void **state)
{
    (void)state;
    struct roster *roster = roster_new();
    struct attempt *kept = add(roster, "kept", &quick, 1);
    struct attempt *lost = add(roster, "lost", &quick, 2);
    int64_t tokens[] = {2};
    roster_lost(roster, (struct partition){1, 2}, tokens, 1); /* another one's 2 */
    assert_true(roster_begin(roster, lost, 0, 1000));
    roster_lost(roster, (struct partition){0, 1}, tokens, 1);
    assert_false(roster_begin(roster, lost, 0, 2000));
    assert_true(roster_begin(roster, kept, 0, 2000));
    drop(roster, kept);
    drop(roster, lost);
    roster_free(roster);
}

static void an_overrun_is_counted_once_and_ten_limits_are_hopeless(void **state)
{
    (void)state;
    struct roster *roster = roster_new();
    struct attempt *slow = add(roster, "slow", &quick, 1);
    struct attempt *fine = add(roster, "fine", &patient, 2);
    assert_true(roster_begin(roster, slow, 0, 1000));
    assert_true(roster_begin(roster, fine, 1, 1000));
    assert_false(roster_watch(roster, 1100, 10));
    assert_false(slow->overran);
    assert_false(roster_watch(roster, 1101, 10));
    assert_true(slow->overran);
    assert_false(fine->overran);
    assert_false(roster_watch(roster, 2000, 10));
    assert_true(roster_watch(roster, 2001, 10));
    struct text text;
    text_init(&text, 4096);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    roster_about(roster, 2001, &json);
    json_close(&json, '}');
    assert_non_null(strstr(text.at, "\"overruns\":1"));
    assert_non_null(
        strstr(text.at, "\"id\":\"slow\",\"kind\":\"quick\",\"slot\":0,\"ms\":1001"));
    text_done(&text);
    drop(roster, slow);
    drop(roster, fine);
    roster_free(roster);
}

static void lost_tokens_mark_their_attempts(void **state)
{
    (void)state;
    struct roster *roster = roster_new();
    struct attempt *kept = add(roster, "kept", &quick, 1);
    struct attempt *gone = add(roster, "gone", &quick, 2);
    roster_lost(roster, (struct partition){1, 2}, (const int64_t[]){1, 2}, 2);
    assert_false(gone->lost); /* another partition's tokens */
    roster_lost(roster, (struct partition){0, 1}, (const int64_t[]){2, 99}, 2);
    assert_false(kept->lost);
    assert_true(gone->lost);
    drop(roster, kept);
    drop(roster, gone);
    roster_free(roster);
}

static void a_quarter_serves_live_and_a_kind_holds_half_of_the_rest(void **state)
{
    (void)state;
    const struct kind single = {.group_max = 1}, grouped = {.group_max = 64};
    const struct {
        int count, live, kind, groups;
    } cases[] = {{4, 1, 1, 1},
                 {5, 2, 1, 1},
                 {8, 2, 3, 2},
                 {16, 4, 6, 2},
                 {32, 8, 12, 2},
                 {33, 9, 12, 2}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int live = slots_live_share(cases[i].count);
        assert_int_equal(live, cases[i].live);
        int general = cases[i].count - live;
        assert_int_equal(slots_kind_share(general, &single), cases[i].kind);
        assert_int_equal(slots_kind_share(general, &grouped), cases[i].groups);
    }
}

struct hand_clock {
    struct clock clock;
    int64_t now_ms;
};

static int64_t hand_ms(const struct clock *clock)
{
    return ((const struct hand_clock *)(const void *)clock)->now_ms;
}

static void an_outage_waits_longer_each_time_up_to_two_seconds(void **state)
{
    (void)state;
    struct hand_clock hand = {{hand_ms, hand_ms}, 1000};
    struct outage outage = {.who = "test", .what = "redis"};
    struct fault fault = {.module = "test", .code = 1};
    int64_t wanted[] = {50, 100, 200, 400, 800, 1600, 2000, 2000};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_int_equal(outage_lost(&outage, &hand.clock, &fault), wanted[i]);
    }
    assert_int_equal(outage.since_ms, 1000);
    outage_back(&outage, &hand.clock);
    assert_int_equal(outage.since_ms, 0);
    assert_int_equal(outage_lost(&outage, &hand.clock, &fault), 50);
}

static void a_ring_between_looking_and_waiting_is_not_lost(void **state)
{
    (void)state;
    struct bell bell;
    bell_init(&bell);
    uint64_t seen = bell_count(&bell);
    assert_false(bell_wait(&bell, seen, 0));
    bell_ring(&bell);
    assert_true(bell_wait(&bell, seen, 60000));
    assert_false(bell_wait(&bell, bell_count(&bell), 1));
    bell_done(&bell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_held_is_told_oldest_first_until_it_is_removed),
        cmocka_unit_test(only_what_is_unfinished_and_not_hopeless_is_given_back),
        cmocka_unit_test(what_lost_its_lease_is_not_to_be_begun),
        cmocka_unit_test(an_overrun_is_counted_once_and_ten_limits_are_hopeless),
        cmocka_unit_test(lost_tokens_mark_their_attempts),
        cmocka_unit_test(a_quarter_serves_live_and_a_kind_holds_half_of_the_rest),
        cmocka_unit_test(an_outage_waits_longer_each_time_up_to_two_seconds),
        cmocka_unit_test(a_ring_between_looking_and_waiting_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
