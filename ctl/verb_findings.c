/* SPDX-License-Identifier: MIT
 * findings - what a person should look at, page by page; findings close - somebody has. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "ctl/ctl.h"
#include "ctl/finding_kind.h"
#include "ctl/finding_page.h"
#include "ctl/people.h"
#include "ctl/verbs.h"

/* One that is to be closed. */
struct finding {
    int64_t id;
    struct span kind;
    struct span subject;
    bool is_closed;
    bool of_run;
};

static int find(struct ctl *ctl, struct finding *out_finding);
static int may_close(const struct finding *finding);
static int close_it(struct ctl *ctl, const struct finding *finding);

int verb_findings(struct ctl *ctl)
{
    struct people_page page;
    struct sql_rows rows;
    struct span cursor;
    struct span kind = span_of(ctl_option(ctl, "--kind"));
    int64_t amicale = 0;
    if (!ctl_number(ctl, "--amicale", 0, 1, PEOPLE_ID_MOST, &amicale) ||
        !people_read_page(ctl, &page)) {
        return CTL_USAGE;
    }
    if (mariadb_run(ctl->db,
                    FINDING_SELECT
                    " WHERE f.id > ? AND (? = '' OR f.kind = ?)"
                    " AND (? = 0 OR f.amicale_id = ?)"
                    " AND (? OR f.closed_at IS NULL) ORDER BY f.id LIMIT ?",
                    SQL_VALUES(SQL_I64(page.behind),
                               people_text(kind),
                               people_text(kind),
                               SQL_I64(amicale),
                               SQL_I64(amicale),
                               SQL_I64(ctl_option(ctl, "--all") != NULL),
                               SQL_I64(page.most + 1)),
                    &ctl->arena,
                    &rows,
                    &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    size_t count = people_page_rows(ctl, &page, &rows, &cursor);
    if (ctl->json) {
        struct json_writer json = people_open_list(ctl, "findings");
        finding_page_json(ctl, &json, &rows, count);
        people_close_list(ctl, &json, cursor);
    } else {
        finding_page_text(ctl, &rows, count);
        people_say_more(ctl, cursor);
    }
    return CTL_OK;
}

int verb_findings_close(struct ctl *ctl)
{
    struct finding finding;
    struct span why;
    if (!ctl_why(ctl, true, &why)) {
        return CTL_USAGE;
    }
    int64_t id = 0;
    if (!span_to_i64(span_of(ctl->words[0]), &id) || id < 1) {
        return ctl_say(CTL_USAGE, "a finding is named by its number (tocsin findings)");
    }
    finding = (struct finding){.id = id};
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    int code = find(ctl, &finding);
    if (code == CTL_OK && !ctl_option(ctl, "--force")) {
        code = may_close(&finding);
    }
    if (code == CTL_OK) {
        code = close_it(ctl, &finding);
    }
    struct span what =
        span_of(arena_format(&ctl->arena, "finding %lld", (long long)finding.id));
    code = people_finish(ctl, code, "findings close", what, why);
    return code == CTL_OK ? people_report(ctl, "finding", finding.id) : code;
}

/* Locked until it is closed. */
static int find(struct ctl *ctl, struct finding *out_finding)
{
    struct sql_rows rows;
    if (mariadb_run(ctl->db,
                    "SELECT kind, subject, closed_at IS NOT NULL,"
                    " opened_run_id IS NOT NULL FROM reconciliation_findings"
                    " WHERE id = ? FOR UPDATE",
                    SQL_VALUES(SQL_I64(out_finding->id)),
                    &ctl->arena,
                    &rows,
                    &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    if (rows.count == 0) {
        return ctl_say(CTL_NOT_FOUND,
                       "there is no finding %lld",
                       (long long)out_finding->id);
    }
    out_finding->kind = sql_text(&rows, 0, 0);
    out_finding->subject = sql_text(&rows, 0, 1);
    out_finding->is_closed = sql_i64(&rows, 0, 2) != 0;
    out_finding->of_run = sql_i64(&rows, 0, 3) != 0;
    if (out_finding->is_closed) {
        return ctl_say(CTL_WRONG_STATE,
                       "finding %lld is closed already",
                       (long long)out_finding->id);
    }
    return CTL_OK;
}

/* What goes away by itself comes back when it is closed before its time: whoever looks
 * meanwhile would believe that all is well. */
static int may_close(const struct finding *finding)
{
    const struct finding_kind *kind = finding_kind_find(finding->kind);
    const char *when = kind ? kind->when : NULL;
    if (!kind && finding->of_run) {
        when = "when Stripe and the books agree again";
    }
    if (!when) {
        return CTL_OK;
    }
    return ctl_say(CTL_WRONG_STATE,
                   "finding %lld, %.*s of %.*s, closes itself %s "
                   "(--force closes it all the same)",
                   (long long)finding->id,
                   SPAN_ARGS(finding->kind),
                   SPAN_ARGS(finding->subject),
                   when);
}

static int close_it(struct ctl *ctl, const struct finding *finding)
{
    return mariadb_run(ctl->db,
                       "UPDATE reconciliation_findings"
                       " SET closed_at = CURRENT_TIMESTAMP(3), closed_by = ?"
                       " WHERE id = ?",
                       SQL_VALUES(SQL_SPAN(ctl_who(ctl)), SQL_I64(finding->id)),
                       &ctl->arena,
                       NULL,
                       &ctl->fault) == OUTCOME_DONE
               ? CTL_OK
               : ctl_failed(ctl);
}
