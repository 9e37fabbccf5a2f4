/* SPDX-License-Identifier: MIT
 * webhook_load - posts signed webhooks over keep-alive connections, each sending its next
 * one when the last was answered, and prints what it saw as JSON. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/signed_events.h"

enum { ANSWER_BYTES = 8192, MOST_CONNECTIONS = 4096, LIMIT_S = 120 };

struct connection {
    int socket;
    char *request; /* its own copy: a write may be partial */
    size_t sent;
    char answer[ANSWER_BYTES];
    size_t answered;
    int64_t began_us;
};

struct load {
    struct signed_events events;
    size_t request_len;
    size_t next; /* number of the next event to send */
    size_t answered; /* requests that got an answer */
    size_t refused; /* of these: not 200 */
    uint32_t *took_us; /* of each that was answered */
    int64_t deadline_us;
    int epoll;
};

struct options {
    const char *host;
    const char *port;
    size_t connections;
    struct signed_events_options events;
};

static void read_options(int argc, char **argv, struct options *out);
static void usage(void) __attribute__((noreturn));
static void fail(const char *what) __attribute__((noreturn));
static char *read_line(const char *path);
static int connect_to(const struct options *options);
static void run(struct load *load, struct connection *connections, size_t count);
static bool begin(struct load *load, struct connection *connection);
static void push(struct load *load, struct connection *connection);
static bool pull(struct load *load, struct connection *connection);
static bool is_whole(const struct connection *connection);
static void watch(struct load *load,
                  struct connection *connection,
                  uint32_t events,
                  int how);
static int64_t now_us(void);
static void report(struct load *load, int64_t took_us);
static int by_size(const void *left, const void *right);

int main(int argc, char **argv)
{
    struct options options;
    read_options(argc, argv, &options);
    struct load load = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    signed_events_init(&load.events, &options.events);
    load.request_len = load.events.request_len;
    load.took_us = calloc(options.events.count, sizeof(*load.took_us));
    struct connection *connections = calloc(options.connections, sizeof(*connections));
    if (!load.took_us || !connections) {
        abort();
    }
    for (size_t i = 0; i < options.connections; i++) {
        connections[i].request = malloc(load.request_len);
        connections[i].socket = connect_to(&options);
        if (!connections[i].request) {
            abort();
        }
    }
    int64_t began_us = now_us();
    load.deadline_us = began_us + LIMIT_S * 1000000LL;
    run(&load, connections, options.connections);
    report(&load, now_us() - began_us);
    for (size_t i = 0; i < options.connections; i++) {
        close(connections[i].socket);
        free(connections[i].request);
    }
    free(connections);
    free(load.took_us);
    signed_events_done(&load.events);
    return 0;
}

static void read_options(int argc, char **argv, struct options *out)
{
    static const struct option words[] = {
        {"host", required_argument, NULL, 'h'},
        {"port", required_argument, NULL, 'p'},
        {"path", required_argument, NULL, 'u'},
        {"secret-file", required_argument, NULL, 's'},
        {"connections", required_argument, NULL, 'c'},
        {"requests", required_argument, NULL, 'n'},
        {"body-bytes", required_argument, NULL, 'b'},
        {"prefix", required_argument, NULL, 'x'},
        {"amicale", required_argument, NULL, 'a'},
        {"pompier", required_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
    };
    *out = (struct options){
        .host = "127.0.0.1",
        .port = "8080",
        .connections = 64,
        .events = {.host = "127.0.0.1",
                   .path = "/api/stripe/webhook",
                   .secret = "whsec_none",
                   .prefix = "bench",
                   .amicale = "1",
                   .pompier = "1",
                   .body_bytes = 3000,
                   .count = 10000},
    };
    int letter;
    while ((letter = getopt_long(argc, argv, "", words, NULL)) != -1) {
        switch (letter) {
        case 'h':
            out->host = out->events.host = optarg;
            break;
        case 'p':
            out->port = optarg;
            break;
        case 'u':
            out->events.path = optarg;
            break;
        case 's':
            out->events.secret = read_line(optarg);
            break;
        case 'c':
            out->connections = strtoul(optarg, NULL, 10);
            break;
        case 'n':
            out->events.count = strtoul(optarg, NULL, 10);
            break;
        case 'b':
            out->events.body_bytes = strtoul(optarg, NULL, 10);
            break;
        case 'x':
            out->events.prefix = optarg;
            break;
        case 'a':
            out->events.amicale = optarg;
            break;
        case 'q':
            out->events.pompier = optarg;
            break;
        default:
            usage();
        }
    }
    if (optind < argc || out->connections == 0 || out->connections > MOST_CONNECTIONS ||
        out->events.count == 0 || out->events.body_bytes > 500000) {
        usage();
    }
}

static void usage(void)
{
    fputs("usage: webhook_load --port N [--host H] [--path P] [--secret-file F]\n"
          "       [--connections 64] [--requests 10000] [--body-bytes 3000]\n"
          "       [--prefix bench] [--amicale 1] [--pompier 1]\n",
          stderr);
    exit(2);
}

static void fail(const char *what)
{
    fprintf(stderr, "webhook_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static char *read_line(const char *path)
{
    static char line[512];
    FILE *file = fopen(path, "re");
    if (!file || !fgets(line, sizeof(line), file)) {
        fail(path);
    }
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static int connect_to(const struct options *options)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    if (getaddrinfo(options->host, options->port, &hints, &addresses) != 0) {
        fail(options->host);
    }
    int one = 1;
    int client = socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || connect(client, addresses->ai_addr, addresses->ai_addrlen) != 0 ||
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
        fcntl(client, F_SETFL, O_NONBLOCK) != 0) {
        fail("connect");
    }
    freeaddrinfo(addresses);
    return client;
}

static void run(struct load *load, struct connection *connections, size_t count)
{
    size_t busy = 0;
    for (size_t i = 0; i < count; i++) {
        watch(load, &connections[i], EPOLLIN, EPOLL_CTL_ADD);
        busy += begin(load, &connections[i]) ? 1 : 0;
    }
    while (busy > 0) {
        struct epoll_event ready[256];
        int found = epoll_wait(load->epoll, ready, 256, 1000);
        if (now_us() > load->deadline_us) {
            fprintf(stderr, "webhook_load: not done after %d s\n", LIMIT_S);
            exit(1);
        }
        for (int i = 0; i < found; i++) {
            struct connection *connection = ready[i].data.ptr;
            if (ready[i].events & EPOLLOUT) {
                push(load, connection);
            }
            if ((ready[i].events & ~(uint32_t)EPOLLOUT) && pull(load, connection)) {
                busy -= begin(load, connection) ? 0 : 1;
            }
        }
    }
}

/* False when there is nothing more to send. */
static bool begin(struct load *load, struct connection *connection)
{
    if (load->next == load->events.count) {
        return false;
    }
    signed_events_pick(&load->events, load->next++);
    memcpy(connection->request, load->events.request, load->request_len);
    connection->sent = 0;
    connection->answered = 0;
    connection->began_us = now_us();
    push(load, connection);
    return true;
}

static void push(struct load *load, struct connection *connection)
{
    bool waited = connection->sent > 0;
    ssize_t count = send(connection->socket,
                         connection->request + connection->sent,
                         load->request_len - connection->sent,
                         MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) {
        fail("send");
    }
    connection->sent += count > 0 ? (size_t)count : 0;
    bool waits = connection->sent < load->request_len;
    if (waits || waited) {
        watch(load, connection, waits ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    }
}

/* True when the answer is whole. */
static bool pull(struct load *load, struct connection *connection)
{
    ssize_t count = recv(connection->socket,
                         connection->answer + connection->answered,
                         ANSWER_BYTES - 1 - connection->answered,
                         0);
    if (count < 0 && errno == EAGAIN) {
        return false;
    }
    if (count <= 0) {
        fail(count == 0 ? "the server closed a connection" : "recv");
    }
    connection->answered += (size_t)count;
    connection->answer[connection->answered] = '\0';
    if (!is_whole(connection)) {
        return false;
    }
    load->took_us[load->answered++] = (uint32_t)(now_us() - connection->began_us);
    load->refused += strncmp(connection->answer, "HTTP/1.1 200", 12) != 0 ? 1 : 0;
    return true;
}

/* Head, and as many bytes as Content-Length says. */
static bool is_whole(const struct connection *connection)
{
    const char *end = strstr(connection->answer, "\r\n\r\n");
    if (!end) {
        return false;
    }
    const char *length = strcasestr(connection->answer, "\r\ncontent-length:");
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return connection->answered >= (size_t)(end + 4 - connection->answer) + body;
}

static void watch(struct load *load,
                  struct connection *connection,
                  uint32_t events,
                  int how)
{
    struct epoll_event wanted = {.events = events, .data.ptr = connection};
    if (epoll_ctl(load->epoll, how, connection->socket, &wanted) != 0) {
        fail("epoll_ctl");
    }
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void report(struct load *load, int64_t took_us)
{
    qsort(load->took_us, load->answered, sizeof(*load->took_us), by_size);
    double seconds = (double)took_us / 1e6;
    printf("{\"requests\": %zu, \"not_200\": %zu, \"seconds\": %.3f, \"per_s\": %.1f",
           load->answered,
           load->refused,
           seconds,
           (double)load->answered / seconds);
    static const struct {
        const char *name;
        double share;
    } marks[] = {{"p50_ms", 0.5}, {"p90_ms", 0.9}, {"p99_ms", 0.99}, {"p999_ms", 0.999}};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t at = (size_t)((double)(load->answered - 1) * marks[i].share);
        printf(", \"%s\": %.3f", marks[i].name, load->took_us[at] / 1000.0);
    }
    printf(", \"max_ms\": %.3f}\n", load->took_us[load->answered - 1] / 1000.0);
}

static int by_size(const void *left, const void *right)
{
    const uint32_t *a = left;
    const uint32_t *b = right;
    return (*a > *b) - (*a < *b);
}
