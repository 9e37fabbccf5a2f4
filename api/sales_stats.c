/* SPDX-License-Identifier: MIT
 * An amicale's sales by day: one read of the index amicale_day, in the order of the days. */
#include <assert.h>

#include "api/days.h"
#include "api/door.h"
#include "api/fields.h"
#include "api/loop.h"
#include "api/problem.h"
#include "api/reader.h"
#include "api/request.h"
#include "api/sales.h"
#include "api/session.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"

enum { STATS_BYTES = 512 * 1024 };

/* What was paid in one way, in its order in the answer. */
enum method { METHOD_CARD, METHOD_CASH, METHOD_CHEQUE };
enum { METHODS = METHOD_CHEQUE + 1 };
static const char *const method_names[METHODS] = {"card", "cash", "cheque"};

struct part {
    int64_t sales;
    int64_t amount;
};
struct sums {
    struct part all;
    struct part parts[METHODS];
    int64_t fees; /* kept by the platform */
    int64_t refunded;
};
enum stats_column {
    STATS_DAY,
    STATS_METHOD,
    STATS_SALES,
    STATS_AMOUNT,
    STATS_FEES,
    STATS_REFUNDED,
};

struct stats {
    int64_t amicale_id;
    struct days days;
    bool found;
    struct span body;
};

static enum outcome read_stats(struct mariadb *db,
                               struct arena *arena,
                               void *context,
                               struct fault *fault);
static struct span write_stats(const struct stats *stats,
                               const struct sql_rows *rows,
                               struct arena *arena);
static void write_days(struct json_writer *json,
                       const struct sql_rows *rows,
                       struct sums *totals);
static void add_row(struct sums *sums, const struct sql_rows *rows, size_t row);
static void put_sums(struct json_writer *json, const struct sums *sums);
static void answer_stats(struct request *request,
                         void *context,
                         enum outcome outcome,
                         const struct fault *fault);

void sales_stats(struct request *request)
{
    static const struct field_rule rules[] = {
        {.name = "from", .type = FIELD_IS_DAY},
        {.name = "to", .type = FIELD_IS_DAY},
    };
    struct field_value values[2];
    struct stats *stats = ARENA_NEW(&request->arena, struct stats);
    char today[DAY_BYTES];
    clock_paris_day(clock_wall_ms(request->loop->door->clock), today);
    if (!span_to_i64(request->params[0], &stats->amicale_id) ||
        !session_may_see(request->session, stats->amicale_id)) {
        request_problem(request, PROBLEM_NOT_FOUND);
    } else if (!fields_read_query(request, rules, 2, values)) {
        return;
    } else if (!days_range(values[0].text, values[1].text, today, &stats->days)) {
        days_refuse(request);
    } else {
        reader_ask(request, read_stats, answer_stats, stats);
    }
}

static enum outcome read_stats(struct mariadb *db,
                               struct arena *arena,
                               void *context,
                               struct fault *fault)
{
    struct stats *stats = context;
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(db,
                                       "SELECT 1 FROM amicales WHERE id = ?",
                                       SQL_VALUES(SQL_I64(stats->amicale_id)),
                                       arena,
                                       &rows,
                                       fault);
    stats->found = outcome == OUTCOME_DONE && rows.count > 0;
    if (!stats->found) {
        return outcome;
    }
    outcome = mariadb_run(
        db,
        "SELECT sale_day, payment_method, COUNT(*),"
        " CAST(SUM(IF(payment_method = 'card', amount_received, amount)) AS SIGNED),"
        " CAST(SUM(application_fee - application_fee_refunded) AS SIGNED),"
        " CAST(SUM(amount_refunded) AS SIGNED)"
        " FROM payment_intents WHERE amicale_id = ? AND sale_day BETWEEN ? AND ?"
        " AND status IN " SALES_PAID " GROUP BY sale_day, payment_method"
        " ORDER BY sale_day, payment_method",
        SQL_VALUES(SQL_I64(stats->amicale_id),
                   SQL_STRING(stats->days.from),
                   SQL_STRING(stats->days.to)),
        arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE) {
        stats->body = write_stats(stats, &rows, arena);
    }
    return outcome;
}

static struct span write_stats(const struct stats *stats,
                               const struct sql_rows *rows,
                               struct arena *arena)
{
    struct sums totals = {.fees = 0};
    struct text text;
    text_init(&text, STATS_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_integer(&json, "amicale_id", stats->amicale_id);
    json_put_string(&json, "from", span_of(stats->days.from));
    json_put_string(&json, "to", span_of(stats->days.to));
    json_open(&json, "days", '[');
    write_days(&json, rows, &totals);
    json_close(&json, ']');
    json_open(&json, "totals", '{');
    put_sums(&json, &totals);
    json_close(&json, '}');
    json_close(&json, '}');
    assert(!text.full);
    struct span body = arena_span(arena, text_span(&text));
    text_done(&text);
    return body;
}

/* The rows of a day follow each other. */
static void write_days(struct json_writer *json,
                       const struct sql_rows *rows,
                       struct sums *totals)
{
    for (size_t row = 0; row < rows->count;) {
        struct span day = sql_text(rows, row, STATS_DAY);
        struct sums sums = {.fees = 0};
        while (row < rows->count && span_equal(sql_text(rows, row, STATS_DAY), day)) {
            add_row(&sums, rows, row);
            add_row(totals, rows, row);
            row++;
        }
        json_open(json, NULL, '{');
        json_put_string(json, "date", day);
        put_sums(json, &sums);
        json_close(json, '}');
    }
}

static void add_row(struct sums *sums, const struct sql_rows *rows, size_t row)
{
    const struct part add = {sql_i64(rows, row, STATS_SALES),
                             sql_i64(rows, row, STATS_AMOUNT)};
    int method = 0;
    while (!span_is(sql_text(rows, row, STATS_METHOD), method_names[method])) {
        method++;
        assert(method < METHODS);
    }
    sums->parts[method].sales += add.sales;
    sums->parts[method].amount += add.amount;
    sums->all.sales += add.sales;
    sums->all.amount += add.amount;
    sums->fees += sql_i64(rows, row, STATS_FEES);
    sums->refunded += sql_i64(rows, row, STATS_REFUNDED);
}

static void put_sums(struct json_writer *json, const struct sums *sums)
{
    json_put_integer(json, "total_ventes", sums->all.sales);
    json_put_integer(json, "total_montant", sums->all.amount);
    json_put_integer(json, "total_commissions", sums->fees);
    json_put_integer(json, "total_rembourse", sums->refunded);
    json_put_integer(json, "total_net", sums->all.amount - sums->refunded - sums->fees);
    for (int method = 0; method < METHODS; method++) {
        json_open(json, method_names[method], '{');
        json_put_integer(json, "ventes", sums->parts[method].sales);
        json_put_integer(json, "montant", sums->parts[method].amount);
        json_close(json, '}');
    }
}

static void answer_stats(struct request *request,
                         void *context,
                         enum outcome outcome,
                         const struct fault *fault)
{
    const struct stats *stats = context;
    if (outcome != OUTCOME_DONE) {
        reader_failed(request, fault);
    } else if (!stats->found) {
        request_problem(request, PROBLEM_NOT_FOUND);
    } else {
        request_answer_json(request, 200, stats->body);
    }
}
