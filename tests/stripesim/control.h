/* SPDX-License-Identifier: MIT
 *
 * control - /_control/: what a test or the demo makes happen, and what it may know.
 *
 * Owns:    the callers that wait, in sim.waiters
 * Callers: server.c; main closes
 * Blocks:  never; a caller that waits for idleness is answered later
 *
 * JSON in and out, for callers on this machine only. docs/stripesim.md lists the verbs.
 */
#ifndef TESTS_STRIPESIM_CONTROL_H
#define TESTS_STRIPESIM_CONTROL_H

#include <stdbool.h>

struct evhttp_request;
struct sim;

/* Whether the request's path is one of the control endpoint's. */
bool control_takes(struct evhttp_request *http);
void control_handle(struct sim *sim, struct evhttp_request *http);
/* Who still waits is not answered any more. */
void control_close(struct sim *sim);

#endif
