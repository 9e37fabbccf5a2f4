/* SPDX-License-Identifier: MIT
 *
 * secret_file - files with the secrets of a webhook endpoint, one whsec_... a line, the
 * newest first.
 *
 * Owns:    nothing; bytes that were read are wiped
 * Callers: ctl
 * Blocks:  on the disk
 * Faults:  NEVER when the file cannot be read or written; the text says why
 *
 * The front door reads these files (api/door.c) and takes any of their secrets, so an old
 * one stays good beside a new one until its line is deleted.
 */
#ifndef CTL_SECRET_FILE_H
#define CTL_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/text.h"

enum { SECRET_MARK_BYTES = 17 };

/* What a file holds. */
struct secret_file {
    size_t secrets;
    size_t bad_line; /* the first one that is no secret; 0: none */
    bool has_mark; /* one of the secrets is the one that was asked for */
};

/* What tells a secret from others without showing it: 16 hexadecimal digits. */
void secret_file_mark(struct span secret, char out_mark[SECRET_MARK_BYTES]);

/* A file that is not there has no secrets. `mark` may be empty. */
MUST_USE enum outcome secret_file_look(const char *path,
                                       struct span mark,
                                       struct secret_file *out_file,
                                       struct fault *fault);
/* Whether a line could be put there. To be asked before a secret is made that is shown
 * only once. */
MUST_USE enum outcome secret_file_try(const char *path, struct fault *fault);
/* Puts the secret before what is there, in one step. The owner and the rights of the file
 * stay, but for those of others; a new file is its owner's alone. */
MUST_USE enum outcome secret_file_put(const char *path,
                                      struct span secret,
                                      struct fault *fault);

#endif
