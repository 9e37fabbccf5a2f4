/* SPDX-License-Identifier: MIT
 *
 * notify - tells systemd how we are: sd_notify(3)'s protocol without its library.
 *
 * Owns:    nothing
 * Callers: api (server, listener), worker (worker)
 * Blocks:  never
 * Faults:  none; outside systemd ($NOTIFY_SOCKET unset) nothing happens
 */
#ifndef COMMON_BASE_NOTIFY_H
#define COMMON_BASE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..." */
void notify_send(const char *state);
/* How often WATCHDOG=1 should be sent (half of $WATCHDOG_USEC); 0: no watchdog. */
int64_t notify_watchdog_ms(void);
/* Sockets handed over (sd_listen_fds(3)): how many, from descriptor 3 on. */
int notify_listen_fds(void);
/* Whether the number-th of them (from 0) has this name (FileDescriptorName=). */
bool notify_listen_name_is(int number, const char *name);

#endif
