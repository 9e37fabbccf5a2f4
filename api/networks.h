/* SPDX-License-Identifier: MIT
 *
 * networks - lists of addresses such as "127.0.0.0/8 ::1".
 *
 * Owns:    nothing; pure
 * Callers: door and proxies (parse), dispatch (the gate of observers), tests
 * Blocks:  never
 * Faults:  NEVER when a word is no address and no network
 */
#ifndef API_NETWORKS_H
#define API_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/text.h"

enum { NETWORKS_MOST = 32 };

/* An address as IPv6 has it; IPv4 ones are mapped (::ffff:a.b.c.d). */
struct address {
    unsigned char bytes[16];
    bool is_local; /* of a Unix socket: whoever may open the file is let in */
};
struct networks {
    struct address addresses[NETWORKS_MOST];
    int bits[NETWORKS_MOST];
    size_t count;
};

MUST_USE enum outcome networks_parse(struct span words,
                                     struct networks *out_networks,
                                     struct fault *fault);
bool networks_have(const struct networks *networks, const struct address *address);
/* False when the text is no address. */
bool address_parse(struct span text, struct address *out_address, bool *out_is_v4);

#endif
