/* SPDX-License-Identifier: MIT
 * Writes findings. */
#include "worker/finding.h"

#include "common/base/json.h"
#include "common/link/mariadb.h"

enum { DETAIL_BYTES = 1024 };

enum outcome finding_open(struct mariadb *db,
                          const struct finding *finding,
                          struct arena *arena,
                          struct fault *fault)
{
    struct text detail;
    text_init(&detail, DETAIL_BYTES);
    struct json_writer json = json_writer(&detail);
    json_open(&json, NULL, '{');
    json_put_string(&json, "reason", span_of(finding->reason));
    json_close(&json, '}');
    bool in_currency = finding->currency.len == 3;
    enum outcome outcome = mariadb_run(
        db,
        "INSERT INTO reconciliation_findings"
        " (kind, subject, amicale_id, amount, currency, detail)"
        " VALUES (?, ?, ?, ?, ?, ?)"
        " ON DUPLICATE KEY UPDATE seen_at = CURRENT_TIMESTAMP(3),"
        " detail = VALUES(detail)",
        SQL_VALUES(SQL_STRING(finding->kind),
                   SQL_SPAN(finding->subject),
                   finding->amicale_id ? SQL_I64(finding->amicale_id) : SQL_NOTHING,
                   SQL_I64(finding->amount_minor),
                   in_currency ? SQL_SPAN(finding->currency) : SQL_STRING("eur"),
                   SQL_SPAN(text_span(&detail))),
        arena,
        NULL,
        fault);
    text_done(&detail);
    return outcome;
}

enum outcome finding_see(struct mariadb *db,
                         const struct finding *finding,
                         const struct finding_seen *seen,
                         struct arena *arena,
                         bool *out_new,
                         struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        db,
        "INSERT INTO reconciliation_findings"
        " (kind, subject, amicale_id, amount, currency, detail, happened_at,"
        " opened_run_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON DUPLICATE KEY UPDATE seen_at = CURRENT_TIMESTAMP(3),"
        " amicale_id = VALUES(amicale_id), amount = VALUES(amount),"
        " detail = VALUES(detail), happened_at = VALUES(happened_at)",
        SQL_VALUES(SQL_STRING(finding->kind),
                   SQL_SPAN(finding->subject),
                   finding->amicale_id ? SQL_I64(finding->amicale_id) : SQL_NOTHING,
                   SQL_I64(finding->amount_minor),
                   SQL_SPAN(finding->currency),
                   SQL_SPAN(seen->detail),
                   SQL_SPAN(seen->happened_at),
                   SQL_I64(seen->run_id)),
        arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE) {
        *out_new = rows.affected == 1;
    }
    return outcome;
}

enum outcome finding_keep(struct mariadb *db,
                          const char *kind,
                          struct span subject,
                          struct arena *arena,
                          struct fault *fault)
{
    return mariadb_run(db,
                       "UPDATE reconciliation_findings SET seen_at = CURRENT_TIMESTAMP(3)"
                       " WHERE kind = ? AND subject = ? AND is_open = 1",
                       SQL_VALUES(SQL_STRING(kind), SQL_SPAN(subject)),
                       arena,
                       NULL,
                       fault);
}
