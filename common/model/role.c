/* SPDX-License-Identifier: MIT
 * The names of the roles. */
#include "common/model/role.h"

#include <assert.h>

static const struct {
    enum role role;
    const char *name;
} roles[ROLE_COUNT] = {
    {ROLE_POMPIER, "pompier"},
    {ROLE_ADMIN, "admin"},
    {ROLE_VIEWER, "viewer"},
    {ROLE_OPERATOR, "operator"},
};

const char *role_name(enum role role)
{
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (roles[i].role == role) {
            return roles[i].name;
        }
    }
    assert(!"a role is one of the four");
    return "";
}

bool role_find(struct span name, enum role *out_role)
{
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (span_is(name, roles[i].name)) {
            *out_role = roles[i].role;
            return true;
        }
    }
    return false;
}

bool role_has_amicale(enum role role)
{
    return role == ROLE_POMPIER || role == ROLE_ADMIN;
}
