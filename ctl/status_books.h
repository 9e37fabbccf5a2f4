/* SPDX-License-Identifier: MIT
 *
 * status_books - what `tocsin status` says of the books: schema, figures, findings.
 *
 * Owns:    nothing; rows live in the run's arena
 * Callers: ctl (status)
 * Blocks:  as mariadb does
 * Faults:  as mariadb's; left in ctl->fault
 */
#ifndef CTL_STATUS_BOOKS_H
#define CTL_STATUS_BOOKS_H

#include "common/base/fault.h"
#include "common/link/mariadb.h"
#include "ctl/schema_state.h"
#include "ctl/status_proof.h"

struct ctl;
struct json_writer;

struct status_books {
    struct schema_state schema;
    struct sql_rows figures; /* none while the schema is not up to date */
    struct sql_rows findings;
    struct status_proof proof;
};

MUST_USE enum outcome status_books_read(struct ctl *ctl, struct status_books *out_books);
/* Members of the object that is open. */
void status_books_json(struct ctl *ctl,
                       struct json_writer *json,
                       const struct status_books *books);
void status_books_text(struct ctl *ctl, const struct status_books *books);

#endif
