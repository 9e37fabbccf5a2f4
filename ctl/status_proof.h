/* SPDX-License-Identifier: MIT
 *
 * status_proof - what `tocsin status` says of the proof of the books: how far the ledger
 * is complete, the last reconciliation, what phones handed over.
 *
 * Owns:    nothing; rows live in the run's arena
 * Callers: ctl (status)
 * Blocks:  as mariadb does
 * Faults:  as mariadb's; left in ctl->fault
 */
#ifndef CTL_STATUS_PROOF_H
#define CTL_STATUS_PROOF_H

#include <stdint.h>

#include "common/base/fault.h"
#include "common/link/mariadb.h"
#include "ctl/book_run.h"

struct ctl;
struct json_writer;

struct status_proof {
    int64_t now_ms;
    struct sql_rows ledger; /* one row */
    struct span run_name; /* empty: none was there yet */
    struct book_run run;
    int64_t run_findings; /* open ones of reconciliation */
    struct sql_rows flush; /* one row */
    struct sql_rows clocks; /* phones whose clock was off lately */
};

MUST_USE enum outcome status_proof_read(struct ctl *ctl, struct status_proof *out_proof);
/* Members of the object that is open. */
void status_proof_json(struct ctl *ctl,
                       struct json_writer *json,
                       const struct status_proof *proof);
void status_proof_text(struct ctl *ctl, const struct status_proof *proof);

#endif
