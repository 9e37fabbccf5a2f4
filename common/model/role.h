/* SPDX-License-Identifier: MIT
 *
 * role - what a person may be: their names in SQL, in sessions and in answers.
 *
 * Owns:    nothing; pure
 * Callers: every room
 * Blocks:  never
 */
#ifndef COMMON_MODEL_ROLE_H
#define COMMON_MODEL_ROLE_H

#include <stdbool.h>

#include "common/base/text.h"

/* users.role; each is one bit, so that who may do something is a set. */
enum role {
    ROLE_POMPIER = 1, /* sells, for one amicale */
    ROLE_ADMIN = 2, /* keeps the books of one amicale; may sell too */
    ROLE_VIEWER = 4, /* looks at everything, changes nothing */
    ROLE_OPERATOR = 8, /* runs the platform */
};
enum { ROLE_COUNT = 4 };

const char *role_name(enum role role); /* one bit */
bool role_find(struct span name, enum role *out_role);
/* Whether people of this role belong to an amicale, and see nothing of any other. */
bool role_has_amicale(enum role role);

#endif
