/* SPDX-License-Identifier: MIT
 * One payment as its row says, with its refunds. */
#include <assert.h>

#include "api/problem.h"
#include "api/reader.h"
#include "api/request.h"
#include "api/sales.h"
#include "api/session.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/payment_row.h"

enum { STATUS_BYTES = 512 * 1024 };

struct status {
    const struct session *session;
    struct span name; /* pi_..., or our row's id */
    bool found;
    struct span body;
};

static enum outcome read_status(struct mariadb *db,
                                struct arena *arena,
                                void *context,
                                struct fault *fault);
static enum outcome find_payment(struct mariadb *db,
                                 struct arena *arena,
                                 struct status *status,
                                 struct sql_rows *out_payment,
                                 struct fault *fault);
static struct span write_status(const struct sql_rows *payment,
                                const struct sql_rows *refunds,
                                struct arena *arena);
static void answer_status(struct request *request,
                          void *context,
                          enum outcome outcome,
                          const struct fault *fault);

void sales_payment(struct request *request)
{
    struct status *status = ARENA_NEW(&request->arena, struct status);
    status->session = request->session;
    status->name = arena_span(&request->arena, request->params[0]);
    reader_ask(request, read_status, answer_status, status);
}

static enum outcome read_status(struct mariadb *db,
                                struct arena *arena,
                                void *context,
                                struct fault *fault)
{
    struct status *status = context;
    struct sql_rows payment;
    struct sql_rows refunds;
    enum outcome outcome = find_payment(db, arena, status, &payment, fault);
    if (outcome != OUTCOME_DONE || !status->found) {
        return outcome;
    }
    outcome =
        mariadb_run(db,
                    "SELECT " REFUND_ROW_COLUMNS " FROM refunds"
                    " WHERE payment_id = ? AND NOT is_release ORDER BY id LIMIT 1000",
                    SQL_VALUES(SQL_I64(sql_i64(&payment, 0, PAYMENT_ROW_ID))),
                    arena,
                    &refunds,
                    fault);
    if (outcome == OUTCOME_DONE) {
        status->body = write_status(&payment, &refunds, arena);
    }
    return outcome;
}

/* One that belongs to nobody (a payment that Tocsin did not make) is the operators'. */
static enum outcome find_payment(struct mariadb *db,
                                 struct arena *arena,
                                 struct status *status,
                                 struct sql_rows *out_payment,
                                 struct fault *fault)
{
    int64_t id = 0;
    bool is_row = span_to_i64(status->name, &id);
    enum outcome outcome =
        is_row ? mariadb_run(db,
                             "SELECT " PAYMENT_ROW_COLUMNS
                             " FROM payment_intents WHERE id = ?",
                             SQL_VALUES(SQL_I64(id)),
                             arena,
                             out_payment,
                             fault)
               : mariadb_run(db,
                             "SELECT " PAYMENT_ROW_COLUMNS
                             " FROM payment_intents WHERE stripe_payment_intent_id = ?",
                             SQL_VALUES(SQL_SPAN(status->name)),
                             arena,
                             out_payment,
                             fault);
    status->found =
        outcome == OUTCOME_DONE && out_payment->count > 0 &&
        session_may_see(status->session, sql_i64(out_payment, 0, PAYMENT_ROW_AMICALE));
    return outcome;
}

static struct span write_status(const struct sql_rows *payment,
                                const struct sql_rows *refunds,
                                struct arena *arena)
{
    struct text text;
    text_init(&text, STATUS_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    payment_row_put(&json, payment, 0);
    json_open(&json, "refunds", '[');
    for (size_t i = 0; i < refunds->count; i++) {
        json_open(&json, NULL, '{');
        refund_row_put(&json, refunds, i);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    assert(!text.full);
    struct span body = arena_span(arena, text_span(&text));
    text_done(&text);
    return body;
}

static void answer_status(struct request *request,
                          void *context,
                          enum outcome outcome,
                          const struct fault *fault)
{
    const struct status *status = context;
    if (outcome != OUTCOME_DONE) {
        reader_failed(request, fault);
    } else if (!status->found) {
        request_problem(request, PROBLEM_NOT_FOUND);
    } else {
        request_answer_json(request, 200, status->body);
    }
}
