/* SPDX-License-Identifier: MIT
 * A worker that cannot start, with a planner and a fetcher of the test's own. Nobody
 * listens where it looks for Redis and MariaDB. */
#include "tests/unit/cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/settings.h"
#include "worker/fetcher.h"
#include "worker/handlers.h"
#include "worker/planner.h"
#include "worker/worker.h"

/* What shall fail, and what was seen. */
static struct {
    bool planner_fails, fetcher_fails;
    int planners, fetchers; /* that run */
    bool closed_running; /* a fetcher, before it was stopped */
} play;

static char keys[32];

enum outcome planner_open(const struct context *context,
                          struct planner **out_planner,
                          struct fault *fault)
{
    (void)context;
    if (play.planner_fails) {
        return fault_set(fault, OUTCOME_NEVER, "planner", 11, "no thread");
    }
    play.planners++;
    *out_planner = (struct planner *)(void *)&play;
    return OUTCOME_DONE;
}

void planner_close(struct planner *planner)
{
    play.planners -= planner != NULL;
}

enum outcome fetcher_open(const struct context *context,
                          struct roster *roster,
                          struct settler *settler,
                          struct slots *slots,
                          struct fetcher **out_fetcher,
                          struct fault *fault)
{
    (void)context, (void)roster, (void)settler, (void)slots;
    if (play.fetcher_fails) {
        return fault_set(fault, OUTCOME_NEVER, "fetcher", 11, "no thread");
    }
    play.fetchers++;
    *out_fetcher = (struct fetcher *)(void *)&play;
    return OUTCOME_DONE;
}

void fetcher_stop(struct fetcher *fetcher)
{
    play.fetchers -= fetcher != NULL;
}

void fetcher_close(struct fetcher *fetcher)
{
    play.closed_running |= fetcher && play.fetchers > 0;
}

int64_t fetcher_alive_ms(struct fetcher *fetcher)
{
    (void)fetcher;
    return 0;
}

static int write_keys(void **state)
{
    (void)state;
    static const char lines[] = "1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                                "index AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n";
    snprintf(keys, sizeof(keys), "/tmp/tocsin-keys-XXXXXX");
    int fd = mkstemp(keys);
    assert_int_equal(write(fd, lines, sizeof(lines) - 1), sizeof(lines) - 1);
    close(fd);
    return 0;
}

static int remove_keys(void **state)
{
    (void)state;
    return unlink(keys);
}

static enum outcome open_worker(struct fault *fault)
{
    char ring[64];
    char pii_ring[64];
    snprintf(ring, sizeof(ring), "seal.keys_file=%s", keys);
    snprintf(pii_ring, sizeof(pii_ring), "seal.pii_keys_file=%s", keys);
    const char *sets[] = {ring,
                          pii_ring,
                          "redis.address=unix:/nowhere",
                          "mariadb.socket=/nowhere",
                          "worker.slots=4"};
    const struct settings_options sources = {.config = "/dev/null",
                                             .sets = sets,
                                             .set_count = sizeof(sets) / sizeof(sets[0])};
    const struct worker_options options = {.kinds = kinds,
                                           .kind_count = kinds_count,
                                           .handlers = handlers,
                                           .handler_count = handlers_count};
    struct settings settings;
    struct worker *worker = NULL;
    assert_int_equal(settings_load(&settings, SETTINGS_WORKER, &sources, fault),
                     OUTCOME_DONE);
    enum outcome outcome = worker_open(&settings, &options, &worker, fault);
    assert_null(worker);
    settings_done(&settings);
    return outcome;
}

static void a_worker_whose_planner_cannot_start_leaves_no_fetcher_running(void **state)
{
    (void)state;
    struct fault fault = {0};
    memset(&play, 0, sizeof(play));
    play.planner_fails = true;
    assert_int_equal(open_worker(&fault), OUTCOME_NEVER);
    assert_string_equal(fault.module, "planner");
    assert_int_equal(play.fetchers, 0);
    assert_false(play.closed_running);
}

static void a_worker_whose_fetcher_cannot_start_closes_its_planner(void **state)
{
    (void)state;
    struct fault fault = {0};
    memset(&play, 0, sizeof(play));
    play.fetcher_fails = true;
    assert_int_equal(open_worker(&fault), OUTCOME_NEVER);
    assert_string_equal(fault.module, "fetcher");
    assert_int_equal(play.planners, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_whose_planner_cannot_start_leaves_no_fetcher_running),
        cmocka_unit_test(a_worker_whose_fetcher_cannot_start_closes_its_planner),
    };
    return cmocka_run_group_tests(tests, write_keys, remove_keys);
}
