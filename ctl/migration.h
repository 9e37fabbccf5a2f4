/* SPDX-License-Identifier: MIT
 *
 * migration - the files of schema/migrations, and how they are taken apart. Pure.
 *
 * Owns:    nothing
 * Callers: ctl (migrate), tests
 * Blocks:  never
 */
#ifndef CTL_MIGRATION_H
#define CTL_MIGRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/digest.h"
#include "common/base/text.h"

/* One file, as it was when the program was built; in the order of their versions. */
struct migration {
    int64_t version; /* 2, of 0002_money.sql */
    const char *name; /* "0002_money" */
    const char *sql;
    size_t sql_len;
};
extern const struct migration migrations[];
extern const size_t migrations_count;

/* The next statement, without the comments before it and without its semicolon. False
 * when there is none. Quotes and comments are understood; DELIMITER is not. */
bool migration_next(struct span *rest, struct span *out_statement);
int64_t migration_statements(const struct migration *migration);
/* The statement of this number, from 1. */
struct span migration_statement(const struct migration *migration, int64_t number);
/* Whether the statement changes rows: such a one can be committed together with the note
 * that it was done. Everything else commits by itself. */
bool migration_is_rows(struct span statement);

/* Hex of SHA-256 over the whole file, and over its first statements (what has been done
 * of a file must not change; the rest may, while it is not done). */
void migration_checksum(const struct migration *migration, char out[DIGEST_HEX_BYTES]);
void migration_done_checksum(const struct migration *migration,
                             int64_t statements,
                             char out[DIGEST_HEX_BYTES]);

#endif
