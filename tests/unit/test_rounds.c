/* SPDX-License-Identifier: MIT
 * A thread that makes rounds: how often, and how it ends. */
#include "tests/unit/cmocka_all.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/clock.h"
#include "worker/rounds.h"

enum { HOUR_MS = 3600 * 1000, PATIENCE_MS = 10 * 1000 };

/* What the rounds below do, and how many there were. */
static struct {
    uint64_t busy; /* so many ask for the next one at once, or fail */
    enum outcome outcome; /* of these */
    bool strange_owner;
    struct bell made; /* rings with each */
    struct rounds rounds;
} play;

static enum outcome make_round(void *owner, int64_t *out_wait_ms, struct fault *fault)
{
    play.strange_owner |= owner != &play;
    bool busy = bell_count(&play.made) < play.busy;
    bell_ring(&play.made);
    *out_wait_ms = busy ? 0 : HOUR_MS;
    return busy && play.outcome != OUTCOME_DONE
               ? fault_set(fault, play.outcome, "test", 1, "away")
               : OUTCOME_DONE;
}

static int set_up(void **state)
{
    (void)state;
    memset(&play, 0, sizeof(play));
    bell_init(&play.made);
    play.rounds = (struct rounds){.clock = &clock_system,
                                  .outage = {.who = "test", .what = "nothing"},
                                  .round = make_round,
                                  .owner = &play};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bell_done(&play.made);
    return 0;
}

static void start_and_await(uint64_t count)
{
    struct fault fault;
    assert_int_equal(rounds_start(&play.rounds, &fault), OUTCOME_DONE);
    for (uint64_t seen = 0; seen < count; seen = bell_count(&play.made)) {
        assert_true(bell_wait(&play.made, seen, PATIENCE_MS));
    }
}

static void a_round_that_asks_for_more_is_followed_at_once(void **state)
{
    (void)state;
    play.busy = 3;
    start_and_await(4);
    rounds_stop(&play.rounds);
    assert_int_equal(bell_count(&play.made), 4);
    assert_false(play.strange_owner);
}

static void rounds_go_on_after_one_that_failed(void **state)
{
    (void)state;
    play.busy = 2;
    play.outcome = OUTCOME_LATER;
    start_and_await(3);
    rounds_stop(&play.rounds);
    assert_int_equal(play.rounds.outage.since_ms, 0);
}

static void rounds_that_never_began_can_be_stopped(void **state)
{
    (void)state;
    rounds_stop(&play.rounds);
    assert_int_equal(bell_count(&play.made), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_round_that_asks_for_more_is_followed_at_once,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(rounds_go_on_after_one_that_failed,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(rounds_that_never_began_can_be_stopped,
                                        set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
