/* SPDX-License-Identifier: MIT
 *
 * schema_state - what has been applied of the migrations, held against those of this
 * program.
 *
 * Owns:    nothing; everything lives in the arena given
 * Callers: ctl
 * Blocks:  as mariadb does
 * Faults:  as mariadb's
 *
 * The table schema_migrations has one row for each file that was begun: how many of its
 * statements were begun and how many are done. A statement that was begun and is not done
 * was on its way when the program or the server died: nobody knows whether it happened.
 */
#ifndef CTL_SCHEMA_STATE_H
#define CTL_SCHEMA_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct mariadb;
struct migration;

enum file_state {
    FILE_PENDING, /* nothing of it was begun */
    FILE_HALF, /* some statements are done; the rest can follow */
    FILE_UNSURE, /* a statement was begun, and its end is not known */
    FILE_APPLIED,
    FILE_CHANGED, /* not the file that was applied */
    FILE_MISSING, /* applied, but this program does not have it */
    FILE_LATE, /* not applied, although a later one is */
};

struct schema_file {
    const struct migration *migration; /* NULL: missing */
    enum file_state state;
    int64_t version;
    struct span name;
    int64_t statements;
    int64_t begun;
    int64_t done;
    struct span last_fault;
    struct span applied_at; /* "2026-11-22 10:05:00.123" in UTC */
};

struct schema_state {
    struct schema_file *files; /* by version */
    size_t count;
    int64_t version; /* the last one that is applied; 0: none */
    int64_t latest; /* the last one of this program */
    size_t pending; /* files that are not wholly applied */
    const struct schema_file *conflict; /* the first that stands in the way; NULL: none */
};

MUST_USE enum outcome schema_state_read(struct mariadb *db,
                                        struct arena *arena,
                                        struct schema_state *out_state,
                                        struct fault *fault);
const char *file_state_name(enum file_state state);
/* What stands in the way, in one line. */
const char *schema_conflict(const struct schema_file *file, struct arena *arena);

#endif
