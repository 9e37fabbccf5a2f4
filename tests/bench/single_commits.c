/* SPDX-License-Identifier: MIT
 * single_commits - inserts rows into single_commits, a table like payment_intents, each in
 * a commit of its own, over some connections at once, and prints the rate as JSON. */
#include <getopt.h>
#include <mysql.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_CONNECTIONS = 256, QUERY_BYTES = 512 };

struct options {
    const char *socket;
    const char *user;
    const char *database;
    long connections;
    long rows; /* all connections together */
};

struct writer {
    pthread_t thread;
    MYSQL *connection;
    long number;
    long rows;
};

static void read_options(int argc, char **argv, struct options *out);
static void usage(void) __attribute__((noreturn));
static MYSQL *connect_to(const struct options *options);
static void *write_rows(void *argument);
static void fail(MYSQL *connection) __attribute__((noreturn));
static int64_t now_us(void);

int main(int argc, char **argv)
{
    struct options options;
    static struct writer writers[MOST_CONNECTIONS];
    read_options(argc, argv, &options);
    for (long i = 0; i < options.connections; i++) {
        writers[i] = (struct writer){.connection = connect_to(&options),
                                     .number = i,
                                     .rows = options.rows / options.connections};
    }
    int64_t began = now_us();
    for (long i = 0; i < options.connections; i++) {
        if (pthread_create(&writers[i].thread, NULL, write_rows, &writers[i]) != 0) {
            perror("single_commits");
            return 1;
        }
    }
    long rows = 0;
    for (long i = 0; i < options.connections; i++) {
        pthread_join(writers[i].thread, NULL);
        rows += writers[i].rows;
    }
    double seconds = (double)(now_us() - began) / 1e6;
    printf("{\"connections\": %ld, \"rows\": %ld, \"seconds\": %.3f, \"per_s\": %.1f}\n",
           options.connections,
           rows,
           seconds,
           (double)rows / seconds);
    for (long i = 0; i < options.connections; i++) {
        mysql_close(writers[i].connection);
    }
    return 0;
}

static void read_options(int argc, char **argv, struct options *out)
{
    static const struct option names[] = {{"socket", required_argument, NULL, 's'},
                                          {"user", required_argument, NULL, 'u'},
                                          {"database", required_argument, NULL, 'd'},
                                          {"connections", required_argument, NULL, 'c'},
                                          {"rows", required_argument, NULL, 'r'},
                                          {NULL, 0, NULL, 0}};
    *out = (struct options){.user = "root", .connections = 1, .rows = 1000};
    for (int name = 0; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (name) {
        case 's':
            out->socket = optarg;
            break;
        case 'u':
            out->user = optarg;
            break;
        case 'd':
            out->database = optarg;
            break;
        case 'c':
            out->connections = strtol(optarg, NULL, 10);
            break;
        case 'r':
            out->rows = strtol(optarg, NULL, 10);
            break;
        default:
            usage();
        }
    }
    if (out->socket == NULL || out->database == NULL || out->connections < 1 ||
        out->connections > MOST_CONNECTIONS || out->rows < out->connections) {
        usage();
    }
}

static void usage(void)
{
    fprintf(stderr,
            "single_commits --socket PATH --database NAME [--user NAME]"
            " [--connections N] [--rows N]\n");
    exit(2);
}

static MYSQL *connect_to(const struct options *options)
{
    MYSQL *connection = mysql_init(NULL);
    if (connection == NULL || mysql_real_connect(connection,
                                                 NULL,
                                                 options->user,
                                                 "",
                                                 options->database,
                                                 0,
                                                 options->socket,
                                                 0) == NULL) {
        fail(connection);
    }
    return connection;
}

/* Autocommit is on, as it is for every new connection. */
static void *write_rows(void *argument)
{
    struct writer *writer = argument;
    for (long i = 0; i < writer->rows; i++) {
        char query[QUERY_BYTES];
        int length =
            snprintf(query,
                     sizeof(query),
                     "INSERT INTO single_commits (amicale_id, pompier_id, amount,"
                     " amount_received, status, payment_method, local_id, device_id,"
                     " sold_at, sale_day, sync_batch_id) VALUES (1, %ld, 1000, 1000,"
                     " 'succeeded', 'cash', 'phone%ld-%06ld', 'phone%ld',"
                     " '2026-11-22 10:05:00.000', '2026-11-22',"
                     " 'bat_5f3kZ8wQ1mYc7RtB2nLx9dHs')",
                     writer->number + 1,
                     writer->number,
                     i,
                     writer->number);
        if (mysql_real_query(writer->connection, query, (unsigned long)length) != 0) {
            fail(writer->connection);
        }
    }
    return NULL;
}

static void fail(MYSQL *connection)
{
    fprintf(stderr,
            "single_commits: %s\n",
            connection != NULL ? mysql_error(connection) : "out of memory");
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}
