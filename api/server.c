/* SPDX-License-Identifier: MIT
 * Starts the loops' threads, waits for signals, minds the watchdog. */
#include "api/server.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "api/door.h"
#include "api/listener.h"
#include "api/loop.h"
#include "api/tls.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/notify.h"

/* A loop that did not tick for so long hangs. */
enum {
    LOOP_HANGS_MS = 5000,
    NO_WATCHDOG_WAIT_MS = 3600 * 1000,
    TICKET_KEY_MS = 24 * 3600 * 1000,
};

static void stop_accepting(struct server *server);
static void handled_signals(sigset_t *out_set);
static void *run_loop(void *context);
static int wait_for_signal(const struct server *server);
static void reload(const struct server *server);
static void tell_certificate(const struct server *server);
static bool loops_are_alive(const struct server *server);

void server_block_signals(void)
{
    sigset_t set;
    handled_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

enum outcome server_open(struct server *server,
                         const struct door *door,
                         struct listener *listeners,
                         struct fault *fault)
{
    enum outcome outcome = OUTCOME_DONE;
    server->door = door;
    server->listeners = listeners;
    if (sem_init(&server->accepts_ended, 0, 0) != 0) {
        abort();
    }
    atomic_init(&server->connection_total, 0);
    server->loops = calloc((size_t)door->loop_count, sizeof(struct loop));
    if (!server->loops) {
        abort();
    }
    for (int i = 0; i < door->loop_count; i++) {
        server->loops[i].stop_fd = -1;
    }
    for (int i = 0; i < door->loop_count && outcome == OUTCOME_DONE; i++) {
        outcome = loop_open(&server->loops[i],
                            door,
                            i,
                            listeners,
                            &server->connection_total,
                            &server->accepts_ended,
                            fault);
    }
    return outcome;
}

void server_run(struct server *server)
{
    int count = server->door->loop_count;
    pthread_t *threads = calloc((size_t)count, sizeof(pthread_t));
    assert(threads);
    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, run_loop, &server->loops[i]) != 0) {
            abort(); /* the machine has no room for a thread: nothing was accepted yet */
        }
    }
    notify_send("READY=1");
    log_info("ready", LOG_NUMBER("loops", count));
    if (server->door->tls) {
        tell_certificate(server);
    }
    if (server->door->tls && server->listeners[LISTENER_SECURE].fd < 0) {
        log_warning("there is a certificate, and nobody listens for HTTPS: api.tls_listen"
                    " is empty, and systemd handed over no socket named https");
    }
    int signal_number = wait_for_signal(server);
    notify_send("STOPPING=1");
    log_info("stopping", LOG_NUMBER("signal", signal_number));
    stop_accepting(server);
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
}

void server_close(struct server *server)
{
    for (int i = 0; server->loops && i < server->door->loop_count; i++) {
        loop_close(&server->loops[i]);
    }
    if (server->loops) {
        sem_destroy(&server->accepts_ended);
    }
    free(server->loops);
    server->loops = NULL;
}

/* Connections that the kernel has made are promised an answer. So the queue is shortened
 * first, then emptied by the loops, and then closed while they work on. (A socket of
 * systemd's stays open there, and its queue waits for the next process.) */
static void stop_accepting(struct server *server)
{
    for (int i = 0; i < LISTENERS; i++) {
        listener_shorten(&server->listeners[i]);
    }
    for (int i = 0; i < server->door->loop_count; i++) {
        loop_stop(&server->loops[i]);
    }
    for (int i = 0; i < server->door->loop_count; i++) {
        while (sem_wait(&server->accepts_ended) != 0) {
        }
    }
    for (int i = 0; i < LISTENERS; i++) {
        listener_close(&server->listeners[i]);
    }
}

static void handled_signals(sigset_t *out_set)
{
    sigemptyset(out_set);
    sigaddset(out_set, SIGTERM);
    sigaddset(out_set, SIGINT);
    sigaddset(out_set, SIGHUP);
}

static void *run_loop(void *context)
{
    loop_run(context);
    return NULL;
}

/* The watchdog is told only while every loop turns. */
static int wait_for_signal(const struct server *server)
{
    sigset_t set;
    int64_t every_ms = notify_watchdog_ms();
    struct tls *tls = server->door->tls;
    int64_t renew_ms = clock_mono_ms(server->door->clock) + TICKET_KEY_MS;
    handled_signals(&set);
    for (;;) {
        int64_t wait_ms = every_ms > 0 ? every_ms : NO_WATCHDOG_WAIT_MS;
        struct timespec wait = {.tv_sec = wait_ms / 1000,
                                .tv_nsec = (wait_ms % 1000) * 1000000};
        int number = sigtimedwait(&set, NULL, &wait);
        if (number == SIGTERM || number == SIGINT) {
            return number;
        }
        if (tls && clock_mono_ms(server->door->clock) >= renew_ms) {
            renew_ms = clock_mono_ms(server->door->clock) + TICKET_KEY_MS;
            tls_renew_tickets(tls);
        }
        if (number == SIGHUP) {
            reload(server);
        } else if (every_ms > 0 && loops_are_alive(server)) {
            notify_send("WATCHDOG=1");
        }
    }
}

static void reload(const struct server *server)
{
    struct fault fault;
    struct tls *tls = server->door->tls;
    if (!tls) {
        log_info("nothing to reload");
        return;
    }
    if (tls_reload(tls, &fault) != OUTCOME_DONE) {
        log_error("the new certificate cannot be used: the old one stays",
                  LOG_FAULT(&fault));
        return;
    }
    tell_certificate(server);
}

/* One that has ended still serves whoever does not mind; nobody else will tell why the
 * others stay away. */
static void tell_certificate(const struct server *server)
{
    int64_t left_ms =
        tls_expires_ms(server->door->tls) - clock_wall_ms(server->door->clock);
    LOG_AT_(left_ms > 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
            left_ms > 0 ? "HTTPS has its certificate"
                        : "the certificate of HTTPS has expired",
            LOG_NUMBER("days_left", left_ms / (24 * 3600 * 1000)));
}

static bool loops_are_alive(const struct server *server)
{
    int64_t now = clock_mono_ms(server->door->clock);
    for (int i = 0; i < server->door->loop_count; i++) {
        if (now - atomic_load(&server->loops[i].beat_ms) > LOOP_HANGS_MS) {
            return false;
        }
    }
    return true;
}
