/* SPDX-License-Identifier: MIT
 *
 * dial - opens a stream socket to an address of the settings, within a deadline.
 *
 * Owns:    the parts of the address and a look-up that is under way; sockets are the
 *          caller's
 * Callers: link (redis), api (redis_async, listener); one thread at a time for each struct
 *          dial
 * Blocks:  up to the deadline given; dial_done up to the resolver's own limit when a
 *          look-up is still under way
 * Units:   deadlines in milliseconds of the monotonic clock
 * Faults:  NEVER DIAL_BAD_ADDRESS when the address cannot be read; LATER DIAL_UNREACHABLE
 *          when nobody answers there
 *
 * Addresses are host:port, [v6]:port or unix:/path. Names are resolved at every dial, so
 * a failover by DNS is followed.
 */
#ifndef COMMON_LINK_DIAL_H
#define COMMON_LINK_DIAL_H

#include <stdint.h>

#include "common/base/fault.h"

enum dial_fault { DIAL_BAD_ADDRESS = 1, DIAL_UNREACHABLE };

struct dial_lookup;

struct dial {
    char *host; /* NULL: the path of a socket is meant */
    char *port;
    char *path;
    struct dial_lookup *lookup; /* one that outlived its deadline, else NULL */
};

MUST_USE enum outcome dial_init(struct dial *dial,
                                const char *address,
                                struct fault *fault);
void dial_done(struct dial *dial); /* safe twice */

/* A connected, non-blocking socket that is the caller's. */
MUST_USE enum outcome dial_open(struct dial *dial,
                                int64_t deadline_ms,
                                int *out_fd,
                                struct fault *fault);

#endif
