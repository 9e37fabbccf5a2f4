/* SPDX-License-Identifier: MIT
 *
 * asking_key - the Idempotency-Key of a request, and the name and fingerprint that its job
 * gets.
 *
 * Owns:    nothing; texts live in the request's arena
 * Callers: asking, sync
 * Blocks:  never
 */
#ifndef API_ASKING_KEY_H
#define API_ASKING_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

struct kind;
struct request;

enum { ASKING_KEY_BYTES = 255 };

/* The header's value, copied; empty when there is none. False: it comes twice, or is not 1
 * to ASKING_KEY_BYTES visible ASCII characters. */
bool asking_key_read(struct request *request, struct span *out_key);
bool asking_key_is_valid(struct span key);
/* <kind>:<user>:<32 hex>; of equal keys of a user and kind the same in each round, without
 * one random. */
struct span asking_key_name(struct request *request,
                            const struct kind *kind,
                            struct span key,
                            int round);
/* Of what is asked for: the route, its path's parameters and the body. 64 hex digits. */
struct span asking_key_mac(struct request *request, struct span body);

#endif
