/* SPDX-License-Identifier: MIT
 *
 * password - a new password is read; common/base/password.h hashes it.
 *
 * Owns:    nothing
 * Callers: ctl
 * Blocks:  while somebody types
 * Faults:  NEVER with a text for people when it cannot be read or does not do
 */
#ifndef CTL_PASSWORD_H
#define CTL_PASSWORD_H

#include "common/base/fault.h"
#include "common/base/text.h"

/* The first line of the file, or of standard input when `file` is NULL: asked for twice
 * without echo when that is a terminal. The text is the caller's: text_wipe it. */
MUST_USE enum outcome password_read(const char *file,
                                    struct text *out_password,
                                    struct fault *fault);

#endif
