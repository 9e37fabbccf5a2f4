/* SPDX-License-Identifier: MIT
 *
 * amicale_file - the columns of a CSV file of amicales. Pure.
 *
 * Owns:    nothing
 * Callers: ctl (amicale add, change and import), tests
 * Blocks:  never
 *
 * nom (or name) and email must be there; adresse1, adresse2, code_postal and ville may.
 */
#ifndef CTL_AMICALE_FILE_H
#define CTL_AMICALE_FILE_H

#include "common/base/text.h"
#include "ctl/sheet.h"

/* The columns. Each is a text of at most as many bytes as the books keep. */
enum amicale_cell {
    AMICALE_NAME,
    AMICALE_EMAIL, /* canonical */
    AMICALE_ADRESSE1,
    AMICALE_ADRESSE2,
    AMICALE_CODE_POSTAL,
    AMICALE_VILLE,
};
enum { AMICALE_CELLS = AMICALE_VILLE + 1 };

extern const struct sheet_kind amicale_sheet;

/* What is wrong with a text for its column; NULL: nothing. */
const char *amicale_cell_fault(enum amicale_cell cell, struct span text);

#endif
