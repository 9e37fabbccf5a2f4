/* SPDX-License-Identifier: MIT
 *
 * seal - AES-256-GCM with a ring of keys, for payloads in Redis and personal data in SQL.
 *
 * Owns:    the keys, from seal_open to seal_close (wiped)
 * Callers: every room
 * Blocks:  seal_open reads a file
 * Order:   seal_open before anything else; a ring is read-only afterwards, so threads
 *          share it
 * Faults:  NEVER when a key is unknown, the sealed bytes are damaged or belong elsewhere
 *
 * The key file has one key a line: `<id> <base64 of 32 bytes>`, id 1 to 255; the first
 * line's key seals, all of them open. One more line, `index <base64 of 32 bytes>`, holds
 * the key of fingerprints, which is never rolled. Empty lines and lines that begin with #
 * are skipped. To roll: put a new line at the end and restart everything, so that all can
 * open what it seals; then move it to the top and restart again. Drop the old one when
 * nothing that it sealed is left.
 *
 *   sealed bytes:  | 0x01 | key id | nonce | ciphertext          | tag |
 *   how many:      | 1    | 1      | 12    | as long as the text | 16  |
 *
 * The context (who the bytes belong to, for example the job's id and kind) is
 * authenticated and not stored: bytes moved to another place do not open there.
 */
#ifndef COMMON_BASE_SEAL_H
#define COMMON_BASE_SEAL_H

#include "common/base/arena.h"
#include "common/base/digest.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct seal_ring;

enum { SEAL_OVERHEAD_BYTES = 1 + 1 + 12 + 16 };

enum seal_fault {
    SEAL_BAD_FILE = 1, /* unreadable, or a line that is no key: the text has its number */
    SEAL_UNKNOWN_KEY, /* sealed with a key that the ring lacks */
    SEAL_DAMAGED, /* too short, changed, or of another context */
};

MUST_USE enum outcome seal_open(const char *path,
                                struct seal_ring **out_ring,
                                struct fault *fault);
void seal_close(struct seal_ring *ring); /* NULL does nothing */

/* The sealed bytes, in the arena. */
struct span seal_seal(const struct seal_ring *ring,
                      struct span context,
                      struct span plain,
                      struct arena *arena);
/* The text, NUL-terminated, in the arena. */
MUST_USE enum outcome seal_unseal(const struct seal_ring *ring,
                                  struct span context,
                                  struct span sealed,
                                  struct arena *arena,
                                  struct span *out_plain,
                                  struct fault *fault);
/* HMAC-SHA256 under the ring's index key: equal texts give equal values, whatever key
 * seals. For lookups (e-mail addresses) and for telling two bodies under one name apart.
 * `purpose` keeps the uses apart. */
void seal_fingerprint(const struct seal_ring *ring,
                      struct span purpose,
                      struct span plain,
                      struct digest *out_digest);

#endif
