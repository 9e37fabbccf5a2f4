/* SPDX-License-Identifier: MIT
 * The link to MariaDB against a real server, whose socket $TOCSIN_TEST_DB_SOCKET names:
 * root without a password, and an empty database `link`. */
#include "tests/unit/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"

static struct settings settings;

/* A connection, an arena and a fault: what a test needs. */
struct bench {
    struct mariadb *db;
    struct mariadb *other;
    struct arena arena;
    struct fault fault;
};

static struct mariadb *open_db(void)
{
    struct mariadb *db = NULL;
    struct fault fault;
    assert_int_equal(mariadb_open(&settings, MARIADB_WRITER, &db, &fault), OUTCOME_DONE);
    return db;
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->db = open_db();
    bench->other = open_db();
    arena_init(&bench->arena, 64 << 20);
    *state = bench;
    return mariadb_script(
               bench->db,
               SPAN("DROP TABLE IF EXISTS things;"
                    "CREATE TABLE things (id BIGINT AUTO_INCREMENT PRIMARY KEY,"
                    " name VARCHAR(64) UNIQUE, body LONGBLOB, moment DATETIME(3),"
                    " price DECIMAL(10,2), flag BOOLEAN, doc JSON, day DATE)"
                    " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"),
               &bench->fault) == OUTCOME_DONE
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    mariadb_close(bench->db);
    mariadb_close(bench->other);
    arena_done(&bench->arena);
    free(bench);
    return 0;
}

#define RUN(db_, rows_, sql_, ...)                                                       \
    mariadb_run((db_),                                                                   \
                (sql_),                                                                  \
                SQL_VALUES(__VA_ARGS__),                                                 \
                &bench->arena,                                                           \
                (rows_),                                                                 \
                &bench->fault)
#define RUN_BARE(db_, rows_, sql_)                                                       \
    mariadb_run((db_), (sql_), NULL, 0, &bench->arena, (rows_), &bench->fault)

static int64_t number_of(struct bench *bench, struct mariadb *db, const char *sql)
{
    struct sql_rows rows;
    enum outcome outcome = RUN_BARE(db, &rows, sql);
    assert_int_equal(outcome, OUTCOME_DONE);
    return sql_i64(&rows, 0, 0);
}

static void kill_connection(struct bench *bench)
{
    int64_t id = number_of(bench, bench->db, "SELECT CONNECTION_ID()");
    struct text sql;
    text_init(&sql, 64);
    text_addf(&sql, "KILL %lld", (long long)id);
    assert_int_equal(mariadb_script(bench->other, text_span(&sql), &bench->fault),
                     OUTCOME_DONE);
    /* The server lets go of it in its own time; it is gone when it is listed no more. */
    struct sql_rows rows;
    do {
        enum outcome outcome =
            RUN(bench->other,
                &rows,
                "SELECT COUNT(*) FROM information_schema.processlist WHERE id = ?",
                SQL_I64(id));
        assert_int_equal(outcome, OUTCOME_DONE);
    } while (sql_i64(&rows, 0, 0) != 0);
    text_done(&sql);
}

static void every_type_comes_back_as_it_went_in(void **state)
{
    struct bench *bench = *state;
    static const char bytes[] = "\x01\xff\x00\xfe sealed";
    struct span body = {bytes, sizeof(bytes) - 1};
    struct sql_rows rows;
    enum outcome outcome =
        RUN(bench->db,
            &rows,
            "INSERT INTO things (name, body, moment, price, flag, doc, day)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            SQL_STRING("caf\xC3\xA9 \xF0\x9F\x94\xA5"),
            SQL_SPAN(body),
            sql_moment(&bench->arena, 1795341900123),
            SQL_STRING("12.50"),
            SQL_I64(1),
            SQL_STRING("{\"a\":1}"),
            SQL_STRING("2026-11-22"));
    assert_int_equal(outcome, OUTCOME_DONE);
    assert_int_equal(rows.affected, 1);
    assert_int_equal(rows.insert_id, 1);

    outcome = RUN_BARE(bench->db,
                       &rows,
                       "SELECT id, name, body, moment, price, flag, doc, day, NULL,"
                       " -9223372036854775807 FROM things");
    assert_int_equal(outcome, OUTCOME_DONE);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.columns, 10);
    assert_int_equal(sql_i64(&rows, 0, 0), 1);
    assert_span(sql_text(&rows, 0, 1), "caf\xC3\xA9 \xF0\x9F\x94\xA5");
    assert_true(span_equal(sql_text(&rows, 0, 2), body));
    assert_span(sql_text(&rows, 0, 3), "2026-11-22 10:05:00.123");
    assert_span(sql_text(&rows, 0, 4), "12.50");
    assert_int_equal(sql_i64(&rows, 0, 5), 1);
    assert_span(sql_text(&rows, 0, 6), "{\"a\":1}");
    assert_span(sql_text(&rows, 0, 7), "2026-11-22");
    assert_true(sql_is_null(&rows, 0, 8));
    assert_int_equal(sql_i64(&rows, 0, 9), -INT64_MAX);
}

static void nothing_goes_in_and_comes_out_as_nothing(void **state)
{
    struct bench *bench = *state;
    struct sql_rows rows;
    enum outcome outcome = RUN(bench->db,
                               NULL,
                               "INSERT INTO things (name, body, moment) VALUES (?, ?, ?)",
                               sql_optional(SPAN("")),
                               SQL_NOTHING,
                               sql_moment(&bench->arena, 0));
    assert_int_equal(outcome, OUTCOME_DONE);
    outcome = RUN_BARE(bench->db, &rows, "SELECT name, body, moment, price FROM things");
    assert_int_equal(outcome, OUTCOME_DONE);
    for (size_t i = 0; i < 4; i++) {
        assert_true(sql_is_null(&rows, 0, i));
    }
    outcome = RUN_BARE(bench->db, &rows, "SELECT id FROM things WHERE id = 99");
    assert_int_equal(outcome, OUTCOME_DONE);
    assert_int_equal(rows.count, 0);
}

static void big_bodies_and_short_ones_come_back_whole(void **state)
{
    struct bench *bench = *state;
    enum { BIG = 3 << 20 };
    char *big = arena_take(&bench->arena, BIG);
    memset(big, 0xE9, BIG);
    struct span bodies[] = {{big, BIG}, {"", 0}, {big, 5}};
    for (size_t i = 0; i < 3; i++) {
        enum outcome outcome = RUN(bench->db,
                                   NULL,
                                   "INSERT INTO things (body) VALUES (?)",
                                   SQL_SPAN(bodies[i]));
        assert_int_equal(outcome, OUTCOME_DONE);
    }
    struct sql_rows rows;
    enum outcome outcome =
        RUN_BARE(bench->db, &rows, "SELECT body FROM things ORDER BY id");
    assert_int_equal(outcome, OUTCOME_DONE);
    for (size_t i = 0; i < 3; i++) {
        assert_false(sql_is_null(&rows, i, 0));
        assert_true(span_equal(sql_text(&rows, i, 0), bodies[i]));
    }
}

static void the_session_is_strict_and_in_utc(void **state)
{
    struct bench *bench = *state;
    struct sql_rows rows;
    enum outcome outcome =
        RUN_BARE(bench->db,
                 &rows,
                 "SELECT @@time_zone, @@tx_isolation, @@character_set_client");
    assert_int_equal(outcome, OUTCOME_DONE);
    assert_span(sql_text(&rows, 0, 0), "+00:00");
    assert_span(sql_text(&rows, 0, 1), "READ-COMMITTED");
    assert_span(sql_text(&rows, 0, 2), "utf8mb4");
    char long_name[65];
    memset(long_name, 'x', sizeof(long_name));
    outcome = RUN(bench->db,
                  NULL,
                  "INSERT INTO things (name) VALUES (?)",
                  SQL_SPAN(((struct span){long_name, sizeof(long_name)})));
    assert_int_equal(outcome, OUTCOME_NEVER);
    assert_int_equal(bench->fault.code, 1406);
}

static void a_duplicate_key_is_never_and_known_as_such(void **state)
{
    struct bench *bench = *state;
    enum outcome outcome = OUTCOME_DONE;
    for (int i = 0; i < 2; i++) {
        outcome = RUN(bench->db,
                      NULL,
                      "INSERT INTO things (name) VALUES (?)",
                      SQL_STRING("twice"));
    }
    assert_int_equal(outcome, OUTCOME_NEVER);
    assert_true(mariadb_is_duplicate(&bench->fault));
    assert_true(mariadb_is_open(bench->db));
    outcome = RUN_BARE(bench->db, NULL, "SELECT nonsense FROM things");
    assert_int_equal(outcome, OUTCOME_NEVER);
    assert_false(mariadb_is_duplicate(&bench->fault));
}

static void what_is_rolled_back_was_never_there(void **state)
{
    struct bench *bench = *state;
    mariadb_rollback(bench->db);
    assert_int_equal(mariadb_begin(bench->db, &bench->fault), OUTCOME_DONE);
    enum outcome outcome =
        RUN_BARE(bench->db, NULL, "INSERT INTO things (name) VALUES ('gone')");
    assert_int_equal(outcome, OUTCOME_DONE);
    mariadb_rollback(bench->db);
    assert_int_equal(number_of(bench, bench->db, "SELECT COUNT(*) FROM things"), 0);
    assert_int_equal(mariadb_begin(bench->db, &bench->fault), OUTCOME_DONE);
    outcome = RUN_BARE(bench->db, NULL, "INSERT INTO things (name) VALUES ('kept')");
    assert_int_equal(outcome, OUTCOME_DONE);
    assert_int_equal(mariadb_commit(bench->db, &bench->fault), OUTCOME_DONE);
    assert_int_equal(number_of(bench, bench->other, "SELECT COUNT(*) FROM things"), 1);
}

static void an_idle_connection_that_was_closed_is_replaced_unseen(void **state)
{
    struct bench *bench = *state;
    kill_connection(bench);
    enum outcome outcome =
        RUN_BARE(bench->db, NULL, "INSERT INTO things (name) VALUES ('after')");
    assert_int_equal(outcome, OUTCOME_DONE);
    kill_connection(bench);
    assert_int_equal(mariadb_begin(bench->db, &bench->fault), OUTCOME_DONE);
    assert_int_equal(mariadb_commit(bench->db, &bench->fault), OUTCOME_DONE);
    assert_int_equal(number_of(bench, bench->db, "SELECT COUNT(*) FROM things"), 1);
}

static void a_transaction_whose_connection_is_lost_does_not_go_on_alone(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(mariadb_begin(bench->db, &bench->fault), OUTCOME_DONE);
    enum outcome outcome =
        RUN_BARE(bench->db, NULL, "INSERT INTO things (name) VALUES ('first')");
    assert_int_equal(outcome, OUTCOME_DONE);
    kill_connection(bench);
    for (int i = 0; i < 2; i++) {
        outcome =
            RUN_BARE(bench->db, NULL, "INSERT INTO things (name) VALUES ('second')");
        assert_int_equal(outcome, OUTCOME_LATER);
        assert_string_equal(bench->fault.neighbour, "mariadb");
    }
    assert_false(mariadb_is_open(bench->db));
    assert_int_equal(mariadb_commit(bench->db, &bench->fault), OUTCOME_LATER);
    mariadb_rollback(bench->db);
    assert_int_equal(number_of(bench, bench->db, "SELECT COUNT(*) FROM things"), 0);
}

static void a_connection_lost_at_commit_is_unsure(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(mariadb_begin(bench->db, &bench->fault), OUTCOME_DONE);
    enum outcome outcome =
        RUN_BARE(bench->db, NULL, "INSERT INTO things (name) VALUES ('maybe')");
    assert_int_equal(outcome, OUTCOME_DONE);
    kill_connection(bench);
    assert_int_equal(mariadb_commit(bench->db, &bench->fault), OUTCOME_UNSURE);
    assert_string_equal(bench->fault.neighbour, "mariadb");
    mariadb_rollback(bench->db);
}

/* The one waits for the other's row lock; the other then waits for the one's. */
struct waiter {
    struct bench *bench;
    struct mariadb *db;
    enum outcome outcome;
    struct fault fault;
};

static void *lock_second_row(void *argument)
{
    struct waiter *waiter = argument;
    waiter->outcome = mariadb_run(waiter->db,
                                  "UPDATE things SET flag = 1 WHERE id = 2",
                                  NULL,
                                  0,
                                  NULL,
                                  NULL,
                                  &waiter->fault);
    return NULL;
}

static void a_deadlock_is_later_and_no_neighbour_is_down(void **state)
{
    struct bench *bench = *state;
    enum outcome outcome =
        RUN_BARE(bench->db, NULL, "INSERT INTO things (id) VALUES (1), (2)");
    assert_int_equal(outcome, OUTCOME_DONE);
    assert_int_equal(mariadb_begin(bench->db, &bench->fault), OUTCOME_DONE);
    assert_int_equal(mariadb_begin(bench->other, &bench->fault), OUTCOME_DONE);
    outcome = RUN_BARE(bench->db, NULL, "UPDATE things SET flag = 0 WHERE id = 1");
    assert_int_equal(outcome, OUTCOME_DONE);
    outcome = RUN_BARE(bench->other, NULL, "UPDATE things SET flag = 0 WHERE id = 2");
    assert_int_equal(outcome, OUTCOME_DONE);
    struct waiter waiter = {.bench = bench, .db = bench->db};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, lock_second_row, &waiter), 0);
    outcome = RUN_BARE(bench->other, NULL, "UPDATE things SET flag = 1 WHERE id = 1");
    struct fault fault = bench->fault;
    pthread_join(thread, NULL);
    /* One of the two is the victim, and only one. */
    assert_int_equal((outcome == OUTCOME_LATER) + (waiter.outcome == OUTCOME_LATER), 1);
    struct fault *said = outcome == OUTCOME_LATER ? &fault : &waiter.fault;
    assert_int_equal(said->code, 1213);
    assert_null(said->neighbour);
    mariadb_rollback(bench->db);
    mariadb_rollback(bench->other);
}

static void a_statement_that_takes_too_long_is_ended_by_the_server(void **state)
{
    struct bench *bench = *state;
    struct settings hasty = settings;
    hasty.mariadb.query_ms = 1000;
    struct mariadb *db = NULL;
    assert_int_equal(mariadb_open(&hasty, MARIADB_WRITER, &db, &bench->fault),
                     OUTCOME_DONE);
    struct sql_rows rows;
    enum outcome outcome =
        RUN_BARE(db,
                 &rows,
                 "SELECT COUNT(*) FROM seq_1_to_100000000000 WHERE seq % 7 = 3");
    assert_int_equal(outcome, OUTCOME_LATER);
    assert_int_equal(bench->fault.code, 1969);
    assert_null(bench->fault.neighbour);
    assert_true(mariadb_is_open(db));
    mariadb_close(db);
}

/* InnoDB says "the table is full" (1114) when its disk is; MEMORY when its ceiling is. */
static void a_server_without_room_is_a_neighbour_that_is_down(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(
        mariadb_script(bench->db,
                       SPAN("DROP TABLE IF EXISTS brimful;"
                            "SET SESSION max_heap_table_size = 16384;"
                            "CREATE TABLE brimful (body CHAR(255)) ENGINE=MEMORY"),
                       &bench->fault),
        OUTCOME_DONE);
    struct sql_rows rows;
    assert_int_equal(
        RUN_BARE(bench->db,
                 &rows,
                 "INSERT INTO brimful SELECT REPEAT('x', 255) FROM seq_1_to_10000"),
        OUTCOME_LATER);
    assert_int_equal(bench->fault.code, 1114);
    assert_string_equal(bench->fault.neighbour, "mariadb");
}

static void more_statements_than_are_kept_still_run(void **state)
{
    struct bench *bench = *state;
    enum { MANY = 200 };
    static char sqls[MANY][40];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            snprintf(sqls[i], sizeof(sqls[i]), "SELECT %d + ?", i);
            struct sql_rows rows;
            enum outcome outcome = RUN(bench->db, &rows, sqls[i], SQL_I64(1));
            assert_int_equal(outcome, OUTCOME_DONE);
            assert_int_equal(sql_i64(&rows, 0, 0), i + 1);
        }
    }
    int64_t held = number_of(bench,
                             bench->other,
                             "SELECT CAST(variable_value AS SIGNED) FROM"
                             " information_schema.global_status"
                             " WHERE variable_name = 'Prepared_stmt_count'");
    assert_in_range(held, 1, 130);
}

static void too_many_rows_are_refused(void **state)
{
    struct bench *bench = *state;
    struct sql_rows rows;
    enum outcome outcome = RUN_BARE(bench->db, &rows, "SELECT seq FROM seq_1_to_10001");
    assert_int_equal(outcome, OUTCOME_NEVER);
    outcome = RUN_BARE(bench->db, &rows, "SELECT seq FROM seq_1_to_10000");
    assert_int_equal(outcome, OUTCOME_DONE);
    assert_int_equal(rows.count, 10000);
    assert_int_equal(sql_i64(&rows, 9999, 0), 10000);
}

static void a_server_that_is_not_there_is_a_neighbour_that_is_down(void **state)
{
    struct bench *bench = *state;
    struct settings lost = settings;
    lost.mariadb.socket = "/nonexistent/mariadb.sock";
    struct mariadb *db = NULL;
    assert_int_equal(mariadb_open(&lost, MARIADB_WRITER, &db, &bench->fault),
                     OUTCOME_DONE);
    assert_int_equal(mariadb_begin(db, &bench->fault), OUTCOME_LATER);
    assert_string_equal(bench->fault.neighbour, "mariadb");
    enum outcome outcome = RUN_BARE(db, NULL, "SELECT 1");
    assert_int_equal(outcome, OUTCOME_LATER);
    assert_string_equal(bench->fault.neighbour, "mariadb");
    mariadb_rollback(db);
    mariadb_close(db);

    struct settings stranger = settings;
    stranger.mariadb.user = "nobody_here";
    assert_int_equal(mariadb_open(&stranger, MARIADB_WRITER, &db, &bench->fault),
                     OUTCOME_DONE);
    outcome = RUN_BARE(db, NULL, "SELECT 1");
    assert_int_equal(outcome, OUTCOME_LATER);
    assert_string_equal(bench->fault.neighbour, "mariadb");
    mariadb_close(db);
}

static void *write_hundred_rows(void *argument)
{
    struct waiter *waiter = argument;
    struct mariadb *db = open_db();
    waiter->outcome = OUTCOME_DONE;
    for (int i = 0; i < 100 && waiter->outcome == OUTCOME_DONE; i++) {
        waiter->outcome = mariadb_run(db,
                                      "INSERT INTO things (flag) VALUES (1)",
                                      NULL,
                                      0,
                                      NULL,
                                      NULL,
                                      &waiter->fault);
    }
    mariadb_close(db);
    return NULL;
}

static void many_threads_write_each_on_a_connection_of_its_own(void **state)
{
    struct bench *bench = *state;
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    struct waiter waiters[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, write_hundred_rows, &waiters[i]),
            0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(waiters[i].outcome, OUTCOME_DONE);
    }
    assert_int_equal(number_of(bench, bench->db, "SELECT COUNT(*) FROM things"),
                     100 * THREADS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    settings.mariadb.socket = getenv("TOCSIN_TEST_DB_SOCKET");
    if (!settings.mariadb.socket) {
        fputs("TOCSIN_TEST_DB_SOCKET names no socket\n", stderr);
        return 1;
    }
    settings.mariadb.user = "root";
    settings.mariadb.database = "link";
    settings.mariadb.connect_ms = 5000;
    settings.mariadb.query_ms = 20000;
    const struct CMUnitTest tests[] = {
        TEST(every_type_comes_back_as_it_went_in),
        TEST(nothing_goes_in_and_comes_out_as_nothing),
        TEST(big_bodies_and_short_ones_come_back_whole),
        TEST(the_session_is_strict_and_in_utc),
        TEST(a_duplicate_key_is_never_and_known_as_such),
        TEST(what_is_rolled_back_was_never_there),
        TEST(an_idle_connection_that_was_closed_is_replaced_unseen),
        TEST(a_transaction_whose_connection_is_lost_does_not_go_on_alone),
        TEST(a_connection_lost_at_commit_is_unsure),
        TEST(a_deadlock_is_later_and_no_neighbour_is_down),
        TEST(a_statement_that_takes_too_long_is_ended_by_the_server),
        TEST(a_server_without_room_is_a_neighbour_that_is_down),
        TEST(more_statements_than_are_kept_still_run),
        TEST(too_many_rows_are_refused),
        TEST(a_server_that_is_not_there_is_a_neighbour_that_is_down),
        TEST(many_threads_write_each_on_a_connection_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
