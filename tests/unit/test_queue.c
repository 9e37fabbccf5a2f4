/* SPDX-License-Identifier: MIT
 * The queue's commands as they go to Redis, and replies read, well formed or not. */
#include "common/link/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "common/base/fault.h"

static const struct partition whole = {.number = 0, .count = 1};
static const struct kind hook = {.name = "stripe.event",
                                 .lane = LANE_WEBHOOK,
                                 .max_attempts = 25,
                                 .group_max = 1,
                                 .needs = NEIGHBOUR_MARIADB};
static const struct kind item = {.name = "sync.item",
                                 .lane = LANE_SYNC,
                                 .max_attempts = 9,
                                 .group_max = 50,
                                 .needs = NEIGHBOUR_STRIPE | NEIGHBOUR_SMTP};

/* --- helpers
 * ---------------------------------------------------------------------------- */

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 8 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

/* Arguments behind the prefix, joined by "|". */
static const char *arguments_of(const struct command *command)
{
    const char *joined = "";
    for (int i = 4; i < command->count; i++) {
        joined = arena_format(&arena,
                              "%s%s%.*s",
                              joined,
                              i > 4 ? "|" : "",
                              (int)command->lens[i],
                              command->args[i]);
    }
    return joined;
}

static void assert_calls(const struct command *command, const char *script)
{
    assert_string_equal(command->args[0], "EVALSHA");
    assert_non_null(command->script);
    assert_string_equal(command->script->name, script);
    assert_string_equal(command->args[1], command->script->sha1);
    assert_string_equal(command->args[2], "1");
    assert_string_equal(command->args[3], "{tocsin}");
}

/* A list from a line of words: a number is an integer, 'text is a text, - is nil. Words
 * are parted by spaces; ~ in a text stands for a space. */
static struct reply reply_of(const char *line)
{
    enum { MOST = 64 };
    struct reply *items = ARENA_ARRAY(&arena, struct reply, MOST);
    size_t count = 0;
    char *copy = arena_copy(&arena, span_of(line));
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        assert_true(count < MOST);
        struct reply *one = &items[count++];
        if (word[0] == '\'') {
            for (char *at = strchr(word, '~'); at; at = strchr(at, '~')) {
                *at = ' ';
            }
            *one = (struct reply){.type = REPLY_TEXT, .text = span_of(word + 1)};
        } else if (strcmp(word, "-") == 0) {
            *one = (struct reply){.type = REPLY_NONE};
        } else {
            *one = (struct reply){.type = REPLY_INTEGER};
            assert_true(span_to_i64(span_of(word), &one->integer));
        }
    }
    return (struct reply){.type = REPLY_LIST, .items = items, .count = count};
}

static void assert_bad(enum outcome outcome, const struct fault *fault)
{
    assert_int_equal(outcome, OUTCOME_NEVER);
    assert_string_equal(fault->module, "queue");
    assert_int_equal(fault->code, QUEUE_BAD_REPLY);
}

#define assert_span(span, string)                                                        \
    assert_string_equal(arena_copy(&arena, (span)), (string))

/* --- scripts
 * ---------------------------------------------------------------------------- */

static void every_script_carries_the_sha1_that_redis_will_know_it_by(void **state)
{
    (void)state;
    assert_int_equal(queue_scripts_count, 20);
    for (size_t i = 0; i < queue_scripts_count; i++) {
        const struct queue_script *script = &queue_scripts[i];
        unsigned char sha1[20];
        unsigned int len = 0;
        assert_int_equal(strlen(script->source), script->source_len);
        assert_int_equal(
            EVP_Digest(script->source, script->source_len, sha1, &len, EVP_sha1(), NULL),
            1);
        char hex[41];
        for (size_t k = 0; k < len; k++) {
            snprintf(hex + 2 * k, 3, "%02x", sha1[k]);
        }
        assert_string_equal(hex, script->sha1);
    }
}

/* At the memory limit the workers must still be able to finish what they hold. */
static void scripts_declare_whether_they_run_at_the_memory_limit(void **state)
{
    (void)state;
    static const char *const on_the_hot_way[] =
        {"take", "settle", "release", "beat", "sweep", "trim", "archived"};
    static const char *const refused[] = {"enqueue", "retry", "discard", "pause"};
    for (size_t i = 0; i < queue_scripts_count; i++) {
        const struct queue_script *script = &queue_scripts[i];
        assert_int_equal(strncmp(script->source, "#!lua", 5), 0);
        for (size_t k = 0; k < sizeof(on_the_hot_way) / sizeof(char *); k++) {
            if (strcmp(script->name, on_the_hot_way[k]) == 0) {
                assert_int_equal(strncmp(script->source, "#!lua flags=allow-oom\n", 22),
                                 0);
            }
        }
        for (size_t k = 0; k < sizeof(refused) / sizeof(char *); k++) {
            if (strcmp(script->name, refused[k]) == 0) {
                assert_int_equal(strncmp(script->source, "#!lua\n", 6), 0);
            }
        }
    }
}

static void scripts_know_the_same_lanes_neighbours_and_limits_as_we_do(void **state)
{
    (void)state;
    const char *source = queue_scripts[0].source;
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        const char *row = arena_format(&arena,
                                       "{'%s', %d}",
                                       lane_name((enum job_lane)lane),
                                       lane_weight((enum job_lane)lane));
        assert_non_null(strstr(source, row));
    }
    for (int i = 0; i < NEIGHBOUR_COUNT; i++) {
        const char *name =
            arena_format(&arena, "'%s'", neighbour_name((enum neighbour)(1 << i)));
        assert_non_null(strstr(strstr(source, "NEIGHBOURS"), name));
    }
    for (int i = 0; i < JOB_STATE_COUNT; i++) {
        const char *name =
            arena_format(&arena, "'%s'", job_state_name((enum job_state)i));
        assert_non_null(strstr(strstr(source, "STATES"), name));
    }
    assert_non_null(
        strstr(source,
               arena_format(&arena, "RECORD_VERSION = '%d'", JOB_RECORD_VERSION)));
    assert_non_null(
        strstr(source, arena_format(&arena, "HISTORY_LINES = %d ", JOB_HISTORY)));
}

/* --- partitions
 * -------------------------------------------------------------------------- */

static void one_partition_has_no_number_in_its_keys(void **state)
{
    (void)state;
    struct command one = queue_stats(&arena, whole);
    assert_string_equal(one.args[3], "{tocsin}");
    struct command third =
        queue_stats(&arena, (struct partition){.number = 2, .count = 4});
    assert_string_equal(third.args[3], "{tocsin:2}");
}

static void a_name_always_falls_into_the_same_partition_and_names_spread(void **state)
{
    (void)state;
    int hits[4] = {0};
    for (int i = 0; i < 1000; i++) {
        struct span id = span_of(arena_format(&arena, "evt_%d", i));
        struct partition partition = queue_partition_of(id, 4);
        assert_int_equal(partition.count, 4);
        assert_int_equal(partition.number, queue_partition_of(id, 4).number);
        hits[partition.number]++;
    }
    for (int i = 0; i < 4; i++) {
        assert_in_range(hits[i], 200, 300);
    }
    assert_int_equal(queue_partition_of(SPAN("evt_1"), 1).number, 0);
    /* Jobs already in Redis are found by this number: it never changes. */
    assert_int_equal(queue_partition_of(SPAN("evt_1"), 1000).number, 479);
}

/* --- enqueue
 * ---------------------------------------------------------------------------- */

static void enqueue_sends_each_job_with_its_references(void **state)
{
    (void)state;
    struct span refs[] = {SPAN("evt_1"), SPAN("pi_1")};
    struct job_new jobs[] = {
        {.id = SPAN("evt_1"),
         .kind = &hook,
         .lane = LANE_WEBHOOK,
         .tenant = SPAN("7"),
         .payload = {"a\0b", 3},
         .mac = SPAN("00ff"),
         .refs = refs,
         .ref_count = 2},
        {.id = SPAN("sync:1:x"),
         .kind = &item,
         .lane = LANE_SYNC,
         .tenant = SPAN("-"),
         .member = SPAN("31"),
         .delay_ms = 1500,
         .reply = SPAN("r9")},
    };
    struct command command = queue_enqueue(&arena, whole, jobs, 2);
    assert_calls(&command, "enqueue");
    assert_int_equal(command.lens[9], 3);
    assert_memory_equal(command.args[9], "a\0b", 3);
    command.args[9] = "SEALED";
    command.lens[9] = 6;
    assert_string_equal(
        arguments_of(&command),
        "2|evt_1|stripe.event|webhook|7|SEALED|00ff|0||25|0|mariadb||2|evt_1|"
        "pi_1|sync:1:x|sync.item|sync|-|||1500|r9|9|1|stripe,smtp|31|0");
}

static void references_that_could_not_be_looked_up_are_left_out(void **state)
{
    (void)state;
    char long_ref[JOB_REF_BYTES + 2];
    memset(long_ref, 'x', sizeof(long_ref));
    struct span refs[] = {SPAN(""),
                          SPAN("two words"),
                          SPAN("pi_1"),
                          {long_ref, sizeof(long_ref)}};
    struct job_new job = {.id = SPAN("a"),
                          .kind = &hook,
                          .tenant = SPAN("-"),
                          .refs = refs,
                          .ref_count = 4};
    struct command command = queue_enqueue(&arena, whole, &job, 1);
    assert_string_equal(arguments_of(&command),
                        "1|a|stripe.event|live|-|||0||25|0|mariadb||1|pi_1");
}

static void enqueue_verdicts_are_read_in_order(void **state)
{
    (void)state;
    struct fault fault;
    enum enqueue_verdict verdicts[3];
    struct reply reply = reply_of("0 1 2");
    assert_int_equal(queue_read_enqueue(&reply, 3, verdicts, &fault), OUTCOME_DONE);
    assert_int_equal(verdicts[0], ENQUEUE_NEW);
    assert_int_equal(verdicts[1], ENQUEUE_KNOWN);
    assert_int_equal(verdicts[2], ENQUEUE_CONFLICT);
}

static void malformed_enqueue_replies_are_faults_and_write_nothing(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "0", "0 1 2", "0 3", "0 -1", "0 'x", "0 -"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fault fault;
        enum enqueue_verdict verdicts[2] = {ENQUEUE_CONFLICT, ENQUEUE_CONFLICT};
        struct reply reply = reply_of(cases[i]);
        assert_bad(queue_read_enqueue(&reply, 2, verdicts, &fault), &fault);
        assert_int_equal(verdicts[0], ENQUEUE_CONFLICT);
    }
    struct fault fault;
    enum enqueue_verdict verdict;
    struct reply no_list = {.type = REPLY_INTEGER};
    assert_bad(queue_read_enqueue(&no_list, 1, &verdict, &fault), &fault);
}

/* --- take, release, beat
 * ------------------------------------------------------------------ */

static void take_sends_slots_and_kinds(void **state)
{
    (void)state;
    struct take_kind kinds_asked[] = {{&hook, 12}, {&item, 3}};
    struct take take = {.worker = SPAN("host:1:2"),
                        .live_slots = 8,
                        .general_slots = 24,
                        .quarantine = QUARANTINE_TAKE,
                        .kinds = kinds_asked,
                        .kind_count = 2,
                        .lease_ms = 60000};
    struct command command = queue_take(&arena, whole, &take);
    assert_calls(&command, "take");
    assert_string_equal(arguments_of(&command),
                        "host:1:2|8|24|1|60000|stripe.event|12|1|mariadb|sync.item|3|50|"
                        "stripe,smtp");
}

#define A_JOB "'evt_1 'stripe.event 'webhook '7 'SEALED 42 1 0 3 1000 61000 'r9 1"

static void taken_jobs_are_read(void **state)
{
    (void)state;
    struct fault fault;
    struct taken taken;
    struct reply reply = reply_of("2 1 250 1 " A_JOB);
    assert_int_equal(queue_read_take(&reply, &hook, 1, &arena, &taken, &fault),
                     OUTCOME_DONE);
    assert_int_equal(taken.waiting_versions, 2);
    assert_true(taken.quarantine_waits);
    assert_int_equal(taken.next_due_ms, 250);
    assert_int_equal(taken.count, 1);
    const struct job *job = &taken.jobs[0];
    assert_span(job->id, "evt_1");
    assert_ptr_equal(job->kind, &hook);
    assert_int_equal(job->lane, LANE_WEBHOOK);
    assert_span(job->tenant, "7");
    assert_span(job->payload, "SEALED");
    assert_int_equal(job->token, 42);
    assert_int_equal(job->attempt, 1);
    assert_int_equal(job->crashes, 0);
    assert_int_equal(job->deferrals, 3);
    assert_int_equal(job->enqueued_ms, 1000);
    assert_int_equal(job->lease_end_ms, 61000);
    assert_span(job->reply, "r9");
    assert_int_equal(job->group, 1);
}

static void nothing_to_take_is_no_fault(void **state)
{
    (void)state;
    struct fault fault;
    struct taken taken;
    struct reply reply = reply_of("0 0 -1 0");
    assert_int_equal(queue_read_take(&reply, &hook, 1, &arena, &taken, &fault),
                     OUTCOME_DONE);
    assert_int_equal(taken.count, 0);
    assert_int_equal(taken.next_due_ms, -1);
}

static void malformed_take_replies_are_faults(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "0 0 -1",
        "0 2 -1 0",
        "0 0 -2 0",
        "-1 0 -1 0",
        "0 0 -1 1",
        "0 0 -1 -1",
        "0 0 -1 9000000000000000000",
        "0 0 -1 0 0",
        ("0 0 -1 1 " A_JOB " 0"),
        ("0 0 -1 2 " A_JOB),
        "0 0 -1 1 '' 'stripe.event 'webhook '7 'SEALED 0 1 0 3 1000 61000 'r9 1",
        "0 0 -1 1 'evt_1 'of.tomorrow 'webhook '7 'SEALED 42 1 0 3 1000 61000 'r9 1",
        "0 0 -1 1 'evt_1 'stripe.event 'nowhere '7 'SEALED 42 1 0 3 1000 61000 'r9 1",
        "0 0 -1 1 'evt_1 'stripe.event 'webhook '7 - 42 1 0 3 1000 61000 'r9 1",
        "0 0 -1 1 'evt_1 'stripe.event 'webhook '7 'SEALED 0 1 0 3 1000 61000 'r9 1",
        "0 0 -1 1 'evt_1 'stripe.event 'webhook '7 'SEALED 42 -1 0 3 1000 61000 'r9 1",
        "0 0 -1 1 'evt_1 'stripe.event 'webhook '7 'SEALED '42 1 0 3 1000 61000 'r9 1",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fault fault;
        struct taken taken;
        struct reply reply = reply_of(cases[i]);
        assert_bad(queue_read_take(&reply, &hook, 1, &arena, &taken, &fault), &fault);
    }
}

static void release_and_beat_show_the_tokens(void **state)
{
    (void)state;
    struct job held[] = {{.id = SPAN("a"), .token = 1}, {.id = SPAN("b"), .token = 22}};
    struct command release = queue_release(&arena, whole, held, 2);
    assert_calls(&release, "release");
    assert_string_equal(arguments_of(&release), "a|1|b|22");
    struct beat beat = {.worker = SPAN("w"),
                        .about = SPAN("{}"),
                        .held = held,
                        .held_count = 2,
                        .lease_ms = 60000,
                        .leaving = true};
    struct command command = queue_beat(&arena, whole, &beat);
    assert_calls(&command, "beat");
    assert_string_equal(arguments_of(&command), "w|{}|60000|1|a|1|b|22");
}

static void lost_tokens_are_read(void **state)
{
    (void)state;
    struct fault fault;
    int64_t *lost = NULL;
    size_t count = 9;
    struct reply none = reply_of("");
    assert_int_equal(queue_read_beat(&none, &arena, &lost, &count, &fault), OUTCOME_DONE);
    assert_int_equal(count, 0);
    struct reply two = reply_of("7 9");
    assert_int_equal(queue_read_beat(&two, &arena, &lost, &count, &fault), OUTCOME_DONE);
    assert_int_equal(count, 2);
    assert_int_equal(lost[1], 9);
    struct reply bad = reply_of("7 'x");
    assert_bad(queue_read_beat(&bad, &arena, &lost, &count, &fault), &fault);
    struct reply zero = reply_of("0");
    assert_bad(queue_read_beat(&zero, &arena, &lost, &count, &fault), &fault);
}

static void a_wait_is_never_for_ever(void **state)
{
    (void)state;
    struct command command = queue_wait(&arena, whole, 1050);
    assert_null(command.script);
    assert_int_equal(command.count, 3);
    assert_string_equal(command.args[0], "BLPOP");
    assert_string_equal(command.args[1], "{tocsin}:wake");
    assert_string_equal(command.args[2], "1.050");
    assert_string_equal(queue_wait(&arena, whole, 0).args[2], "0.001");
}

/* --- settle
 * ------------------------------------------------------------------------------- */

static void settle_sends_what_came_of_a_job_and_what_follows(void **state)
{
    (void)state;
    struct job job = {.id = SPAN("evt_1"), .kind = &hook, .token = 42};
    struct job_new follow_up = {.id = SPAN("receipt:pi_1"),
                                .kind = &item,
                                .lane = LANE_MAIL,
                                .tenant = SPAN("7")};
    struct settlement done = {.job = &job,
                              .worker = SPAN("w"),
                              .outcome = OUTCOME_DONE,
                              .answered = NEIGHBOUR_MARIADB,
                              .result = SPAN("RESULT"),
                              .took_ms = 12,
                              .follow_ups = &follow_up,
                              .follow_up_count = 1};
    struct command command = queue_settle(&arena, whole, &done, 1);
    assert_calls(&command, "settle");
    assert_string_equal(arguments_of(&command),
                        "1|evt_1|42|DONE|0|0||mariadb||\"worker\":\"w\",\"outcome\":"
                        "\"DONE\",\"took_ms\":12|"
                        "RESULT|1|receipt:pi_1|sync.item|mail|7|||0||9|1|stripe,smtp||0");
}

static void settle_sends_the_fault_of_a_failure(void **state)
{
    (void)state;
    struct job job = {.id = SPAN("evt_1"), .kind = &hook, .token = 42};
    struct fault fault = {.module = "mariadb",
                          .code = 2002,
                          .neighbour = "mariadb",
                          .text = "no \"socket\""};
    struct settlement later = {.job = &job,
                               .worker = SPAN("w"),
                               .outcome = OUTCOME_LATER,
                               .fault = &fault,
                               .delay_ms = 900,
                               .deferred = true,
                               .took_ms = 3};
    struct command command = queue_settle(&arena, whole, &later, 1);
    assert_string_equal(
        arguments_of(&command),
        "1|evt_1|42|LATER|900|1|mariadb||mariadb 2002: no \"socket\"|"
        "\"worker\":\"w\",\"outcome\":\"LATER\",\"took_ms\":3,\"deferred\":true,"
        "\"module\":\"mariadb\",\"code\":2002,\"text\":\"no \\\"socket\\\"\"||0");
    later.echoes = true; /* the neighbour failed once, though it held up two */
    command = queue_settle(&arena, whole, &later, 1);
    assert_non_null(strstr(arguments_of(&command), "LATER|900|1|||mariadb 2002"));
    later.deferred = false;
    command = queue_settle(&arena, whole, &later, 1);
    assert_non_null(strstr(arguments_of(&command), "LATER|900|0||"));
}

static void settle_replies_are_read(void **state)
{
    (void)state;
    struct fault fault;
    struct settled settled[4];
    struct reply reply = reply_of("0 'done 0 0 'scheduled 99 1 ' 0 2 ' 0");
    assert_int_equal(queue_read_settle(&reply, 4, settled, &fault), OUTCOME_DONE);
    assert_int_equal(settled[0].verdict, SETTLE_DONE);
    assert_int_equal(settled[0].state, JOB_DONE);
    assert_int_equal(settled[1].state, JOB_SCHEDULED);
    assert_int_equal(settled[1].run_at_ms, 99);
    assert_int_equal(settled[2].verdict, SETTLE_STALE);
    assert_int_equal(settled[3].verdict, SETTLE_GONE);
    static const char *const cases[] = {"",
                                        "0 'done",
                                        "0 'gone 0",
                                        "0 ' 0",
                                        "1 'done 0",
                                        "3 ' 0",
                                        "0 'done '0",
                                        "0 'done 0 0"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reply bad = reply_of(cases[i]);
        assert_bad(queue_read_settle(&bad, 1, settled, &fault), &fault);
    }
}

/* --- sweep, trim, archive, governor
 * ---------------------------------------------------------- */

static void housekeeping_commands_carry_their_limits(void **state)
{
    (void)state;
    struct command sweep = queue_sweep(&arena, whole, &(struct sweep){8000, 500});
    assert_calls(&sweep, "sweep");
    assert_string_equal(arguments_of(&sweep), "8000|500");
    struct command trim = queue_trim(&arena, whole, &(struct trim){10, 20, 30, 40});
    assert_calls(&trim, "trim");
    assert_string_equal(arguments_of(&trim), "10|20|30|40");
    struct command unarchived = queue_unarchived(&arena, whole, 50);
    assert_calls(&unarchived, "unarchived");
    assert_string_equal(arguments_of(&unarchived), "50");
    struct job_record dead[] = {{.id = SPAN("a"), .at_ms = 5},
                                {.id = SPAN("b"), .at_ms = 6}};
    struct command archived = queue_archived(&arena, whole, dead, 2);
    assert_calls(&archived, "archived");
    assert_string_equal(arguments_of(&archived), "a|5|b|6");
    struct command govern = queue_govern(&arena, 25, true, 10000);
    assert_calls(&govern, "govern");
    assert_string_equal(arguments_of(&govern), "25|1|10000");
    struct command refused = queue_govern_refused(&arena, 25);
    assert_calls(&refused, "govern_refused");
    assert_string_equal(arguments_of(&refused), "25");
}

static void sweep_replies_are_read(void **state)
{
    (void)state;
    struct fault fault;
    struct swept swept;
    struct reply reply = reply_of("1 2 3 4 -5 1");
    assert_int_equal(queue_read_sweep(&reply, &swept, &fault), OUTCOME_DONE);
    assert_int_equal(swept.due, 1);
    assert_int_equal(swept.expired, 2);
    assert_int_equal(swept.recovered, 3);
    assert_int_equal(swept.poisoned, 4);
    assert_int_equal(swept.shifted_ms, -5);
    assert_true(swept.more);
    static const char *const cases[] =
        {"", "1 2 3 4 5", "1 2 3 4 5 2", "-1 2 3 4 5 0", "1 2 3 4 5 0 0", "1 2 3 4 '5 0"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reply bad = reply_of(cases[i]);
        assert_bad(queue_read_sweep(&bad, &swept, &fault), &fault);
    }
}

/* --- what operators see and do
 * ----------------------------------------------------------------- */

#define A_RECORD                                                                         \
    "'a 'stripe.event 'quarantine '7 'w 'evt_1~pi_1 'gone 'r9 '00ff 'SEALED 'dead '1 "   \
    "'2 "                                                                                \
    "'25 '3 ' '1000 '2000 '42 'poison '{} '1"

static void records_are_read(void **state)
{
    (void)state;
    struct fault fault;
    struct job_record *records = NULL;
    size_t count = 0;
    struct span cursor;
    bool partial = false;
    struct reply reply = reply_of("'webhook:x~5~a 1 1 " A_RECORD);
    assert_int_equal(
        queue_read_records(&reply, &arena, &records, &count, &cursor, &partial, &fault),
        OUTCOME_DONE);
    assert_int_equal(count, 1);
    assert_span(cursor, "webhook:x 5 a");
    assert_true(partial);
    const struct job_record *record = &records[0];
    assert_span(record->id, "a");
    assert_span(record->kind, "stripe.event");
    assert_span(record->lane, "quarantine");
    assert_span(record->tenant, "7");
    assert_span(record->worker, "w");
    assert_span(record->refs, "evt_1 pi_1");
    assert_span(record->last_fault, "gone");
    assert_span(record->reply, "r9");
    assert_span(record->mac, "00ff");
    assert_span(record->payload, "SEALED");
    assert_int_equal(record->state, JOB_DEAD);
    assert_int_equal(record->version, 1);
    assert_int_equal(record->attempt, 2);
    assert_int_equal(record->max_attempts, 25);
    assert_int_equal(record->crashes, 3);
    assert_int_equal(record->deferrals, 0);
    assert_int_equal(record->enqueued_ms, 1000);
    assert_int_equal(record->at_ms, 2000);
    assert_int_equal(record->token, 42);
    assert_span(record->outcome, "poison");
    assert_span(record->history, "{}");
    assert_true(record->archived);
}

static void malformed_records_are_faults(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "' 0",
        "' 0 1",
        "' 2 0",
        "0 0 0",
        "' 0 0 0",
        "' 0 1 'a 'k 'l 't ' ' ' ' ' ' 'limbo '1 ' '5 ' ' '1 '2 ' ' ' '",
        "' 0 1 'a 'k 'l 't ' ' ' ' ' ' 'dead '1 'x '5 ' ' '1 '2 ' ' ' '",
        "' 0 1 'a 'k 'l 't ' ' ' ' ' ' 'dead '1 '9999999999 '5 ' ' '1 '2 ' ' ' '",
        "' 0 1 'a 'k 'l 't ' ' ' ' ' ' 'dead '1 ' '5 ' ' '1 '2 ' ' ' -",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fault fault;
        struct job_record *records = NULL;
        size_t count = 0;
        struct reply reply = reply_of(cases[i]);
        assert_bad(
            queue_read_records(&reply, &arena, &records, &count, NULL, NULL, &fault),
            &fault);
        assert_null(records);
    }
    struct fault fault;
    struct job_record *records = NULL;
    size_t count = 9;
    struct reply none = reply_of("' 0 0");
    assert_int_equal(
        queue_read_records(&none, &arena, &records, &count, NULL, NULL, &fault),
        OUTCOME_DONE);
    assert_int_equal(count, 0);
}

static void operators_questions_are_sent(void **state)
{
    (void)state;
    struct command show = queue_show(&arena, whole, SPAN("a"));
    assert_calls(&show, "show");
    assert_string_equal(arguments_of(&show), "a");
    struct command find = queue_find(&arena, whole, SPAN("pi_1"), 20);
    assert_calls(&find, "find");
    assert_string_equal(arguments_of(&find), "pi_1|20");
    struct list page = {.state = JOB_SCHEDULED,
                        .lane = SPAN("mail"),
                        .tenant = SPAN("7"),
                        .cursor = SPAN("mail:x 5 a"),
                        .most = 50,
                        .scan = 1000};
    struct command list = queue_list(&arena, whole, &page);
    assert_calls(&list, "list");
    assert_string_equal(arguments_of(&list), "scheduled|mail||7|mail:x 5 a|50|1000");
}

static void figures_are_read(void **state)
{
    (void)state;
    struct fault fault;
    struct queue_stats stats;
    struct reply reply = reply_of("5000 1 'mail 'receipt.send 1 2 3 4 5 60 1 'smtp 1 "
                                  "'smtp 3 4000 'gone 1 'w '{} 70 "
                                  "1 'all 'ada 'why~so 4500 2 'taken 8 'done 9");
    assert_int_equal(queue_read_stats(&reply, &arena, &stats, &fault), OUTCOME_DONE);
    assert_int_equal(stats.now_ms, 5000);
    assert_int_equal(stats.lane_count, 1);
    assert_span(stats.lanes[0].kind, "receipt.send");
    assert_int_equal(stats.lanes[0].count[JOB_READY], 1);
    assert_int_equal(stats.lanes[0].count[JOB_DEAD], 5);
    assert_int_equal(stats.lanes[0].oldest_ready_ms, 60);
    assert_true(stats.lanes[0].paused);
    assert_span(stats.lanes[0].waits_for, "smtp");
    assert_int_equal(stats.neighbours[0].down_since_ms, 4000);
    assert_span(stats.neighbours[0].fault, "gone");
    assert_int_equal(stats.workers[0].beat_age_ms, 70);
    assert_span(stats.pauses[0].why, "why so");
    assert_int_equal(stats.pauses[0].since_ms, 4500);
    assert_int_equal(stats.total_count, 2);
    assert_span(stats.totals[0].name, "done");
    assert_int_equal(stats.totals[0].count, 9);
    assert_span(stats.totals[1].name, "taken");
    static const char *const cases[] = {"",
                                        "5000",
                                        "5000 0 0 0 0",
                                        "5000 0 0 0 0 1",
                                        "5000 0 0 0 0 0 0",
                                        "'5000 0 0 0 0 0",
                                        "5000 1 0 0 0 0",
                                        "5000 0 0 0 0 1 'taken -1"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reply bad = reply_of(cases[i]);
        assert_bad(queue_read_stats(&bad, &arena, &stats, &fault), &fault);
    }
}

static void deeds_carry_who_why_and_the_audit_job(void **state)
{
    (void)state;
    struct job_new audit = {.id = SPAN("audit:1"),
                            .kind = &hook,
                            .lane = LANE_BACKFILL,
                            .tenant = SPAN("-")};
    struct deed deed = {.who = SPAN("ada"), .why = SPAN("fixed"), .audit = &audit};
    struct command retry = queue_retry(&arena, whole, SPAN("a"), &deed);
    assert_calls(&retry, "retry");
    assert_string_equal(
        arguments_of(&retry),
        "a|ada|fixed|1|audit:1|stripe.event|backfill|-|||0||25|0|mariadb||0");
    deed.audit = NULL;
    struct command discard = queue_discard(&arena, whole, SPAN("a"), &deed);
    assert_calls(&discard, "discard");
    assert_string_equal(arguments_of(&discard), "a|ada|fixed|0");
    struct command pause = queue_pause(&arena, whole, SPAN("lane:mail"), &deed);
    assert_calls(&pause, "pause");
    assert_string_equal(arguments_of(&pause), "pause|lane:mail|ada|fixed|0");
    struct command resume = queue_resume(&arena, whole, SPAN("all"), &deed);
    assert_calls(&resume, "pause");
    assert_string_equal(arguments_of(&resume), "resume|all|ada|fixed|0");
}

static void verdicts_of_deeds_are_read(void **state)
{
    (void)state;
    struct fault fault;
    enum deed_verdict verdict;
    enum job_state where = JOB_DONE;
    struct reply done = reply_of("0 'ready");
    assert_int_equal(queue_read_deed(&done, &verdict, &where, &fault), OUTCOME_DONE);
    assert_int_equal(verdict, DEED_DONE);
    assert_int_equal(where, JOB_READY);
    struct reply wrong = reply_of("2 'leased");
    assert_int_equal(queue_read_deed(&wrong, &verdict, &where, &fault), OUTCOME_DONE);
    assert_int_equal(verdict, DEED_WRONG_STATE);
    assert_int_equal(where, JOB_LEASED);
    struct reply none = reply_of("1 '");
    assert_int_equal(queue_read_deed(&none, &verdict, &where, &fault), OUTCOME_DONE);
    assert_int_equal(verdict, DEED_NO_SUCH_JOB);
    struct reply paused = reply_of("0 '");
    assert_int_equal(queue_read_deed(&paused, &verdict, NULL, &fault), OUTCOME_DONE);
    assert_int_equal(verdict, DEED_DONE);
    static const char *const cases[] =
        {"", "0", "3 'ready", "0 '", "0 'limbo", "0 'ready 1"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reply bad = reply_of(cases[i]);
        assert_bad(queue_read_deed(&bad, &verdict, &where, &fault), &fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(every_script_carries_the_sha1_that_redis_will_know_it_by),
        TEST(scripts_declare_whether_they_run_at_the_memory_limit),
        TEST(scripts_know_the_same_lanes_neighbours_and_limits_as_we_do),
        TEST(one_partition_has_no_number_in_its_keys),
        TEST(a_name_always_falls_into_the_same_partition_and_names_spread),
        TEST(enqueue_sends_each_job_with_its_references),
        TEST(references_that_could_not_be_looked_up_are_left_out),
        TEST(enqueue_verdicts_are_read_in_order),
        TEST(malformed_enqueue_replies_are_faults_and_write_nothing),
        TEST(take_sends_slots_and_kinds),
        TEST(taken_jobs_are_read),
        TEST(nothing_to_take_is_no_fault),
        TEST(malformed_take_replies_are_faults),
        TEST(release_and_beat_show_the_tokens),
        TEST(lost_tokens_are_read),
        TEST(a_wait_is_never_for_ever),
        TEST(settle_sends_what_came_of_a_job_and_what_follows),
        TEST(settle_sends_the_fault_of_a_failure),
        TEST(settle_replies_are_read),
        TEST(housekeeping_commands_carry_their_limits),
        TEST(sweep_replies_are_read),
        TEST(records_are_read),
        TEST(malformed_records_are_faults),
        TEST(operators_questions_are_sent),
        TEST(figures_are_read),
        TEST(deeds_carry_who_why_and_the_audit_job),
        TEST(verdicts_of_deeds_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
