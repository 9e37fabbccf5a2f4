/* SPDX-License-Identifier: MIT
 *
 * door - what all loops of the front door share. It is made before they start and, apart
 * from the threads that look after the neighbours, does not change while they run.
 *
 * Owns:    keys, webhook secrets, the threads that watch and read the neighbours, the
 *          counters of all loops
 * Callers: main makes it; loops and handlers read it
 * Blocks:  door_open reads files; door_close waits for the threads
 * Order:   door_open, which touches nothing but files; door_start; door_close
 * Faults:  NEVER when a file of secrets cannot be read or makes no sense
 */
#ifndef API_DOOR_H
#define API_DOOR_H

#include <stddef.h>
#include <stdint.h>

#include "api/cors.h"
#include "api/counters.h"
#include "api/http.h"
#include "api/networks.h"
#include "api/proxies.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/model/device.h"

struct accounts;
struct clock;
struct floods;
struct pulse;
struct reader;
struct seal_ring;
struct settings;
struct tls;

enum { DOOR_MOST_SECRETS = 16, DOOR_HSTS_BYTES = 64 };

struct door {
    const struct settings *settings;
    const struct clock *clock;
    struct seal_ring *ring;
    struct http_limits limits;
    int64_t connections_most; /* as many as api.connections_max and descriptors allow */
    struct networks observers; /* may read /metrics: the peer and the client both */
    struct proxies proxies;
    struct cors cors;
    char hsts[DOOR_HSTS_BYTES]; /* a header line, or empty */
    struct device_version ios_least; /* of Tap to Pay on iPhone */

    struct text secrets_text; /* what the spans point into */
    struct span secrets[DOOR_MOST_SECRETS];
    size_t secret_count;
    size_t platform_secret_count; /* these come first; the others are Connect's */

    struct tls *tls; /* NULL: no HTTPS. It alone changes, when its files are read anew */

    struct accounts *accounts;
    struct floods *floods; /* what addresses take, of all loops */
    struct pulse *pulse;
    struct reader *reader;
    struct counters *counters; /* one for each loop */
    int loop_count;
};

MUST_USE enum outcome door_open(struct door *door,
                                const struct settings *settings,
                                const struct clock *clock,
                                struct fault *fault);
void door_start(struct door *door); /* the threads that watch the neighbours */
/* False when a thread hangs in its neighbour: what it uses, the settings too, must then
 * stay until the process ends. Safe twice. */
MUST_USE bool door_close(struct door *door);

#endif
