/* SPDX-License-Identifier: MIT
 * Runs the table of comparisons, opens what they find, and closes what they do not. */
#include "worker/books_compare.h"

#include <string.h>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "worker/books_checks.h"
#include "worker/books_run.h"
#include "worker/books_totals.h"
#include "worker/crash_point.h"
#include "worker/events.h"
#include "worker/finding.h"
#include "worker/handlers.h"

enum { PAGE_ARENA_BYTES = 32 << 20, DETAIL_BYTES = 1024, PATH_BYTES = 256 };

/* One comparison on its way. The arena is of the page. */
struct look {
    struct handling *handling;
    const struct books_run *run;
    const struct books_check *check;
    struct arena *arena;
    struct sql_rows rows;
};

static enum outcome run_check(struct handling *handling,
                              const struct books_run *run,
                              const struct books_check *check,
                              struct fault *fault);
static enum outcome run_page(struct look *look,
                             int64_t after,
                             int64_t *out_last,
                             struct fault *fault);
static enum outcome take_row(struct look *look, size_t row, struct fault *fault);
static bool is_newer(const struct look *look, size_t row);
static enum outcome keep(struct look *look, size_t row, struct fault *fault);
static enum outcome ask_stripe(struct look *look,
                               size_t row,
                               const char **out_kind,
                               struct span *out_status,
                               struct fault *fault);
static struct span with_status(struct look *look, struct span detail, struct span status);
static enum outcome see(struct handling *handling,
                        const struct finding *finding,
                        const struct finding_seen *seen,
                        struct arena *arena,
                        struct fault *fault);
static enum outcome close_kinds(struct handling *handling,
                                const struct books_run *run,
                                size_t check,
                                bool payouts,
                                struct fault *fault);
static bool comes_again(size_t check);
static enum outcome close_kind(struct handling *handling,
                               const struct books_run *run,
                               const char *kind,
                               const struct books_window *window,
                               struct fault *fault);
static enum outcome compare_totals(struct handling *handling,
                                   const struct books_run *run,
                                   const struct books_total *totals,
                                   struct fault *fault);
static struct sql_value amicale_of(const struct books_run *run);

enum outcome books_compare(struct handling *handling,
                           const struct books_run *run,
                           bool payouts,
                           struct span *out_totals,
                           struct fault *fault)
{
    struct books_total totals[BOOKS_TOTALS];
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < books_checks_count; i++) {
        if (payouts || !books_checks[i].of_account) {
            outcome = run_check(handling, run, &books_checks[i], fault);
        }
        if (outcome == OUTCOME_DONE) {
            outcome = close_kinds(handling, run, i, payouts, fault);
        }
        CRASH_POINT("books_checked");
    }
    if (outcome == OUTCOME_DONE) {
        outcome = books_totals_sum(handling, run, payouts, totals, fault);
    }
    for (size_t i = 0; outcome == OUTCOME_DONE && i < BOOKS_TOTALS; i++) {
        outcome = books_run_checked(handling, run->id, totals[i].count, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = compare_totals(handling, run, totals, fault);
    }
    if (outcome == OUTCOME_DONE) {
        *out_totals = books_totals_print(totals, handling);
    }
    return outcome;
}

static enum outcome run_check(struct handling *handling,
                              const struct books_run *run,
                              const struct books_check *check,
                              struct fault *fault)
{
    struct arena arena;
    struct look look = {.handling = handling,
                        .run = run,
                        .check = check,
                        .arena = &arena};
    int64_t after = 0;
    enum outcome outcome = OUTCOME_DONE;
    arena_init(&arena, PAGE_ARENA_BYTES);
    do {
        outcome = run_page(&look, after, &after, fault);
        arena_reset(&arena);
    } while (outcome == OUTCOME_DONE && look.rows.count == BOOKS_PAGE);
    arena_done(&arena);
    return outcome;
}

static enum outcome run_page(struct look *look,
                             int64_t after,
                             int64_t *out_last,
                             struct fault *fault)
{
    const struct books_run *run = look->run;
    const struct books_window *window =
        look->check->of_account ? &run->payouts : &run->window;
    const struct sql_value values[] = {
        amicale_of(run),
        sql_moment(look->arena, window->from_ms),
        sql_moment(look->arena, window->to_ms),
        SQL_I64(after),
        SQL_I64(look->handling->settings->stripe.livemode),
    };
    size_t count = look->check->side == BOOKS_OURS ? 5 : 4;
    enum outcome outcome = mariadb_run(look->handling->db,
                                       look->check->select,
                                       values,
                                       count,
                                       look->arena,
                                       &look->rows,
                                       fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < look->rows.count; i++) {
        outcome = take_row(look, i, fault);
    }
    if (outcome == OUTCOME_DONE && look->rows.count > 0) {
        *out_last = sql_i64(&look->rows, look->rows.count - 1, BOOKS_ID);
    }
    return outcome;
}

static enum outcome take_row(struct look *look, size_t row, struct fault *fault)
{
    const char *kind = look->check->kind;
    struct span detail = sql_text(&look->rows, row, BOOKS_DETAIL);
    struct span status = SPAN("");
    if (is_newer(look, row)) {
        return keep(look, row, fault);
    }
    if (look->check->side == BOOKS_OURS) {
        enum outcome outcome = ask_stripe(look, row, &kind, &status, fault);
        if (outcome != OUTCOME_DONE || !kind) {
            return outcome;
        }
    }
    const struct finding finding = {
        .kind = kind,
        .subject = sql_text(&look->rows, row, BOOKS_SUBJECT),
        .amicale_id = look->run->amicale_id,
        .amount_minor = sql_i64(&look->rows, row, BOOKS_AMOUNT),
        .currency = sql_text(&look->rows, row, BOOKS_CURRENCY),
    };
    const struct finding_seen seen = {
        .run_id = look->run->id,
        .happened_at = sql_text(&look->rows, row, BOOKS_HAPPENED_AT),
        .detail = status.len > 0 ? with_status(look, detail, status) : detail,
    };
    return see(look->handling, &finding, &seen, look->arena, fault);
}

/* Our row changed after the copy was begun: it may know more than the copy. */
static bool is_newer(const struct look *look, size_t row)
{
    struct sql_value copied = sql_moment(look->arena, look->run->copied_ms);
    struct span changed = sql_text(&look->rows, row, BOOKS_CHANGED_AT);
    size_t len = changed.len < copied.text.len ? changed.len : copied.text.len;
    return !sql_is_null(&look->rows, row, BOOKS_CHANGED_AT) &&
           memcmp(changed.at, copied.text.at, len) >= 0;
}

/* What was found before is neither seen again nor gone. */
static enum outcome keep(struct look *look, size_t row, struct fault *fault)
{
    const char *const names[] = {look->check->kind, look->check->other_kind};
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < 2 && names[i]; i++) {
        outcome = finding_keep(look->handling->db,
                               names[i],
                               sql_text(&look->rows, row, BOOKS_SUBJECT),
                               look->arena,
                               fault);
    }
    return outcome;
}

/* *out_kind is NULL when Stripe has the object as our row has it: what moved its money was
 * not copied, or it moves none. */
static enum outcome ask_stripe(struct look *look,
                               size_t row,
                               const char **out_kind,
                               struct span *out_status,
                               struct fault *fault)
{
    struct span id = sql_text(&look->rows, row, BOOKS_OBJECT);
    struct stripe_answer answer = {0};
    *out_kind = look->check->kind;
    if (!event_is_id(id)) {
        return OUTCOME_DONE;
    }
    const char *path =
        arena_format(look->arena, "%s/%.*s", look->check->collection, SPAN_ARGS(id));
    enum outcome outcome = stripe_get(look->handling->stripe,
                                      path,
                                      NULL,
                                      0,
                                      sql_text(&look->rows, row, BOOKS_ACCOUNT),
                                      false,
                                      look->arena,
                                      &answer,
                                      fault);
    if (outcome == OUTCOME_NEVER && answer.status == 404) {
        look->handling->answered |= NEIGHBOUR_STRIPE;
        return OUTCOME_DONE;
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    look->handling->answered |= NEIGHBOUR_STRIPE;
    struct span status = arena_span(look->arena, json_string(answer.document, "status"));
    json_free(answer.document);
    bool same = span_equal(status, sql_text(&look->rows, row, BOOKS_STATUS));
    *out_kind = same ? NULL : look->check->other_kind;
    *out_status = status;
    return OUTCOME_DONE;
}

/* The detail ends with what Stripe says. */
static struct span with_status(struct look *look, struct span detail, struct span status)
{
    struct text text;
    text_init(&text, DETAIL_BYTES);
    text_add(&text, (struct span){detail.at, detail.len - 1});
    struct json_writer json = {.text = &text, .comma = true};
    json_open(&json, "stripe", '{');
    json_put_string(&json, "status", status);
    json_close(&json, '}');
    text_add_char(&text, '}');
    struct span told = text.full ? detail : arena_span(look->arena, text_span(&text));
    text_done(&text);
    return told;
}

static enum outcome see(struct handling *handling,
                        const struct finding *finding,
                        const struct finding_seen *seen,
                        struct arena *arena,
                        struct fault *fault)
{
    bool is_new = false;
    enum outcome outcome =
        finding_see(handling->db, finding, seen, arena, &is_new, fault);
    if (outcome == OUTCOME_UNSURE) {
        outcome = OUTCOME_LATER; /* saying it once more changes nothing */
    }
    if (outcome == OUTCOME_DONE && is_new) {
        log_warning("difference",
                    LOG_TEXT("kind", finding->kind),
                    LOG_SPAN("subject", finding->subject),
                    LOG_NUMBER("amicale", finding->amicale_id),
                    LOG_NUMBER("amount", finding->amount_minor),
                    LOG_NUMBER("run", seen->run_id));
    }
    return outcome;
}

/* A kind is closed behind the last comparison that may find it, and before those that its
 * findings explain. */
static enum outcome close_kinds(struct handling *handling,
                                const struct books_run *run,
                                size_t check,
                                bool payouts,
                                struct fault *fault)
{
    const struct books_check *row = &books_checks[check];
    if (comes_again(check) || (row->of_account && !payouts)) {
        return OUTCOME_DONE;
    }
    return close_kind(handling,
                      run,
                      row->kind,
                      row->of_account ? &run->payouts : &run->window,
                      fault);
}

static bool comes_again(size_t check)
{
    for (size_t i = check + 1; i < books_checks_count; i++) {
        if (strcmp(books_checks[i].kind, books_checks[check].kind) == 0) {
            return true;
        }
    }
    return false;
}

static enum outcome close_kind(struct handling *handling,
                               const struct books_run *run,
                               const char *kind,
                               const struct books_window *window,
                               struct fault *fault)
{
    struct arena *arena = handling->arena;
    return mariadb_run(
        handling->db,
        "UPDATE reconciliation_findings AS finding SET closed_at = CURRENT_TIMESTAMP(3),"
        " closed_by = 'reconciliation', closed_run_id = ?"
        " WHERE amicale_id <=> ? AND kind = ? AND happened_at >= ? AND happened_at < ?"
        " AND closed_at IS NULL AND seen_at < ?"
        " AND NOT EXISTS (SELECT 1 FROM balance_transactions"
        " WHERE source_id = finding.subject AND is_stirred)"
        " AND NOT EXISTS (SELECT 1 FROM balance_transactions"
        " WHERE stripe_payment_intent_id = finding.subject AND is_stirred)",
        SQL_VALUES(SQL_I64(run->id),
                   amicale_of(run),
                   SQL_STRING(kind),
                   sql_moment(arena, window->from_ms),
                   sql_moment(arena, window->to_ms),
                   sql_moment(arena, run->began_ms)),
        arena,
        NULL,
        fault);
}

/* Its moment is the window's last, so that the next day's run finds it again. */
static enum outcome compare_totals(struct handling *handling,
                                   const struct books_run *run,
                                   const struct books_total *totals,
                                   struct fault *fault)
{
    struct arena *arena = handling->arena;
    enum outcome outcome = OUTCOME_DONE;
    struct span last = sql_moment(arena, run->window.to_ms - 1).text;
    bool any = run->window.to_ms > run->window.from_ms;
    for (size_t i = 0; any && outcome == OUTCOME_DONE && i < BOOKS_TOTALS; i++) {
        const struct books_total *total = &totals[i];
        int64_t more = total->stripe_minor - total->books_minor;
        if (!total->is_known || more == 0 || total->is_explained) {
            continue;
        }
        const struct finding finding = {
            .kind = "totals",
            .subject = span_of(
                arena_format(arena, "%s:%lld", total->name, (long long)run->amicale_id)),
            .amicale_id = run->amicale_id,
            .amount_minor = more < 0 ? -more : more,
            .currency = SPAN("eur"),
        };
        const struct finding_seen seen = {
            .run_id = run->id,
            .happened_at = last,
            .detail = span_of(
                arena_format(arena,
                             "{\"reason\":\"the sums differ, and no object says why\","
                             "\"of\":\"%s\",\"books\":{\"sum\":%lld},"
                             "\"stripe\":{\"sum\":%lld}}",
                             total->name,
                             (long long)total->books_minor,
                             (long long)total->stripe_minor)),
        };
        outcome = see(handling, &finding, &seen, arena, fault);
    }
    return outcome == OUTCOME_DONE && any
               ? close_kind(handling, run, "totals", &run->window, fault)
               : outcome;
}

static struct sql_value amicale_of(const struct books_run *run)
{
    return run->amicale_id ? SQL_I64(run->amicale_id) : SQL_NOTHING;
}
