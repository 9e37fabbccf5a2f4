/* SPDX-License-Identifier: MIT
 *
 * devices - which phones take cards by themselves: one is checked, or the list is shown.
 *
 * Owns:    one list of certified devices a loop, bounded
 * Callers: routes; loop (open, close)
 * Blocks:  never: MariaDB is read by the reader's threads
 * Faults:  none of its own; without MariaDB the last list serves, and 503 is answered only
 *          while there is none
 *
 * A list is believed for devices.list_ms. Who asks is charged by address.
 */
#ifndef API_DEVICES_H
#define API_DEVICES_H

struct devices;
struct loop;
struct request;

enum {
    DEVICES_RETRY_MS = 5000, /* when MariaDB did not answer: at most */
    DEVICES_MOST = 2000,
};

struct devices *devices_open(struct loop *loop);
void devices_close(struct devices *devices); /* NULL does nothing */

/* The routes. */
void devices_check(struct request *request); /* POST /api/devices/check-tap-to-pay */
void devices_list(struct request *request); /* GET /api/devices/certified-android */

#endif
