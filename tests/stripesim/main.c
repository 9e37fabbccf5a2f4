/* SPDX-License-Identifier: MIT
 * tocsin-stripesim: a stateful Stripe for development and tests. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/base/log.h"
#include "common/base/settings.h"
#include "tests/stripesim/control.h"
#include "tests/stripesim/server.h"
#include "tests/stripesim/sim.h"

enum { EXIT_USAGE = 64, EXIT_START = 71 };

struct options {
    const char *address;
    uint16_t port;
    const char *port_file;
    const char *urls[WEBHOOKS_ENDPOINT_COUNT];
    const char *secret_files[WEBHOOKS_ENDPOINT_COUNT];
    uint64_t seed;
    bool livemode;
};

static bool read_options(int argc, char **argv, struct options *options);
static bool read_listen(char *word, struct options *options);
static bool read_number(const char *word, uint64_t most, uint64_t *out_number);
static bool read_secrets(const struct options *options,
                         struct text secrets[WEBHOOKS_ENDPOINT_COUNT]);
static bool announce(const struct options *options, uint16_t port);
static void on_stop(evutil_socket_t number, short what, void *base);

static const char usage[] =
    "tocsin-stripesim [OPTION]...\n"
    "A stateful Stripe for development and tests; docs/stripesim.md tells what it does.\n"
    "\n"
    "  --port N                          listen on 127.0.0.1 port N (0, the default: "
    "any)\n"
    "  --listen ADDRESS:PORT             listen there instead\n"
    "  --port-file FILE                  write the port there once it listens\n"
    "  --webhook-url URL                 where the platform's events go\n"
    "  --connect-webhook-url URL         where connected accounts' events go (default: "
    "same)\n"
    "  --webhook-secret-file FILE        what the first are signed with\n"
    "  --connect-webhook-secret-file FILE  what the second are signed with\n"
    "  --seed N                          repeat the choices made by chance (default 1)\n"
    "  --livemode                        take sk_live_ keys, make live objects\n"
    "  --version, --help\n";

int main(int argc, char **argv)
{
    struct options options = {.address = "127.0.0.1", .seed = 1};
    struct text secrets[WEBHOOKS_ENDPOINT_COUNT];
    struct server *server = NULL;
    struct sim sim;
    struct fault fault;
    if (!read_options(argc, argv, &options)) {
        return EXIT_USAGE;
    }
    if (!read_secrets(&options, secrets)) {
        return EXIT_START;
    }
    signal(SIGPIPE, SIG_IGN);
    struct event_base *base = event_base_new();
    struct event *on_term = evsignal_new(base, SIGTERM, on_stop, base);
    struct event *on_int = evsignal_new(base, SIGINT, on_stop, base);
    struct sim_options sim_options = {.livemode = options.livemode, .seed = options.seed};
    for (int i = 0; i < WEBHOOKS_ENDPOINT_COUNT; i++) {
        sim_options.endpoints[i] =
            (struct webhooks_endpoint){options.urls[i], secrets[i].at};
    }
    bool started =
        sim_init(&sim, base, &sim_options, &fault) == OUTCOME_DONE &&
        server_open(&sim, options.address, options.port, &server, &fault) == OUTCOME_DONE;
    if (!started) {
        log_error("did not start", LOG_FAULT(&fault));
    }
    if (started && announce(&options, server_port(server))) {
        evsignal_add(on_term, NULL);
        evsignal_add(on_int, NULL);
        event_base_dispatch(base);
        log_info("stopped", LOG_NUMBER("calls", sim.calls));
    } else {
        started = false;
    }
    server_drop_held(&sim);
    control_close(&sim);
    server_close(server);
    sim_done(&sim);
    event_free(on_term);
    event_free(on_int);
    event_base_free(base);
    for (int i = 0; i < WEBHOOKS_ENDPOINT_COUNT; i++) {
        text_wipe(&secrets[i]);
    }
    libevent_global_shutdown();
    return started ? EXIT_SUCCESS : EXIT_START;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option table[] = {
        {"port", required_argument, NULL, 'p'},
        {"listen", required_argument, NULL, 'l'},
        {"port-file", required_argument, NULL, 'f'},
        {"webhook-url", required_argument, NULL, 'u'},
        {"connect-webhook-url", required_argument, NULL, 'U'},
        {"webhook-secret-file", required_argument, NULL, 's'},
        {"connect-webhook-secret-file", required_argument, NULL, 'S'},
        {"seed", required_argument, NULL, 'n'},
        {"livemode", no_argument, NULL, 'L'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int letter;
    bool good = true;
    uint64_t number = 0;
    while (good && (letter = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (letter) {
        case 'p':
            good = read_number(optarg, UINT16_MAX, &number);
            options->port = (uint16_t)number;
            break;
        case 'l':
            good = read_listen(optarg, options);
            break;
        case 'f':
            options->port_file = optarg;
            break;
        case 'u':
            options->urls[WEBHOOKS_PLATFORM] = optarg;
            break;
        case 'U':
            options->urls[WEBHOOKS_CONNECT] = optarg;
            break;
        case 's':
            options->secret_files[WEBHOOKS_PLATFORM] = optarg;
            break;
        case 'S':
            options->secret_files[WEBHOOKS_CONNECT] = optarg;
            break;
        case 'n':
            good = read_number(optarg, INT64_MAX, &options->seed);
            break;
        case 'L':
            options->livemode = true;
            break;
        case 'v':
            puts("tocsin-stripesim " TOCSIN_VERSION);
            exit(EXIT_SUCCESS);
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        default:
            good = false;
            break;
        }
    }
    if (!options->urls[WEBHOOKS_CONNECT]) {
        options->urls[WEBHOOKS_CONNECT] = options->urls[WEBHOOKS_PLATFORM];
    }
    if (!good || optind != argc) {
        fputs(usage, stderr);
        return false;
    }
    return true;
}

static bool read_listen(char *word, struct options *options)
{
    uint64_t port = 0;
    char *colon = strrchr(word, ':');
    if (!colon || !read_number(colon + 1, UINT16_MAX, &port)) {
        return false;
    }
    *colon = '\0';
    options->address = word;
    options->port = (uint16_t)port;
    return true;
}

static bool read_number(const char *word, uint64_t most, uint64_t *out_number)
{
    int64_t number;
    if (!span_to_i64(span_of(word), &number) || number < 0 || (uint64_t)number > most) {
        return false;
    }
    *out_number = (uint64_t)number;
    return true;
}

/* An endpoint that has an url needs a secret. */
static bool read_secrets(const struct options *options,
                         struct text secrets[WEBHOOKS_ENDPOINT_COUNT])
{
    struct fault fault;
    for (int i = 0; i < WEBHOOKS_ENDPOINT_COUNT; i++) {
        text_init(&secrets[i], 4096);
    }
    for (int i = 0; i < WEBHOOKS_ENDPOINT_COUNT; i++) {
        if (!options->urls[i]) {
            continue;
        }
        if (!options->secret_files[i]) {
            log_error("did not start",
                      LOG_TEXT("fault",
                               i == WEBHOOKS_PLATFORM
                                   ? "--webhook-secret-file is missing"
                                   : "--connect-webhook-secret-file is missing"));
            return false;
        }
        if (settings_read_secret(options->secret_files[i], &secrets[i], &fault) !=
            OUTCOME_DONE) {
            log_error("did not start", LOG_FAULT(&fault));
            return false;
        }
    }
    return true;
}

/* The file appears whole: who polls for it never reads half a number. */
static bool announce(const struct options *options, uint16_t port)
{
    printf("http://%s:%u\n", options->address, port);
    fflush(stdout);
    if (!options->port_file) {
        return true;
    }
    char fresh[4096];
    snprintf(fresh, sizeof(fresh), "%s.new", options->port_file);
    FILE *file = fopen(fresh, "w");
    bool good = file && fprintf(file, "%u\n", port) > 0;
    good = (file ? fclose(file) == 0 : false) && good;
    good = good && rename(fresh, options->port_file) == 0;
    if (!good) {
        log_error("cannot write the port file", LOG_TEXT("fault", strerror(errno)));
    }
    return good;
}

static void on_stop(evutil_socket_t number, short what, void *base)
{
    (void)number;
    (void)what;
    event_base_loopbreak(base);
}
