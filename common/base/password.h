/* SPDX-License-Identifier: MIT
 *
 * password - hashes of passwords: made, checked, and made anew when they are old.
 *
 * Owns:    nothing
 * Callers: worker (login), ctl (new passwords), tests
 * Blocks:  a hash takes tens of milliseconds of the processor, on purpose
 * Faults:  NEVER when libcrypt cannot hash
 *
 * New hashes are yescrypt at libxcrypt's default cost. bcrypt ($2y$, as PHP writes it, $2b$
 * and $2a$) is believed too, so that people keep the passwords that they have.
 */
#ifndef COMMON_BASE_PASSWORD_H
#define COMMON_BASE_PASSWORD_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/base/text.h"

enum {
    PASSWORD_LEAST_CHARACTERS = 8,
    PASSWORD_MOST_BYTES = 500,
    PASSWORD_HASH_BYTES = 384
};

/* With a random salt. */
MUST_USE enum outcome password_hash(struct span password,
                                    char out[PASSWORD_HASH_BYTES],
                                    struct fault *fault);
/* Whether the hash is the password's; compared in constant time. False, too, of a hash of
 * another sort. An empty hash stands for somebody who does not exist: it costs as much as
 * one of ours, and is never right. */
bool password_is_right(struct span password, struct span hash);
/* Whether it is a whole hash of a sort that password_is_right believes, and costs no more
 * than a login may take. Takes some milliseconds. */
bool password_hash_is_good(struct span hash);
/* Whether a new hash of the same password would be a better one. */
bool password_needs_rehash(struct span hash);

#endif
