/* SPDX-License-Identifier: MIT
 *
 * digest - SHA-256, HMAC-SHA256, hex, base64 and comparison in constant time.
 *
 * Owns:    nothing
 * Callers: every room
 * Blocks:  never
 * Faults:  none; a libcrypto that cannot hash aborts
 */
#ifndef COMMON_BASE_DIGEST_H
#define COMMON_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX_BYTES = 2 * DIGEST_BYTES + 1 };

struct digest {
    unsigned char bytes[DIGEST_BYTES];
};

void digest_sha256(struct span data, struct digest *out_digest);
/* HMAC over the parts one after another, as if they were one. */
void digest_hmac(struct span key,
                 const struct span *parts,
                 size_t count,
                 struct digest *out_digest);
/* Lowercase, NUL-terminated. */
void digest_hex(const struct digest *digest, char out[DIGEST_HEX_BYTES]);
bool digest_from_hex(struct span hex, struct digest *out_digest);
/* Takes the same time whatever differs. */
bool digest_equal(const struct digest *a, const struct digest *b);
/* Standard base64 (RFC 4648) with padding; false on anything else. Room for the decoded
 * bytes is the caller's: 3 bytes for each 4 characters. */
bool digest_from_base64(struct span text,
                        unsigned char *out,
                        size_t room,
                        size_t *out_len);
/* Fills with random bytes from the kernel. */
void digest_random(void *out, size_t bytes);

#endif
