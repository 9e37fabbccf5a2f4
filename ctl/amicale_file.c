/* SPDX-License-Identifier: MIT
 * The columns of a file of amicales. */
#include "ctl/amicale_file.h"

#include "common/model/pii.h"

enum { POSTAL_DIGITS = 5 };

static const char *cell_fault(size_t cell, struct span text);
static bool is_postal_code(struct span text);

/* `most_bytes` is in characters for the columns of SQL, in bytes for what is sealed: bytes
 * are the stricter of the two. */
static const struct sheet_column columns[AMICALE_CELLS] = {
    [AMICALE_NAME] = {"nom", "name", 200, true},
    [AMICALE_EMAIL] = {"email", NULL, PII_ADDRESS_BYTES, true},
    [AMICALE_ADRESSE1] = {"adresse1", NULL, 255, false},
    [AMICALE_ADRESSE2] = {"adresse2", NULL, 255, false},
    [AMICALE_CODE_POSTAL] = {"code_postal", NULL, 10, false},
    [AMICALE_VILLE] = {"ville", NULL, 120, false},
};

const struct sheet_kind amicale_sheet = {
    .columns = columns,
    .count = AMICALE_CELLS,
    .address = AMICALE_EMAIL,
    .no_such_column =
        "there is no such column; known are nom, email, adresse1, adresse2, "
        "code_postal and ville",
    .cell_fault = cell_fault,
};

const char *amicale_cell_fault(enum amicale_cell cell, struct span text)
{
    return sheet_cell_fault(&amicale_sheet, cell, text);
}

static const char *cell_fault(size_t cell, struct span text)
{
    if (cell == AMICALE_CODE_POSTAL && !is_postal_code(text)) {
        return "a postal code has 5 digits (a spreadsheet drops a 0 in front)";
    }
    return NULL;
}

static bool is_postal_code(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
    }
    return text.len == POSTAL_DIGITS;
}
