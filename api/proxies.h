/* SPDX-License-Identifier: MIT
 *
 * proxies - whom a trusted proxy says that it speaks for.
 *
 * Owns:    nothing; pure
 * Callers: edge, door (parse), tests, the fuzzer
 * Blocks:  never
 * Faults:  NEVER when a word of the setting is neither a network nor `unix`
 *
 * X-Forwarded-For is read from its right end, which the nearest proxy wrote: each trusted
 * address hands the word to the one on its left, and the first that is not trusted is the
 * client. What stands left of it anybody may have written. Forwarded (RFC 7239) is not
 * read: a proxy that writes one of the two passes the other on as the client sent it.
 */
#ifndef API_PROXIES_H
#define API_PROXIES_H

#include <stdbool.h>

#include "api/networks.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct http_request;

struct proxies {
    struct networks networks;
    bool has_unix; /* a Unix socket is a proxy's */
};

MUST_USE enum outcome proxies_parse(struct span words,
                                    struct proxies *out_proxies,
                                    struct fault *fault);
bool proxies_trust(const struct proxies *proxies, const struct address *peer);
/* One value of X-Forwarded-For, from the right. Each good address becomes `*client`;
 * true when all were trusted, so that the header line before it may say more. */
bool proxies_walk(const struct proxies *proxies,
                  struct span value,
                  struct address *client);
/* Of a request whose peer is trusted. `*client` stays as far as nothing good is said, and
 * `*secure` too unless there is one X-Forwarded-Proto: https or http. */
void proxies_read(const struct proxies *proxies,
                  const struct http_request *http,
                  const char *buffer,
                  struct address *client,
                  bool *secure);

#endif
