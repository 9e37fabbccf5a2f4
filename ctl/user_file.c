/* SPDX-License-Identifier: MIT
 * The columns of a file of users. */
#include "ctl/user_file.h"

#include "common/base/password.h"
#include "common/model/pii.h"

static const char *cell_fault(size_t cell, struct span text);
static const char *row_fault(const struct span *cells, size_t *out_cell);

/* A hash of a known sort is shorter than what the books keep. */
static const struct sheet_column columns[USER_CELLS] = {
    [USER_NAME] = {"nom", "name", 200, true},
    [USER_EMAIL] = {"email", NULL, PII_ADDRESS_BYTES, true},
    [USER_ROLE] = {"role", NULL, 20, true},
    [USER_AMICALE] = {"amicale", NULL, PII_ADDRESS_BYTES, false},
    [USER_PASSWORD_HASH] = {"password_hash", NULL, 255, true},
};

const struct sheet_kind user_sheet = {
    .columns = columns,
    .count = USER_CELLS,
    .address = USER_EMAIL,
    .no_such_column = "there is no such column; known are nom, email, role, amicale and "
                      "password_hash",
    .cell_fault = cell_fault,
    .row_fault = row_fault,
};

static const char *cell_fault(size_t cell, struct span text)
{
    bool has_amicale;
    if (cell == USER_ROLE && !user_role(text, &has_amicale)) {
        return "a role is pompier, admin, viewer or operator";
    }
    if (cell == USER_PASSWORD_HASH && !password_hash_is_good(text)) {
        return "it is no whole hash of bcrypt ($2y$, $2b$, $2a$) or yescrypt ($y$), or "
               "one "
               "that costs too much";
    }
    return NULL;
}

static const char *row_fault(const struct span *cells, size_t *out_cell)
{
    bool has_amicale = false;
    (void)user_role(cells[USER_ROLE], &has_amicale);
    *out_cell = USER_AMICALE;
    if (has_amicale && cells[USER_AMICALE].len == 0) {
        return "a pompier and an admin belong to an amicale";
    }
    if (!has_amicale && cells[USER_AMICALE].len > 0) {
        return "a viewer and an operator belong to no amicale";
    }
    return NULL;
}

const char *user_role(struct span text, bool *out_has_amicale)
{
    static const char *const roles[] = {"pompier", "admin", "viewer", "operator"};
    for (size_t i = 0; i < 4; i++) {
        if (span_is(text, roles[i])) {
            *out_has_amicale = i < 2;
            return roles[i];
        }
    }
    return NULL;
}
