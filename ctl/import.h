/* SPDX-License-Identifier: MIT
 *
 * import - the rows of a CSV file into the books: all of it is checked first, then all that
 * is new is added in one transaction, each with its row in the audit log.
 *
 * Owns:    nothing; everything lives in the run's arena
 * Callers: ctl (amicale import, user import)
 * Blocks:  as mariadb does
 * Faults:  as mariadb's; left in ctl->fault
 *
 * What is known already is left as it is, so that a file can be imported again.
 */
#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "ctl/amicale_known.h"

struct ctl;
struct sheet;
struct sheet_kind;
struct sheet_row;

/* What becomes of a row. */
struct import_row {
    const struct sheet_row *row;
    struct span lookup; /* people_lookup's, of its address */
    int64_t amicale; /* that it belongs to; 0: none */
    int64_t id; /* its number; 0: it would be added */
    bool known; /* it was there before */
};

/* What a file is of. */
struct import_kind {
    const struct sheet_kind *sheet;
    const char *verb; /* "user import" */
    const char *one; /* "user" */
    const char *many; /* "users" */
    bool
        books_complain; /* `find` may: the books are asked of a file with complaints too */
    /* Fills the row: `known` and `id` when the books have it. */
    enum outcome (*find)(struct ctl *ctl,
                         struct sheet *sheet,
                         const struct amicale_known *amicales,
                         struct import_row *row);
    /* Adds it; a duplicate is somebody else's at this moment. */
    enum outcome (*add)(struct ctl *ctl, const struct import_row *row, int64_t *out_id);
};

/* The whole verb: the file is its word; --dry-run and --why are its options. */
int import_run(struct ctl *ctl, const struct import_kind *kind);

#endif
