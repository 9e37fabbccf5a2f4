/* SPDX-License-Identifier: MIT
 *
 * user_file - the columns of a CSV file of users. Pure.
 *
 * Owns:    nothing
 * Callers: ctl (user add and import), tests
 * Blocks:  some milliseconds for each hash
 *
 * nom (or name), email, role and password_hash must be there; amicale, too, when there is
 * a pompier or an admin.
 */
#ifndef CTL_USER_FILE_H
#define CTL_USER_FILE_H

#include <stdbool.h>

#include "common/base/text.h"
#include "ctl/sheet.h"

/* The columns. */
enum user_cell {
    USER_NAME,
    USER_EMAIL, /* canonical */
    USER_ROLE,
    USER_AMICALE, /* its number or its address; whether it is there, the books know */
    USER_PASSWORD_HASH,
};
enum { USER_CELLS = USER_PASSWORD_HASH + 1 };

extern const struct sheet_kind user_sheet;

/* The role as it goes into the table, and whether it belongs to an amicale; NULL: there is
 * no such role. */
const char *user_role(struct span text, bool *out_has_amicale);

#endif
