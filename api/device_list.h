/* SPDX-License-Identifier: MIT
 *
 * device_list - the Android phones certified in France, as a loop knows them.
 *
 * Owns:    one list a loop, bounded
 * Callers: devices; loop (open, close)
 * Blocks:  never: MariaDB is read by the reader's threads
 * Faults:  none of its own; without MariaDB the last list serves, and 503 is answered only
 *          while there is none
 *
 * A list is believed for devices.list_ms.
 */
#ifndef API_DEVICE_LIST_H
#define API_DEVICE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/text.h"

struct device_certified;
struct request;

enum {
    DEVICE_LIST_RETRY_MS = 5000, /* when MariaDB did not answer: at most */
    DEVICE_LIST_MOST = 2000,
    DEVICE_LIST_ETAG_BYTES = 2 + 32 + 1,
};

struct device_list {
    /* What is in the list lives in its arena until the next one takes its place. */
    const struct device_certified *list;
    size_t count;
    struct span json; /* as GET answers it */
    char etag[DEVICE_LIST_ETAG_BYTES]; /* of that, with its quotes */

    /* Its own. */
    struct arena arena;
    bool known; /* there is a list */
    bool asking; /* a reader is about to answer with another one */
    int64_t until_ms; /* believed until then */
};

struct device_list *device_list_open(void);
void device_list_close(struct device_list *devices); /* NULL does nothing */

/* Calls `next` once the loop has a list, now or later; answers 503 itself when there is
 * none to be had. The request is kept. */
void device_list_use(struct request *request,
                     void (*next)(struct request *request, void *context),
                     void *context);

#endif
