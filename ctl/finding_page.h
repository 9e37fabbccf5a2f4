/* SPDX-License-Identifier: MIT
 *
 * finding_page - findings as a table and as JSON, wherever they are shown.
 *
 * Owns:    nothing; rows live in the run's arena
 * Callers: ctl (findings, reconcile)
 * Blocks:  never
 *
 * Shapes in JSON are documented in docs/cli.md and are promises to scripts.
 */
#ifndef CTL_FINDING_PAGE_H
#define CTL_FINDING_PAGE_H

#include <stddef.h>

struct ctl;
struct json_writer;
struct sql_rows;

/* What a statement selects, and from where, for rows that are shown here; f is the
 * finding. */
#define FINDING_SELECT                                                                   \
    "SELECT f.id, f.kind, f.subject, f.amicale_id, f.amount, f.currency, f.detail,"      \
    " o.name, c.name, f.opened_at, f.seen_at, f.closed_at, f.closed_by,"                 \
    " TIMESTAMPDIFF(MICROSECOND, f.opened_at, NOW(3)) DIV 1000"                          \
    " FROM reconciliation_findings f"                                                    \
    " LEFT JOIN reconciliation_runs o ON o.id = f.opened_run_id"                         \
    " LEFT JOIN reconciliation_runs c ON c.id = f.closed_run_id"

/* Elements of the array that is open. */
void finding_page_json(struct ctl *ctl,
                       struct json_writer *json,
                       const struct sql_rows *rows,
                       size_t count);
void finding_page_text(struct ctl *ctl, const struct sql_rows *rows, size_t count);

#endif
