/* SPDX-License-Identifier: MIT
 * payment.void: a cash or cheque sale that was a mistake. The row stays, marked, and
 * counts no more. A receipt that waits to be sent is not sent any more; one that was sent
 * stays what it is, and the books show that its sale was voided. */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "worker/asks.h"
#include "worker/handlers.h"
#include "worker/payment_ask.h"

static enum outcome void_locked(struct asked *asked,
                                int64_t payment_id,
                                bool *out_voided,
                                struct answer *answer,
                                struct fault *fault);
static bool is_same_wish(const struct asked *asked, const struct sql_rows *rows);

enum outcome handle_payment_void(struct asked *asked,
                                 struct answer *out_answer,
                                 struct handled *out_handled,
                                 struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct mariadb *db = asked->handling->db;
    struct sql_rows rows;
    bool voided = false;
    enum outcome outcome = payment_ask_find(asked, out_answer, &rows, fault);
    if (outcome != OUTCOME_DONE || rows.count == 0) {
        return outcome;
    }
    int64_t id = sql_i64(&rows, 0, PAYMENT_ASK_ID);
    if (asked->ask.role == ROLE_POMPIER &&
        sql_i64(&rows, 0, PAYMENT_ASK_POMPIER) != asked->ask.user_id) {
        answer_refuse(out_answer, PROBLEM_ROLE_NOT_ALLOWED, SPAN(""));
        return OUTCOME_DONE;
    }
    outcome = mariadb_begin(db, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = void_locked(asked, id, &voided, out_answer, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(db);
        return outcome;
    }
    return voided ? payment_ask_show(asked, id, out_answer, fault) : OUTCOME_DONE;
}

static enum outcome void_locked(struct asked *asked,
                                int64_t payment_id,
                                bool *out_voided,
                                struct answer *answer,
                                struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    enum outcome outcome = payment_ask_lock(asked, payment_id, &rows, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct span status = sql_text(&rows, 0, PAYMENT_ASK_STATUS);
    if (is_same_wish(asked, &rows)) {
        *out_voided = true;
        return OUTCOME_DONE;
    }
    if (span_is(sql_text(&rows, 0, PAYMENT_ASK_METHOD), "card") ||
        !span_is(status, "succeeded")) {
        payment_ask_wrong_state(asked,
                                answer,
                                status,
                                sql_text(&rows, 0, PAYMENT_ASK_METHOD));
        return OUTCOME_DONE;
    }
    *out_voided = true;
    return mariadb_run(
        handling->db,
        "UPDATE payment_intents SET status = 'voided', voided_at = ?,"
        " voided_by = ?, void_reason = ? WHERE id = ?",
        SQL_VALUES(sql_moment(handling->arena, clock_wall_ms(handling->clock)),
                   SQL_I64(asked->ask.user_id),
                   SQL_SPAN(json_string(asked->body, "reason")),
                   SQL_I64(payment_id)),
        handling->arena,
        NULL,
        fault);
}

/* It was voided already, by the same person for the same reason: this job's earlier
 * attempt, or a request that was sent twice. */
static bool is_same_wish(const struct asked *asked, const struct sql_rows *rows)
{
    return span_is(sql_text(rows, 0, PAYMENT_ASK_STATUS), "voided") &&
           sql_i64(rows, 0, PAYMENT_ASK_VOIDED_BY) == asked->ask.user_id &&
           span_equal(sql_text(rows, 0, PAYMENT_ASK_VOID_REASON),
                      json_string(asked->body, "reason"));
}
