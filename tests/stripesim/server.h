/* SPDX-License-Identifier: MIT
 *
 * server - HTTP in: an API call is admitted, carried out with its faults, and answered.
 *
 * Owns:    the listening socket, from server_open to server_close, and the calls held
 * Callers: main; the control endpoint drops held calls
 * Blocks:  never
 * Faults:  NEVER when the address cannot be bound
 */
#ifndef TESTS_STRIPESIM_SERVER_H
#define TESTS_STRIPESIM_SERVER_H

#include <stdint.h>

#include "common/base/fault.h"

struct evhttp_request;
struct server;
struct sim;

MUST_USE enum outcome server_open(struct sim *sim,
                                  const char *address,
                                  uint16_t port,
                                  struct server **out_server,
                                  struct fault *fault);
uint16_t server_port(const struct server *server);
void server_close(struct server *server); /* held calls are dropped */
/* Closes the connections of the calls that are held by a fault. */
void server_drop_held(struct sim *sim);
/* "GET", "POST" or "DELETE": others are not let in. */
const char *server_method(struct evhttp_request *http);
/* Closes a request's connection without an answer. */
void server_drop(struct evhttp_request *http);

#endif
