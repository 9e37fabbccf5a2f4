/* SPDX-License-Identifier: MIT
 * One run of a job: what is handed to the handler, and what its outcome becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/backoff.h"
#include "worker/attempt.h"
#include "worker/context.h"
#include "worker/handlers.h"

static const struct kind kind = {.name = "test.unit",
                                 .lane = LANE_SYNC,
                                 .max_attempts = 5,
                                 .base_ms = 1000,
                                 .cap_ms = 60000,
                                 .limit_ms = 1000,
                                 .group_max = 10,
                                 .needs = NEIGHBOUR_MARIADB};

/* What the handlers below saw and shall do. */
static struct {
    char payload[64];
    int single, whole;
    const struct handled *given; /* where a group's handler put its work */
    enum outcome outcome;
    struct fault fault;
} play;

struct bench {
    struct settings settings;
    struct seal_ring *ring;
    struct context context;
    struct hands hands;
    char file[32];
};

static enum outcome act(struct handling *handling,
                        struct handled *out_handled,
                        struct fault *fault)
{
    play.single++;
    snprintf(play.payload, sizeof(play.payload), "%.*s", SPAN_ARGS(handling->payload));
    if (play.outcome != OUTCOME_DONE) {
        *fault = play.fault;
        return play.outcome;
    }
    handling->answered |= NEIGHBOUR_MARIADB;
    out_handled->result = SPAN("{\"ok\":true}");
    struct follow_up *next = handled_add(out_handled, "receipt.send");
    next->id = SPAN("receipt:pi_1");
    next->payload = SPAN("{}");
    follow_up_ref(next, SPAN("pi_1"));
    follow_up_ref(next, SPAN(""));
    return OUTCOME_DONE;
}

static enum outcome act_whole(struct handling *handlings,
                              size_t count,
                              struct handled *out_handled,
                              struct fault *fault)
{
    (void)handlings;
    play.whole += (int)count;
    play.given = out_handled;
    if (play.outcome != OUTCOME_DONE) {
        *fault = play.fault;
        return play.outcome;
    }
    for (size_t i = 0; i < count; i++) {
        struct follow_up *next = handled_add(&out_handled[i], "receipt.send");
        next->id = SPAN("receipt:pi_1");
        follow_up_ref(next, SPAN("pi_1"));
    }
    return OUTCOME_DONE;
}

static const struct handler handler = {"test.unit", act, act_whole};

static int set_up(void **state)
{
    static struct bench bench;
    memset(&bench, 0, sizeof(bench));
    memset(&play, 0, sizeof(play));
    snprintf(bench.file, sizeof(bench.file), "/tmp/tocsin-keys-XXXXXX");
    int fd = mkstemp(bench.file);
    static const char keys[] = "1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                               "index AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n";
    assert_int_equal(write(fd, keys, sizeof(keys) - 1), sizeof(keys) - 1);
    close(fd);
    struct fault fault;
    assert_int_equal(seal_open(bench.file, &bench.ring, &fault), OUTCOME_DONE);
    unlink(bench.file);
    bench.settings.mariadb.socket = "/nowhere";
    bench.settings.mariadb.connect_ms = 1000;
    bench.settings.mariadb.query_ms = 1000;
    assert_int_equal(
        mariadb_open(&bench.settings, MARIADB_WRITER, &bench.hands.db, &fault),
        OUTCOME_DONE);
    bench.context = (struct context){.settings = &bench.settings,
                                     .clock = &clock_system,
                                     .ring = bench.ring,
                                     .pii = bench.ring,
                                     .name = SPAN("here:1:2")};
    bench.hands.context = &bench.context;
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    mariadb_close(bench->hands.db);
    seal_close(bench->ring);
    return 0;
}

static struct attempt *make(struct bench *bench, const char *id, const char *binding)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct job job = {.id = span_of(id), .kind = &kind, .tenant = SPAN("7")};
    job.payload = seal_seal(bench->ring, span_of(binding), SPAN("hello"), &arena);
    struct attempt *attempt = attempt_new(&job, (struct partition){0, 1}, &handler);
    arena_done(&arena);
    return attempt;
}

static void the_handler_gets_the_opened_payload_and_its_work_is_sealed(void **state)
{
    struct bench *bench = *state;
    struct attempt *attempt = make(bench, "job", "job|test.unit");
    attempt_run(&bench->hands, attempt);
    const struct settlement *settlement = &attempt->settlement;
    assert_string_equal(play.payload, "hello");
    assert_int_equal(settlement->outcome, OUTCOME_DONE);
    assert_int_equal(settlement->answered, NEIGHBOUR_MARIADB);
    assert_null(settlement->fault);
    struct span plain;
    struct fault fault;
    assert_int_equal(seal_unseal(bench->ring,
                                 SPAN("job|result"),
                                 settlement->result,
                                 &attempt->arena,
                                 &plain,
                                 &fault),
                     OUTCOME_DONE);
    assert_true(span_is(plain, "{\"ok\":true}"));
    assert_int_equal(settlement->follow_up_count, 1);
    const struct job_new *next = &settlement->follow_ups[0];
    assert_string_equal(next->kind->name, "receipt.send");
    assert_int_equal(next->lane, LANE_MAIL);
    assert_true(span_is(next->tenant, "-"));
    assert_int_equal(next->ref_count, 1); /* the empty one is left out */
    assert_int_equal(next->mac.len, 64);
    assert_int_equal(seal_unseal(bench->ring,
                                 SPAN("receipt:pi_1|receipt.send"),
                                 next->payload,
                                 &attempt->arena,
                                 &plain,
                                 &fault),
                     OUTCOME_DONE);
    attempt_free(attempt);
}

static void the_same_work_gives_the_same_mac_twice(void **state)
{
    struct bench *bench = *state;
    struct attempt *first = make(bench, "job", "job|test.unit");
    struct attempt *again = make(bench, "job", "job|test.unit");
    attempt_run(&bench->hands, first);
    attempt_run(&bench->hands, again);
    assert_true(span_equal(first->settlement.follow_ups[0].mac,
                           again->settlement.follow_ups[0].mac));
    attempt_free(first);
    attempt_free(again);
}

static void a_payload_of_another_job_does_not_open_and_never_will(void **state)
{
    struct bench *bench = *state;
    struct attempt *attempt = make(bench, "job", "other|test.unit");
    attempt_run(&bench->hands, attempt);
    assert_int_equal(play.single, 0);
    assert_int_equal(attempt->settlement.outcome, OUTCOME_NEVER);
    assert_string_equal(attempt->settlement.fault->module, "seal");
    attempt_free(attempt);
}

static void a_key_that_this_worker_lacks_is_waited_for(void **state)
{
    struct bench *bench = *state;
    struct attempt *attempt = make(bench, "job", "job|test.unit");
    char *sealed = arena_copy(&attempt->arena, attempt->job.payload);
    sealed[1] = 9;
    attempt->job.payload.at = sealed;
    attempt_run(&bench->hands, attempt);
    assert_int_equal(attempt->settlement.outcome, OUTCOME_LATER);
    assert_int_equal(attempt->settlement.fault->code, SEAL_UNKNOWN_KEY);
    attempt_free(attempt);
}

static void failures_wait_by_the_kind_and_outages_burn_nothing(void **state)
{
    struct bench *bench = *state;
    const struct {
        const char *neighbour;
        int64_t retry_after_ms, least_ms, most_ms;
        enum outcome outcome;
        bool deferred;
        int deferrals;
    } cases[] = {
        {NULL, 0, BACKOFF_LEAST_MS, 1000, OUTCOME_LATER, false, 0},
        {NULL, 0, BACKOFF_LEAST_MS, 1000, OUTCOME_UNSURE, false, 0},
        {NULL, 20000, 20000, 22000, OUTCOME_LATER, false, 0},
        {"mariadb", 0, 500, 2000, OUTCOME_LATER, true, 0},
        {"mariadb", 0, 500, 2000, OUTCOME_LATER, true, 50},
        {"mariadb", 20000, 20000, 22000, OUTCOME_LATER, true, 0},
        /* Its kind is not paused for this one. */
        {"stripe", 0, 500, 2000, OUTCOME_LATER, true, 0},
        {"stripe", 0, 2001, 60000, OUTCOME_LATER, true, 60},
        {NULL, 0, 0, 0, OUTCOME_NEVER, false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        play.outcome = cases[i].outcome;
        play.fault = (struct fault){.module = "test",
                                    .neighbour = cases[i].neighbour,
                                    .retry_after_ms = cases[i].retry_after_ms};
        struct attempt *attempt = make(bench, "job", "job|test.unit");
        attempt->job.deferrals = cases[i].deferrals;
        attempt_run(&bench->hands, attempt);
        const struct settlement *settlement = &attempt->settlement;
        assert_int_equal(settlement->outcome, cases[i].outcome);
        assert_int_equal(settlement->deferred, cases[i].deferred);
        assert_in_range(settlement->delay_ms, cases[i].least_ms, cases[i].most_ms);
        assert_ptr_equal(settlement->fault, &attempt->fault);
        assert_int_equal(settlement->follow_up_count, 0);
        attempt_free(attempt);
    }
}

static void a_table_that_is_not_there_yet_is_waited_for(void **state)
{
    struct bench *bench = *state;
    const struct {
        const char *module;
        int code;
        enum outcome outcome;
    } cases[] = {
        {"mariadb", 1146, OUTCOME_LATER},
        {"mariadb", 1054, OUTCOME_LATER},
        {"mariadb", 1142, OUTCOME_LATER},
        {"mariadb", 1406, OUTCOME_NEVER},
        {"other", 1146, OUTCOME_NEVER},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        play.outcome = OUTCOME_NEVER;
        play.fault = (struct fault){.module = cases[i].module, .code = cases[i].code};
        struct attempt *attempt = make(bench, "job", "job|test.unit");
        attempt_run(&bench->hands, attempt);
        assert_int_equal(attempt->settlement.outcome, cases[i].outcome);
        assert_false(attempt->settlement.deferred);
        attempt_free(attempt);
    }
}

static void a_group_is_run_whole_or_not_at_all(void **state)
{
    struct bench *bench = *state;
    struct attempt *first = make(bench, "one", "one|test.unit");
    struct attempt *second = make(bench, "two", "two|test.unit");
    first->next = second;
    assert_true(attempt_run_group(&bench->hands, first));
    assert_int_equal(play.whole, 2);
    assert_int_equal(first->settlement.outcome, OUTCOME_DONE);
    assert_ptr_equal(second->settlement.job, &second->job);
    /* The first may be settled and freed before the second. */
    const struct job_new *next = &second->settlement.follow_ups[0];
    const char *refs = (const char *)next->refs;
    assert_false(refs >= (const char *)play.given &&
                 refs < (const char *)(play.given + 2));
    assert_int_equal(next->ref_count, 1);
    assert_true(span_is(next->refs[0], "pi_1"));
    play.outcome = OUTCOME_LATER;
    assert_false(attempt_run_group(&bench->hands, first));
    assert_int_equal(play.single, 0);
    attempt_free(first);
    attempt_free(second);
}

static void a_group_that_finds_a_neighbour_away_waits_together_and_tells_it_once(
    void **state)
{
    struct bench *bench = *state;
    const enum outcome outcomes[] = {OUTCOME_LATER, OUTCOME_UNSURE};
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        struct attempt *first = make(bench, "one", "one|test.unit");
        struct attempt *second = make(bench, "two", "two|test.unit");
        first->next = second;
        play.outcome = outcomes[i];
        play.fault = (struct fault){.module = "mariadb", .neighbour = "mariadb"};
        assert_true(attempt_run_group(&bench->hands, first));
        for (struct attempt *each = first; each; each = each->next) {
            assert_true(each->settlement.outcome != OUTCOME_DONE);
            assert_true(each->settlement.deferred);
            assert_ptr_equal(each->settlement.fault, &each->fault);
            assert_string_equal(each->fault.neighbour, "mariadb");
            assert_int_equal(each->settlement.echoes, each != first);
            assert_true(each->settlement.delay_ms > 0);
        }
        assert_int_equal(first->settlement.outcome, outcomes[i]);
        attempt_free(first);
        attempt_free(second);
    }
    assert_int_equal(play.single, 0);
}

static void a_group_with_a_damaged_payload_is_not_run_whole(void **state)
{
    struct bench *bench = *state;
    struct attempt *first = make(bench, "one", "one|test.unit");
    struct attempt *second = make(bench, "two", "elsewhere|test.unit");
    first->next = second;
    assert_false(attempt_run_group(&bench->hands, first));
    assert_int_equal(play.whole, 0);
    attempt_free(first);
    attempt_free(second);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_handler_gets_the_opened_payload_and_its_work_is_sealed),
        CASE(the_same_work_gives_the_same_mac_twice),
        CASE(a_payload_of_another_job_does_not_open_and_never_will),
        CASE(a_key_that_this_worker_lacks_is_waited_for),
        CASE(failures_wait_by_the_kind_and_outages_burn_nothing),
        CASE(a_table_that_is_not_there_yet_is_waited_for),
        CASE(a_group_is_run_whole_or_not_at_all),
        CASE(a_group_that_finds_a_neighbour_away_waits_together_and_tells_it_once),
        CASE(a_group_with_a_damaged_payload_is_not_run_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
