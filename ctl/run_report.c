/* SPDX-License-Identifier: MIT
 * What a reconciliation found. */
#include "ctl/run_report.h"

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "ctl/book_run.h"
#include "ctl/ctl.h"
#include "ctl/finding_page.h"
#include "ctl/run_sums.h"
#include "ctl/show.h"

enum { MOST_FINDINGS = 1000, ROWS_PAGE = 500, MOST_FAULTS = 20 };

struct report {
    struct span name;
    struct book_run run;
    struct sql_rows findings;
    int64_t finding_count; /* that are open: more than those that are read */
    int64_t other_count; /* open findings that reconciliation did not open */
    int64_t told; /* faults of parts that failed */
    int64_t note_count; /* parts that could not compare everything */
    struct span note; /* of the first of them */
    struct run_sums sums;
};

static enum outcome read_findings(struct ctl *ctl, struct report *report);
static enum outcome for_each_row(
    struct ctl *ctl,
    struct report *report,
    void (*see)(struct ctl *ctl, void *context, const struct sql_rows *rows, size_t row),
    void *context);
static enum outcome report_json(struct ctl *ctl, struct report *report);
static void put_head(struct ctl *ctl,
                     struct json_writer *json,
                     const struct report *report);
static void put_row(struct ctl *ctl,
                    void *context,
                    const struct sql_rows *rows,
                    size_t row);
static enum outcome report_text(struct ctl *ctl, struct report *report);
static void add_sums(struct ctl *ctl,
                     void *context,
                     const struct sql_rows *rows,
                     size_t row);
static void add_counts(struct ctl *ctl, const struct report *report);
static void tell_fault(struct ctl *ctl,
                       void *context,
                       const struct sql_rows *rows,
                       size_t row);
static int verdict(struct ctl *ctl, struct report *report);

int run_report(struct ctl *ctl, struct span name)
{
    struct report report = {.name = name};
    if (book_run_read(ctl, name, &report.run) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    if (!report.run.known) {
        return ctl_say(CTL_NOT_FOUND,
                       "there is no run %.*s, or it has not begun",
                       SPAN_ARGS(name));
    }
    enum outcome outcome = read_findings(ctl, &report);
    if (outcome == OUTCOME_DONE) {
        outcome = ctl->json ? report_json(ctl, &report) : report_text(ctl, &report);
    }
    return outcome == OUTCOME_DONE ? verdict(ctl, &report) : ctl_failed(ctl);
}

/* Those that the run saw, or that a later one did: what it did not look at, and what other
 * jobs have found, is not its answer. */
#define SEEN                                                                             \
    " WHERE f.closed_at IS NULL AND f.opened_run_id IS NOT NULL AND f.seen_at >= ?"      \
    " AND (? = 0 OR f.amicale_id IS NULL OR f.amicale_id = ?)"

static enum outcome read_findings(struct ctl *ctl, struct report *report)
{
    const struct book_run *run = &report->run;
    const struct sql_value values[] = {
        SQL_SPAN(run->started_at),
        SQL_I64(run->amicale),
        SQL_I64(run->amicale),
        SQL_I64(MOST_FINDINGS),
    };
    struct sql_rows counts;
    enum outcome outcome = mariadb_run(ctl->db,
                                       FINDING_SELECT SEEN " ORDER BY f.id LIMIT ?",
                                       values,
                                       4,
                                       &ctl->arena,
                                       &report->findings,
                                       &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        outcome =
            mariadb_run(ctl->db,
                        "SELECT (SELECT COUNT(*) FROM reconciliation_findings f" SEEN "),"
                        " (SELECT COUNT(*) FROM reconciliation_findings"
                        "  WHERE closed_at IS NULL AND opened_run_id IS NULL)",
                        values,
                        3,
                        &ctl->arena,
                        &counts,
                        &ctl->fault);
    }
    if (outcome == OUTCOME_DONE) {
        report->finding_count = sql_i64(&counts, 0, 0);
        report->other_count = sql_i64(&counts, 0, 1);
    }
    return outcome;
}

static enum outcome for_each_row(
    struct ctl *ctl,
    struct report *report,
    void (*see)(struct ctl *ctl, void *context, const struct sql_rows *rows, size_t row),
    void *context)
{
    int64_t behind = 0;
    struct sql_rows rows;
    do {
        enum outcome outcome = book_run_rows(ctl, report->name, behind, ROWS_PAGE, &rows);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        for (size_t i = 0; i < rows.count; i++) {
            see(ctl, context, &rows, i);
            behind = sql_i64(&rows, i, RUN_ROW);
        }
    } while (rows.count == ROWS_PAGE);
    return OUTCOME_DONE;
}

static enum outcome report_json(struct ctl *ctl, struct report *report)
{
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    put_head(ctl, &json, report);
    json_open(&json, "findings", '[');
    finding_page_json(ctl, &json, &report->findings, report->findings.count);
    json_close(&json, ']');
    json_open(&json, "parts", '[');
    enum outcome outcome = for_each_row(ctl, report, put_row, &json);
    json_close(&json, ']');
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
    if (outcome != OUTCOME_DONE) {
        text_clear(&ctl->out);
    }
    return outcome;
}

static void put_head(struct ctl *ctl,
                     struct json_writer *json,
                     const struct report *report)
{
    const struct book_run *run = &report->run;
    json_put_string(json, "run", report->name);
    json_put_string(json, "state", span_of(book_run_state(run)));
    json_put_optional(json, "from", run->from_day);
    json_put_optional(json, "to", run->to_day);
    json_put_optional(json, "compared_until_at", show_sql_moment(ctl, run->until));
    json_put_optional(json, "started_at", show_sql_moment(ctl, run->started_at));
    json_put_optional(json, "finished_at", show_sql_moment(ctl, run->finished_at));
    json_put_integer(json, "total", run->total);
    json_put_integer(json, "done", run->finished);
    json_put_integer(json, "failed", run->failed);
    json_put_integer(json, "checked", run->checked);
    json_put_integer(json, "open", report->finding_count);
    json_put_integer(json, "opened", run->opened);
    json_put_integer(json, "closed", run->closed);
    json_put_integer(json, "others_open", report->other_count);
}

static void put_row(struct ctl *ctl,
                    void *context,
                    const struct sql_rows *rows,
                    size_t row)
{
    struct json_writer *json = context;
    struct span totals = sql_text(rows, row, RUN_TOTALS);
    struct fault fault;
    (void)ctl;
    json_open(json, NULL, '{');
    show_put_id(json, "amicale", rows, row, RUN_AMICALE);
    json_put_string(json, "state", sql_text(rows, row, RUN_STATE));
    json_put_integer(json, "checked", sql_i64(rows, row, RUN_CHECKED));
    json_put_integer(json, "opened", sql_i64(rows, row, RUN_OPENED));
    json_put_integer(json, "closed", sql_i64(rows, row, RUN_CLOSED));
    json_put_optional(json, "fault", sql_text(rows, row, RUN_FAULT));
    if (totals.len > 0 && json_check(totals, &fault) == OUTCOME_DONE) {
        json_put_raw(json, "totals", totals);
    } else {
        json_put_null(json, "totals");
    }
    json_close(json, '}');
}

static enum outcome report_text(struct ctl *ctl, struct report *report)
{
    run_sums_init(&report->sums, ctl);
    enum outcome outcome = for_each_row(ctl, report, add_sums, report);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (report->findings.count > 0) {
        finding_page_text(ctl, &report->findings, report->findings.count);
        text_add_char(&ctl->out, '\n');
    }
    if (report->finding_count > (int64_t)report->findings.count) {
        text_addf(&ctl->out,
                  "these are the first %zu; all: tocsin findings\n\n",
                  report->findings.count);
    }
    run_sums_print(&report->sums);
    add_counts(ctl, report);
    return OUTCOME_DONE;
}

static void add_sums(struct ctl *ctl,
                     void *context,
                     const struct sql_rows *rows,
                     size_t row)
{
    struct report *report = context;
    run_sums_add(&report->sums,
                 sql_i64(rows, row, RUN_AMICALE),
                 sql_text(rows, row, RUN_TOTALS));
    if (span_is(sql_text(rows, row, RUN_STATE), "finished") &&
        !sql_is_null(rows, row, RUN_FAULT) && report->note_count++ == 0) {
        struct span note = sql_text(rows, row, RUN_FAULT);
        report->note = span_of(arena_format(&ctl->arena,
                                            "amicale %lld: %.*s",
                                            (long long)sql_i64(rows, row, RUN_AMICALE),
                                            SPAN_ARGS(note)));
    }
}

/* The last line says what it comes to. */
static void add_counts(struct ctl *ctl, const struct report *report)
{
    const struct book_run *run = &report->run;
    int64_t ended = run->finished + run->failed;
    text_addf(&ctl->out,
              "%.*s, %.*s to %.*s: %s",
              SPAN_ARGS(report->name),
              SPAN_ARGS(run->from_day),
              SPAN_ARGS(run->to_day),
              book_run_state(run));
    if (ended < run->total) {
        text_addf(&ctl->out,
                  ", %lld of %lld parts",
                  (long long)ended,
                  (long long)run->total);
    }
    text_add_char(&ctl->out, '\n');
    struct span until = show_paris(ctl, run->until, clock_wall_ms(&clock_system));
    if (until.len > 0) {
        text_addf(&ctl->out, "compared until %.*s\n", SPAN_ARGS(until));
    }
    if (report->note_count > 0) {
        text_addf(&ctl->out,
                  "not everything was compared: %lld parts (--json)\n  ",
                  (long long)report->note_count);
        ctl_add_line(&ctl->out, report->note);
        text_add_char(&ctl->out, '\n');
    }
    if (report->other_count > 0) {
        text_addf(&ctl->out,
                  "%lld open findings are not of reconciliation: tocsin findings\n",
                  (long long)report->other_count);
    }
    text_addf(&ctl->out,
              "%lld findings, %lld new, %lld closed\n",
              (long long)report->finding_count,
              (long long)run->opened,
              (long long)run->closed);
}

/* What failed is told before what was found: it may hide findings. */
static int verdict(struct ctl *ctl, struct report *report)
{
    const struct book_run *run = &report->run;
    if (for_each_row(ctl, report, tell_fault, report) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    if (run->failed > 0) {
        return ctl_say(CTL_FAILED,
                       "%lld of %lld parts failed: their books were not compared",
                       (long long)run->failed,
                       (long long)run->total);
    }
    if (run->finished < run->total) {
        return CTL_WRONG_STATE;
    }
    return report->finding_count > 0 ? CTL_FINDINGS : CTL_OK;
}

static void tell_fault(struct ctl *ctl,
                       void *context,
                       const struct sql_rows *rows,
                       size_t row)
{
    struct report *report = context;
    struct span fault = sql_text(rows, row, RUN_FAULT);
    if (!span_is(sql_text(rows, row, RUN_STATE), "failed") ||
        report->told++ >= MOST_FAULTS) {
        return;
    }
    struct span who =
        sql_is_null(rows, row, RUN_AMICALE)
            ? report->name
            : span_of(arena_format(&ctl->arena,
                                   "amicale %lld",
                                   (long long)sql_i64(rows, row, RUN_AMICALE)));
    if (fault.len == 0) {
        fault = SPAN("it failed");
    }
    (void)ctl_say(CTL_FAILED, "%.*s: %.*s", SPAN_ARGS(who), SPAN_ARGS(fault));
}
