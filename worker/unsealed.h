/* SPDX-License-Identifier: MIT
 *
 * unsealed - what a sealed column of a row says of a person, opened.
 *
 * Owns:    nothing; the text lives in the job's arena
 * Callers: handlers
 * Blocks:  never
 * Faults:  as seal_unseal's
 */
#ifndef WORKER_UNSEALED_H
#define WORKER_UNSEALED_H

#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct handling;
struct sql_rows;

/* Of the first row. `name` is what the column is sealed for, "users.encrypted_name".
 * *out_plain is empty when the column is NULL. */
MUST_USE enum outcome unsealed_text(struct handling *handling,
                                    const struct sql_rows *rows,
                                    size_t column,
                                    struct span name,
                                    struct span *out_plain,
                                    struct fault *fault);

#endif
