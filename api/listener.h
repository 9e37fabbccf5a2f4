/* SPDX-License-Identifier: MIT
 *
 * listener - the socket that clients come to.
 *
 * Owns:    the socket's file when it is a Unix socket of our own making
 * Callers: main
 * Blocks:  while a host's name is looked up
 * Faults:  NEVER when the address cannot be listened on
 */
#ifndef API_LISTENER_H
#define API_LISTENER_H

#include <stdbool.h>

#include "common/base/fault.h"

struct settings;

struct listener {
    int fd; /* -1: none */
    bool handed_over; /* by systemd, which keeps it when we leave */
    char *path; /* to remove when closing; NULL: nothing */
};

/* Whether api.listen is an address at all; opens nothing. */
MUST_USE enum outcome listener_check(const struct settings *settings,
                                     struct fault *fault);
/* A socket that systemd hands over wins over api.listen. */
MUST_USE enum outcome listener_open(const struct settings *settings,
                                    struct listener *out_listener,
                                    struct fault *fault);
/* New clients are no longer let into the queue (those of systemd are). */
void listener_shorten(const struct listener *listener);
void listener_close(struct listener *listener); /* safe twice */

#endif
