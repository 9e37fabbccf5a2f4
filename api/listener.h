/* SPDX-License-Identifier: MIT
 *
 * listener - the sockets that clients come to: one for HTTP, and one for HTTPS beside it
 * when there is a certificate.
 *
 * Owns:    the socket's file when it is a Unix socket of our own making
 * Callers: main, server
 * Blocks:  while a host's name is looked up
 * Faults:  NEVER when an address cannot be listened on
 */
#ifndef API_LISTENER_H
#define API_LISTENER_H

#include <stdbool.h>

#include "common/base/fault.h"

struct settings;

enum { LISTENER_PLAIN, LISTENER_SECURE, LISTENERS };

struct listener {
    int fd; /* -1: none */
    bool handed_over; /* by systemd, which keeps it when we leave */
    char *path; /* to remove when closing; NULL: nothing */
};

/* Whether api.listen and api.tls_listen are addresses at all; opens nothing. */
MUST_USE enum outcome listener_check(const struct settings *settings,
                                     struct fault *fault);
/* Both, or the plain one alone. A socket that systemd hands over wins over the settings:
 * one named `https` (FileDescriptorName=) is the secure one, any other name the plain. */
MUST_USE enum outcome listener_open(const struct settings *settings,
                                    struct listener out_listeners[LISTENERS],
                                    struct fault *fault);
/* New clients are no longer let into the queue (those of systemd are). */
void listener_shorten(const struct listener *listener);
void listener_close(struct listener *listener); /* safe twice */

#endif
