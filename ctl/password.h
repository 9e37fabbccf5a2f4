/* SPDX-License-Identifier: MIT
 *
 * password - a new password is read and hashed.
 *
 * Owns:    nothing
 * Callers: ctl
 * Blocks:  while somebody types; hashing takes ~0.1 s
 * Faults:  NEVER with a text for people when it cannot be read or does not do
 */
#ifndef CTL_PASSWORD_H
#define CTL_PASSWORD_H

#include "common/base/fault.h"
#include "common/base/text.h"

enum {
    PASSWORD_LEAST_CHARACTERS = 8,
    PASSWORD_MOST_BYTES = 500,
    PASSWORD_HASH_BYTES = 384
};

/* The first line of the file, or of standard input when `file` is NULL: asked for twice
 * without echo when that is a terminal. The text is the caller's: text_wipe it. */
MUST_USE enum outcome password_read(const char *file,
                                    struct text *out_password,
                                    struct fault *fault);

/* yescrypt at libxcrypt's present default cost, with a random salt. */
MUST_USE enum outcome password_hash(struct span password,
                                    char out[PASSWORD_HASH_BYTES],
                                    struct fault *fault);

#endif
