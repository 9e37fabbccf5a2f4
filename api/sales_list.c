/* SPDX-License-Identifier: MIT
 * A pompier's sales, newest first, a page at a time, with the sums of them all. */
#include <assert.h>

#include "api/fields.h"
#include "api/problem.h"
#include "api/reader.h"
#include "api/request.h"
#include "api/sales.h"
#include "api/session.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/payment_row.h"

enum { PER_PAGE = 20, PAGE_MOST = 1000000, LIST_BYTES = 256 * 1024, LINK_BYTES = 4096 };

/* A seller's list has what is paid or may still be, and what was voided; not what nobody
 * ever paid. */
#define LISTED                                                                           \
    "('succeeded', 'partially_refunded', 'refunded', 'voided', 'requires_capture',"      \
    " 'processing')"
/* Whoever belongs to an amicale sees what was sold for it: a pompier who came from another
 * one left those sales there. */
#define WHICH                                                                            \
    " FROM payment_intents WHERE pompier_id = ? AND sale_day BETWEEN ? AND ?"            \
    " AND amicale_id <=> COALESCE(?, amicale_id) AND status IN " LISTED

struct list {
    const struct session *session;
    int64_t pompier_id;
    struct span from; /* empty: from the first sale on */
    struct span to; /* empty: to the last */
    int64_t page;
    bool found;
    struct span body;
    struct span headers;
};
enum total_column {
    TOTAL_LISTED,
    TOTAL_SALES,
    TOTAL_AMOUNT,
    TOTAL_REFUNDED,
    TOTAL_FEES,
};

static enum outcome read_list(struct mariadb *db,
                              struct arena *arena,
                              void *context,
                              struct fault *fault);
static enum outcome find_pompier(struct mariadb *db,
                                 struct arena *arena,
                                 struct list *list,
                                 struct fault *fault);
static void write_list(struct list *list,
                       const struct sql_rows *totals,
                       const struct sql_rows *sales,
                       struct arena *arena);
static void put_totals(struct json_writer *json, const struct sql_rows *totals);
static void put_links(struct json_writer *json,
                      struct list *list,
                      int64_t last,
                      struct arena *arena);
static char *page_path(const struct list *list, int64_t page, struct arena *arena);
static void answer_list(struct request *request,
                        void *context,
                        enum outcome outcome,
                        const struct fault *fault);

void sales_list(struct request *request)
{
    static const struct field_rule rules[] = {
        {.name = "page", .type = FIELD_IS_INTEGER, .least = 1, .most = PAGE_MOST},
        {.name = "from", .type = FIELD_IS_DAY},
        {.name = "to", .type = FIELD_IS_DAY},
    };
    struct field_value values[3];
    struct list *list = ARENA_NEW(&request->arena, struct list);
    const struct session *session = request->session;
    list->session = session;
    if (!span_to_i64(request->params[0], &list->pompier_id) ||
        (session->role == ROLE_POMPIER && session->user_id != list->pompier_id)) {
        request_problem(request, PROBLEM_NOT_FOUND);
        return;
    }
    if (!fields_read_query(request, rules, 3, values)) {
        return;
    }
    list->page = values[0].there ? values[0].integer : 1;
    list->from = values[1].text;
    list->to = values[2].text;
    reader_ask(request, read_list, answer_list, list);
}

static enum outcome read_list(struct mariadb *db,
                              struct arena *arena,
                              void *context,
                              struct fault *fault)
{
    struct list *list = context;
    struct sql_rows totals;
    struct sql_rows sales;
    enum outcome outcome = find_pompier(db, arena, list, fault);
    if (outcome != OUTCOME_DONE || !list->found) {
        return outcome;
    }
    struct sql_value which[] = {
        SQL_I64(list->pompier_id),
        list->from.len > 0 ? SQL_SPAN(list->from) : SQL_STRING("1970-01-01"),
        list->to.len > 0 ? SQL_SPAN(list->to) : SQL_STRING("9999-12-31"),
        role_has_amicale(list->session->role) ? SQL_I64(list->session->amicale_id)
                                              : SQL_NOTHING,
        SQL_I64(PER_PAGE),
        SQL_I64((list->page - 1) * PER_PAGE),
    };
    outcome = mariadb_run(
        db,
        "SELECT COUNT(*), CAST(COALESCE(SUM(paid), 0) AS SIGNED),"
        " CAST(COALESCE(SUM(paid * taken), 0) AS SIGNED),"
        " CAST(COALESCE(SUM(paid * amount_refunded), 0) AS SIGNED),"
        " CAST(COALESCE(SUM(paid * fee), 0) AS SIGNED) FROM"
        " (SELECT status IN " SALES_PAID " AS paid,"
        " IF(payment_method = 'card', amount_received, amount) AS taken,"
        " amount_refunded, application_fee - application_fee_refunded AS fee" WHICH
        ") AS listed",
        which,
        4,
        arena,
        &totals,
        fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(db,
                              "SELECT " PAYMENT_ROW_COLUMNS WHICH
                              " ORDER BY sale_day DESC, sold_at DESC, id DESC"
                              " LIMIT ? OFFSET ?",
                              which,
                              6,
                              arena,
                              &sales,
                              fault);
    }
    if (outcome == OUTCOME_DONE) {
        write_list(list, &totals, &sales, arena);
    }
    return outcome;
}

/* Everybody else's amicale has no such pompier. */
static enum outcome find_pompier(struct mariadb *db,
                                 struct arena *arena,
                                 struct list *list,
                                 struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(db,
                                       "SELECT amicale_id FROM users WHERE id = ?"
                                       " AND amicale_id IS NOT NULL",
                                       SQL_VALUES(SQL_I64(list->pompier_id)),
                                       arena,
                                       &rows,
                                       fault);
    list->found = outcome == OUTCOME_DONE && rows.count > 0 &&
                  session_may_see(list->session, sql_i64(&rows, 0, 0));
    return outcome;
}

static void write_list(struct list *list,
                       const struct sql_rows *totals,
                       const struct sql_rows *sales,
                       struct arena *arena)
{
    int64_t listed = sql_i64(totals, 0, TOTAL_LISTED);
    int64_t pages = (listed + PER_PAGE - 1) / PER_PAGE;
    struct text text;
    text_init(&text, LIST_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_integer(&json, "pompier_id", list->pompier_id);
    json_put_integer(&json, "page", list->page);
    json_put_integer(&json, "per_page", PER_PAGE);
    json_put_integer(&json, "total", listed);
    json_put_integer(&json, "total_pages", pages);
    put_totals(&json, totals);
    json_open(&json, "ventes", '[');
    for (size_t i = 0; i < sales->count; i++) {
        json_open(&json, NULL, '{');
        payment_row_put(&json, sales, i);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    put_links(&json, list, pages > 0 ? pages : 1, arena);
    json_close(&json, '}');
    assert(!text.full);
    list->body = arena_span(arena, text_span(&text));
    text_done(&text);
}

static void put_totals(struct json_writer *json, const struct sql_rows *totals)
{
    int64_t amount = sql_i64(totals, 0, TOTAL_AMOUNT);
    int64_t refunded = sql_i64(totals, 0, TOTAL_REFUNDED);
    int64_t fees = sql_i64(totals, 0, TOTAL_FEES);
    json_open(json, "totals", '{');
    json_put_integer(json, "ventes", sql_i64(totals, 0, TOTAL_SALES));
    json_put_integer(json, "montant", amount);
    json_put_integer(json, "rembourse", refunded);
    json_put_integer(json, "commissions", fees);
    json_put_integer(json, "net", amount - refunded - fees);
    json_close(json, '}');
}

/* In the body, and as the Link header (RFC 8288). */
static void put_links(struct json_writer *json,
                      struct list *list,
                      int64_t last,
                      struct arena *arena)
{
    const struct {
        const char *rel;
        int64_t page; /* 0: there is none */
    } links[] = {
        {"self", list->page},
        {"first", 1},
        {"prev", list->page > last ? last : list->page - 1},
        {"next", list->page < last ? list->page + 1 : 0},
        {"last", last},
    };
    struct text header;
    text_init(&header, LINK_BYTES);
    const char *comma = "Link: ";
    json_open(json, "links", '{');
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        if (links[i].page == 0) {
            json_put_null(json, links[i].rel);
            continue;
        }
        const char *path = page_path(list, links[i].page, arena);
        json_put_string(json, links[i].rel, span_of(path));
        text_addf(&header, "%s<%s>; rel=\"%s\"", comma, path, links[i].rel);
        comma = ", ";
    }
    json_close(json, '}');
    text_add_string(&header, "\r\n");
    assert(!header.full);
    list->headers = arena_span(arena, text_span(&header));
    text_done(&header);
}

static char *page_path(const struct list *list, int64_t page, struct arena *arena)
{
    bool from = list->from.len > 0;
    bool to = list->to.len > 0;
    return arena_format(arena,
                        "/api/pompiers/%lld/ventes?page=%lld%s%.*s%s%.*s",
                        (long long)list->pompier_id,
                        (long long)page,
                        from ? "&from=" : "",
                        SPAN_ARGS(list->from),
                        to ? "&to=" : "",
                        SPAN_ARGS(list->to));
}

static void answer_list(struct request *request,
                        void *context,
                        enum outcome outcome,
                        const struct fault *fault)
{
    const struct list *list = context;
    if (outcome != OUTCOME_DONE) {
        reader_failed(request, fault);
    } else if (!list->found) {
        request_problem(request, PROBLEM_NOT_FOUND);
    } else {
        request_answer(request,
                       200,
                       "application/json; charset=utf-8",
                       list->body,
                       list->headers);
    }
}
