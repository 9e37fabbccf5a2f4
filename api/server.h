/* SPDX-License-Identifier: MIT
 *
 * server - runs the loops, one thread each, until a signal ends them.
 *
 * Owns:    the loops and their threads
 * Callers: main
 * Blocks:  server_run until SIGTERM or SIGINT
 * Order:   server_block_signals before any thread is made; then server_open, server_run,
 *          server_close
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include <semaphore.h>
#include <stdatomic.h>

#include "common/base/fault.h"

struct door;
struct listener;
struct loop;

struct server {
    const struct door *door;
    struct loop *loops; /* door->loop_count of them */
    struct listener *listeners; /* LISTENERS of them, borrowed */
    atomic_int connection_total;
    sem_t accepts_ended;
};

void server_block_signals(void);
MUST_USE enum outcome server_open(struct server *server,
                                  const struct door *door,
                                  struct listener *listeners,
                                  struct fault *fault);
/* Tells systemd when it is ready, that it is alive, and when it stops. Closes the
 * listeners as soon as it stops. SIGHUP reads the certificate of HTTPS anew. */
void server_run(struct server *server);
void server_close(struct server *server); /* safe twice */

#endif
