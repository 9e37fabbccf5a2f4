/* SPDX-License-Identifier: MIT
 * audit.write: what an operator did, as one row of audit_log. The job's name is unique
 * there, so a job that comes again finds its row and changes nothing. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "worker/handlers.h"

struct deed_row {
    struct span who, verb, what, why;
    int64_t at_ms;
};

static enum outcome decode(const struct cJSON *document,
                           struct deed_row *out_row,
                           struct fault *fault);

enum outcome handle_audit_write(struct handling *handling,
                                struct handled *out_handled,
                                struct fault *fault)
{
    (void)out_handled; /* nothing follows and nobody waits */
    struct cJSON *document = NULL;
    struct deed_row row = {0};
    enum outcome outcome = json_parse(handling->payload, &document, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = decode(document, &row, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(
            handling->db,
            "INSERT INTO audit_log (job_id, who, verb, what, why, at)"
            " VALUES (?, LEFT(?, 255), LEFT(?, 64), LEFT(?, 255), LEFT(?, 1000), ?)"
            " ON DUPLICATE KEY UPDATE job_id = job_id",
            SQL_VALUES(SQL_SPAN(handling->job->id),
                       SQL_SPAN(row.who),
                       SQL_SPAN(row.verb),
                       SQL_SPAN(row.what),
                       SQL_SPAN(row.why),
                       sql_moment(handling->arena, row.at_ms)),
            handling->arena,
            NULL,
            fault);
    }
    if (outcome == OUTCOME_DONE) {
        handling->answered |= NEIGHBOUR_MARIADB;
    }
    json_free(document);
    return outcome;
}

static enum outcome decode(const struct cJSON *document,
                           struct deed_row *out_row,
                           struct fault *fault)
{
    struct deed_row row = {.who = json_string(document, "who"),
                           .verb = json_string(document, "verb"),
                           .what = json_string(document, "what"),
                           .why = json_string(document, "why")};
    if (row.who.len == 0 || row.verb.len == 0 || row.what.len == 0 ||
        !json_integer(document, "at_ms", &row.at_ms) || row.at_ms <= 0) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "audit",
                         0,
                         "the payload lacks who, verb, what or at_ms");
    }
    *out_row = row;
    return OUTCOME_DONE;
}
