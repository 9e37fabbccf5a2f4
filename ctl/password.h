/* SPDX-License-Identifier: MIT
 *
 * password - a new password, or the hash of an old one, is read; common/base/password.h
 * hashes and checks.
 *
 * Owns:    nothing
 * Callers: ctl
 * Blocks:  while somebody types
 * Faults:  NEVER with a text for people when it cannot be read or does not do
 */
#ifndef CTL_PASSWORD_H
#define CTL_PASSWORD_H

#include "common/base/fault.h"
#include "common/base/password.h"
#include "common/base/text.h"

/* The first line of the file, or of standard input when `file` is NULL: asked for twice
 * without echo when that is a terminal. The text is the caller's: text_wipe it. */
MUST_USE enum outcome password_read(const char *file,
                                    struct text *out_password,
                                    struct fault *fault);
/* The first line of the file: a whole hash of a sort that is believed. */
MUST_USE enum outcome password_hash_read(const char *file,
                                         char out_hash[PASSWORD_HASH_BYTES],
                                         struct fault *fault);

#endif
