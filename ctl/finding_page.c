/* SPDX-License-Identifier: MIT
 * Findings as a table and as JSON. */
#include "ctl/finding_page.h"

#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "ctl/ctl.h"
#include "ctl/finding_kind.h"
#include "ctl/show.h"
#include "ctl/table.h"

enum { WHAT_BYTES = 4096 };

/* As FINDING_SELECT orders them. */
enum column {
    FINDING_ID,
    FINDING_KIND,
    FINDING_SUBJECT,
    FINDING_AMICALE,
    FINDING_AMOUNT,
    FINDING_CURRENCY,
    FINDING_DETAIL,
    FINDING_OPENED_RUN,
    FINDING_CLOSED_RUN,
    FINDING_OPENED_AT,
    FINDING_SEEN_AT,
    FINDING_CLOSED_AT,
    FINDING_CLOSED_BY,
    FINDING_AGE_MS,
};

static void put_finding(struct ctl *ctl,
                        struct json_writer *json,
                        const struct sql_rows *rows,
                        size_t row);
static struct span closer_of(const struct sql_rows *rows, size_t row);
static struct span what_of(struct ctl *ctl, const struct sql_rows *rows, size_t row);
static void add_member(struct ctl *ctl, struct text *what, const struct cJSON *member);

void finding_page_json(struct ctl *ctl,
                       struct json_writer *json,
                       const struct sql_rows *rows,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put_finding(ctl, json, rows, i);
    }
}

static void put_finding(struct ctl *ctl,
                        struct json_writer *json,
                        const struct sql_rows *rows,
                        size_t row)
{
    static const struct {
        const char *key;
        enum column column;
    } moments[] = {
        {"opened_at", FINDING_OPENED_AT},
        {"seen_at", FINDING_SEEN_AT},
        {"closed_at", FINDING_CLOSED_AT},
    };
    struct span detail = sql_text(rows, row, FINDING_DETAIL);
    struct fault fault;
    json_open(json, NULL, '{');
    json_put_integer(json, "finding", sql_i64(rows, row, FINDING_ID));
    json_put_string(json, "kind", sql_text(rows, row, FINDING_KIND));
    json_put_string(json, "subject", sql_text(rows, row, FINDING_SUBJECT));
    show_put_id(json, "amicale", rows, row, FINDING_AMICALE);
    json_put_integer(json, "amount", sql_i64(rows, row, FINDING_AMOUNT));
    json_put_string(json, "currency", sql_text(rows, row, FINDING_CURRENCY));
    if (detail.len > 0 && json_check(detail, &fault) == OUTCOME_DONE) {
        json_put_raw(json, "detail", detail);
    } else {
        json_put_optional(json, "detail", detail);
    }
    json_put_string(json, "closes", closer_of(rows, row));
    json_put_optional(json, "opened_run", sql_text(rows, row, FINDING_OPENED_RUN));
    json_put_optional(json, "closed_run", sql_text(rows, row, FINDING_CLOSED_RUN));
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        json_put_optional(json,
                          moments[i].key,
                          show_sql_moment(ctl, sql_text(rows, row, moments[i].column)));
    }
    json_put_optional(json, "closed_by", sql_text(rows, row, FINDING_CLOSED_BY));
    json_close(json, '}');
}

/* Who closes it. A run may open kinds that this program does not know. */
static struct span closer_of(const struct sql_rows *rows, size_t row)
{
    const struct finding_kind *kind =
        finding_kind_find(sql_text(rows, row, FINDING_KIND));
    bool of_run = !sql_is_null(rows, row, FINDING_OPENED_RUN);
    return span_of(finding_closer_name(kind     ? kind->closer
                                       : of_run ? FINDING_BY_RUN
                                                : FINDING_BY_HAND));
}

void finding_page_text(struct ctl *ctl, const struct sql_rows *rows, size_t count)
{
    static const struct table_column columns[] = {
        {"SUBJECT", false, false},
        {"KIND", false, false},
        {"FINDING", true, false},
        {"AMICALE", true, false},
        {"EUR", true, false},
        {"SINCE", true, false},
    };
    struct table table;
    table_init(&table, &ctl->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < count; i++) {
        table_cell(&table, sql_text(rows, i, FINDING_SUBJECT));
        table_cell(&table, sql_text(rows, i, FINDING_KIND));
        table_number(&table, sql_i64(rows, i, FINDING_ID));
        if (sql_is_null(rows, i, FINDING_AMICALE)) {
            table_cell(&table, SPAN("-"));
        } else {
            table_number(&table, sql_i64(rows, i, FINDING_AMICALE));
        }
        table_cell(&table,
                   show_amount(ctl,
                               sql_i64(rows, i, FINDING_AMOUNT),
                               sql_text(rows, i, FINDING_CURRENCY)));
        table_cell(&table,
                   sql_is_null(rows, i, FINDING_CLOSED_AT)
                       ? ctl_age(ctl, sql_i64(rows, i, FINDING_AGE_MS))
                       : SPAN("closed"));
        table_note(&table, what_of(ctl, rows, i));
    }
    table_print(&table, &ctl->out);
}

/* "Stripe has no such object", of {"reason": ...}; else each member, "books 1500, stripe
 * 1200": what both sides say comes first, since the line is cut to the terminal. */
static struct span what_of(struct ctl *ctl, const struct sql_rows *rows, size_t row)
{
    struct span detail = sql_text(rows, row, FINDING_DETAIL);
    struct cJSON *document = NULL;
    struct fault fault;
    struct text what;
    if (detail.len == 0 || json_parse(detail, &document, &fault) != OUTCOME_DONE) {
        return detail;
    }
    text_init(&what, WHAT_BYTES);
    text_add(&what, json_string(document, "reason"));
    for (int both_sides = 1; both_sides >= 0; both_sides--) {
        for (const struct cJSON *member = json_first(document, ""); member;
             member = json_next(member)) {
            struct span key = json_key(member);
            bool is_side = span_is(key, "books") || span_is(key, "stripe");
            if (json_has(member, "") && !span_is(key, "reason") &&
                is_side == (both_sides == 1)) {
                add_member(ctl, &what, member);
            }
        }
    }
    struct span copy = arena_span(&ctl->arena, text_span(&what));
    text_done(&what);
    json_free(document);
    return copy;
}

static void add_member(struct ctl *ctl, struct text *what, const struct cJSON *member)
{
    struct span value = json_is_string(member, "") ? json_string(member, "")
                                                   : json_print(member, &ctl->arena);
    struct span key = json_key(member);
    text_addf(what,
              "%s%.*s %.*s",
              what->len > 0 ? ", " : "",
              SPAN_ARGS(key),
              SPAN_ARGS(value));
}
