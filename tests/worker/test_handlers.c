/* SPDX-License-Identifier: MIT
 * What the kinds of the tests do. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "tests/worker/test_kinds.h"
#include "worker/crash_point.h"

static enum outcome noop(struct handling *handling,
                         struct handled *out_handled,
                         struct fault *fault);
static enum outcome nap(struct handling *handling,
                        struct handled *out_handled,
                        struct fault *fault);
static enum outcome fail(struct handling *handling,
                         struct handled *out_handled,
                         struct fault *fault);
static enum outcome crash(struct handling *handling,
                          struct handled *out_handled,
                          struct fault *fault);
static enum outcome row(struct handling *handling,
                        struct handled *out_handled,
                        struct fault *fault);
static enum outcome add_row(struct handling *handling, struct fault *fault);
static enum outcome group_one(struct handling *handling,
                              struct handled *out_handled,
                              struct fault *fault);
static enum outcome group_all(struct handling *handlings,
                              size_t count,
                              struct handled *out_handled,
                              struct fault *fault);
static enum outcome add_group_row(struct handling *handling,
                                  size_t count,
                                  struct fault *fault);
static enum outcome neighbour(struct handling *handling,
                              struct handled *out_handled,
                              struct fault *fault);

static enum outcome answer(struct handling *handling,
                           struct handled *out_handled,
                           struct fault *fault);
static void sleep_for(int64_t ms);

static const struct handler test_handlers[] = {
    {"test.noop", noop, NULL},
    {"test.sleep", nap, NULL},
    {"test.nap", nap, NULL},
    {"test.live", nap, NULL},
    {"test.fail", fail, NULL},
    {"test.crash", crash, NULL},
    {"test.row", row, NULL},
    {"test.group", group_one, group_all},
    {"test.neighbour", neighbour, NULL},
    {"test.answer", answer, NULL},
};

void test_handlers_fill(struct test_tables *tables)
{
    size_t more = sizeof(test_handlers) / sizeof(test_handlers[0]);
    assert(handlers_count + more <= TEST_KINDS_MOST);
    tables->handler_count = 0;
    for (size_t i = 0; i < handlers_count; i++) {
        tables->handlers[tables->handler_count++] = handlers[i];
    }
    for (size_t i = 0; i < more; i++) {
        tables->handlers[tables->handler_count++] = test_handlers[i];
    }
}

static enum outcome noop(struct handling *handling,
                         struct handled *out_handled,
                         struct fault *fault)
{
    (void)handling, (void)fault;
    out_handled->result = SPAN("{\"noop\":true}");
    return OUTCOME_DONE;
}

static enum outcome nap(struct handling *handling,
                        struct handled *out_handled,
                        struct fault *fault)
{
    (void)out_handled;
    int64_t ms = 0;
    if (!span_to_i64(handling->payload, &ms)) {
        return fault_set(fault, OUTCOME_NEVER, "test", 0, "the payload is no number");
    }
    sleep_for(ms);
    return OUTCOME_DONE;
}

static enum outcome fail(struct handling *handling,
                         struct handled *out_handled,
                         struct fault *fault)
{
    (void)out_handled;
    struct span times_text;
    struct span word = span_cut(handling->payload, ' ', &times_text);
    int64_t times = 0;
    if (!span_to_i64(times_text, &times) || handling->job->attempt >= times) {
        return OUTCOME_DONE;
    }
    static const enum outcome outcomes[] = {OUTCOME_LATER, OUTCOME_NEVER, OUTCOME_UNSURE};
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (span_is(word, outcome_name(outcomes[i]))) {
            return fault_set(fault,
                             outcomes[i],
                             "test",
                             7,
                             "told to end with %.*s",
                             SPAN_ARGS(word));
        }
    }
    return fault_set(fault, OUTCOME_NEVER, "test", 0, "the payload names no outcome");
}

static enum outcome crash(struct handling *handling,
                          struct handled *out_handled,
                          struct fault *fault)
{
    (void)out_handled, (void)fault;
    int64_t times = 0;
    (void)span_to_i64(handling->payload, &times);
    if (handling->job->crashes < times) {
        raise(SIGKILL);
    }
    return OUTCOME_DONE;
}

/* The row says whether the work was done; the sum shows it if it was done twice. */
static enum outcome row(struct handling *handling,
                        struct handled *out_handled,
                        struct fault *fault)
{
    enum outcome outcome = mariadb_begin(handling->db, fault);
    if (outcome == OUTCOME_DONE) {
        handling->answered |= NEIGHBOUR_MARIADB;
        outcome = add_row(handling, fault);
    }
    if (outcome == OUTCOME_DONE) {
        CRASH_POINT("uncommitted");
        outcome = mariadb_commit(handling->db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    CRASH_POINT("committed");
    struct follow_up *audit = handled_add(out_handled, "audit.write");
    audit->id = span_of(
        arena_format(handling->arena, "audit:%.*s", SPAN_ARGS(handling->job->id)));
    audit->payload = SPAN("{\"who\":\"test\",\"verb\":\"row\",\"what\":\"row\","
                          "\"why\":\"\",\"at_ms\":1700000000000}");
    follow_up_ref(audit, handling->job->id);
    return OUTCOME_DONE;
}

static enum outcome add_row(struct handling *handling, struct fault *fault)
{
    enum outcome outcome = mariadb_run(handling->db,
                                       "INSERT INTO test_rows (job_id) VALUES (?)",
                                       SQL_VALUES(SQL_SPAN(handling->job->id)),
                                       handling->arena,
                                       NULL,
                                       fault);
    if (outcome == OUTCOME_NEVER && mariadb_is_duplicate(fault)) {
        return OUTCOME_DONE;
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(handling->db,
                              "UPDATE test_sum SET total = total + ?",
                              SQL_VALUES(SQL_I64(1)),
                              handling->arena,
                              NULL,
                              fault);
    }
    return outcome;
}

static enum outcome group_one(struct handling *handling,
                              struct handled *out_handled,
                              struct fault *fault)
{
    return group_all(handling, 1, out_handled, fault);
}

static enum outcome group_all(struct handling *handlings,
                              size_t count,
                              struct handled *out_handled,
                              struct fault *fault)
{
    (void)out_handled;
    struct mariadb *db = handlings[0].db;
    enum outcome outcome = mariadb_begin(db, fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < count; i++) {
        outcome = add_group_row(&handlings[i], count, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(db, fault);
    }
    return outcome;
}

static enum outcome add_group_row(struct handling *handling,
                                  size_t count,
                                  struct fault *fault)
{
    if (span_is(handling->payload, "bad")) {
        return fault_set(fault, OUTCOME_NEVER, "test", 0, "a bad one in the group");
    }
    handling->answered |= NEIGHBOUR_MARIADB;
    return mariadb_run(handling->db,
                       "INSERT INTO test_groups (job_id, together) VALUES (?, ?)"
                       " ON DUPLICATE KEY UPDATE job_id = job_id",
                       SQL_VALUES(SQL_SPAN(handling->job->id), SQL_I64(count)),
                       handling->arena,
                       NULL,
                       fault);
}

static enum outcome neighbour(struct handling *handling,
                              struct handled *out_handled,
                              struct fault *fault)
{
    (void)out_handled;
    if (access(arena_copy(handling->arena, handling->payload), F_OK) == 0) {
        enum outcome outcome =
            fault_set(fault, OUTCOME_LATER, "test", 0, "the neighbour is down");
        fault->neighbour = "smtp";
        return outcome;
    }
    handling->answered |= NEIGHBOUR_SMTP;
    return OUTCOME_DONE;
}

static enum outcome answer(struct handling *handling,
                           struct handled *out_handled,
                           struct fault *fault)
{
    struct answer said;
    struct span body;
    int64_t ms = 0;
    if (!span_to_i64(span_cut(handling->payload, ' ', &body), &ms)) {
        return fault_set(fault, OUTCOME_NEVER, "test", 0, "the payload has no number");
    }
    sleep_for(ms);
    if (span_is(body, "dead")) {
        return fault_set(fault, OUTCOME_NEVER, "test", 0, "told to be dead");
    }
    answer_say(&said, 200, body);
    out_handled->result = answer_encode(&said, handling->arena);
    return OUTCOME_DONE;
}

static void sleep_for(int64_t ms)
{
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
