/* SPDX-License-Identifier: MIT
 * payment.refund: gives money back, all that is left or a part of it.
 *
 * The refund's row is written under the payment's lock before Stripe is asked, and counts
 * from then on against what is left: two who refund at once never give back more than was
 * received. The row of a refund that Stripe refuses is `failed`, and counts no more. */
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/payment_row.h"
#include "common/model/answer.h"
#include "common/model/money.h"
#include "worker/apply.h"
#include "worker/asks.h"
#include "worker/handlers.h"
#include "worker/payment_ask.h"
#include "worker/refund_send.h"

enum { ANSWER_BYTES = 32 * 1024 };

/* The columns that find_own reads. */
enum own_column { OWN_ID, OWN_STATUS, OWN_REFUND, OWN_PAYMENT, OWN_AMOUNT };

static void add_follow_ups(struct handled *handled, const struct handled *more);
static enum outcome bring_in_line(struct asked *asked,
                                  struct sql_rows *payment,
                                  struct answer *answer,
                                  struct handled *handled,
                                  struct fault *fault);
static bool is_paid(struct span status);
static enum outcome reserve(struct asked *asked,
                            int64_t payment_id,
                            int64_t *out_refund_id,
                            struct answer *answer,
                            struct fault *fault);
static enum outcome reserve_locked(struct asked *asked,
                                   int64_t payment_id,
                                   int64_t *out_refund_id,
                                   struct answer *answer,
                                   struct fault *fault);
static enum outcome find_own(struct asked *asked,
                             struct sql_rows *rows,
                             struct fault *fault);
static bool is_same_refund(const struct asked *asked,
                           int64_t payment_id,
                           const struct sql_rows *own);
static enum outcome rest_of(struct asked *asked,
                            const struct sql_rows *payment,
                            int64_t *out_rest_minor,
                            struct fault *fault);
static bool choose_amount(struct asked *asked,
                          const struct sql_rows *payment,
                          int64_t rest_minor,
                          int64_t *out_amount_minor,
                          struct answer *answer);
static enum outcome write_row(struct asked *asked,
                              const struct sql_rows *payment,
                              int64_t own_id,
                              int64_t amount_minor,
                              int64_t *out_refund_id,
                              struct fault *fault);
static enum outcome show(struct asked *asked,
                         int64_t payment_id,
                         int64_t refund_id,
                         struct answer *answer,
                         struct fault *fault);

enum outcome handle_payment_refund(struct asked *asked,
                                   struct answer *out_answer,
                                   struct handled *out_handled,
                                   struct fault *fault)
{
    struct sql_rows payment;
    struct stripe_answer stripe = {0};
    int64_t refund_id = 0;
    enum outcome outcome = payment_ask_find(asked, out_answer, &payment, fault);
    if (outcome == OUTCOME_DONE && payment.count > 0) {
        outcome = bring_in_line(asked, &payment, out_answer, out_handled, fault);
    }
    if (outcome != OUTCOME_DONE || payment.count == 0) {
        return outcome;
    }
    int64_t payment_id = sql_i64(&payment, 0, PAYMENT_ASK_ID);
    outcome = reserve(asked, payment_id, &refund_id, out_answer, fault);
    if (outcome != OUTCOME_DONE || refund_id == 0) {
        return outcome;
    }
    const struct handled before = *out_handled;
    outcome = refund_send(asked->handling, refund_id, &stripe, out_handled, fault);
    add_follow_ups(out_handled, &before);
    if (outcome == OUTCOME_NEVER && stripe.status > 0) {
        answer_refused_by_stripe(out_answer, &stripe, asked->handling->arena);
        return OUTCOME_DONE;
    }
    return outcome == OUTCOME_DONE ? show(asked, payment_id, refund_id, out_answer, fault)
                                   : outcome;
}

/* As many as fit: the payment's own events bring the rest. */
static void add_follow_ups(struct handled *handled, const struct handled *more)
{
    for (size_t i = 0;
         i < more->follow_up_count && handled->follow_up_count < HANDLED_FOLLOW_UPS;
         i++) {
        handled->follow_ups[handled->follow_up_count++] = more->follow_ups[i];
    }
}

/* A row that does not know yet that its payment succeeded asks Stripe; the event may be
 * on its way. `payment` is emptied when the answer is given. */
static enum outcome bring_in_line(struct asked *asked,
                                  struct sql_rows *payment,
                                  struct answer *answer,
                                  struct handled *handled,
                                  struct fault *fault)
{
    struct cJSON *intent = NULL;
    struct span status = sql_text(payment, 0, PAYMENT_ASK_STATUS);
    enum outcome outcome = OUTCOME_DONE;
    if (is_paid(status) && !sql_is_null(payment, 0, PAYMENT_ASK_INTENT)) {
        return OUTCOME_DONE;
    }
    if (sql_is_null(payment, 0, PAYMENT_ASK_INTENT) || span_is(status, "canceled")) {
        payment_ask_wrong_state(asked,
                                answer,
                                status,
                                sql_text(payment, 0, PAYMENT_ASK_METHOD));
        payment->count = 0;
        return OUTCOME_DONE;
    }
    outcome = payment_ask_retrieve(asked,
                                   sql_text(payment, 0, PAYMENT_ASK_INTENT),
                                   &intent,
                                   answer,
                                   fault);
    if (outcome != OUTCOME_DONE || !intent) {
        payment->count = 0;
        return outcome;
    }
    outcome = apply_payment(asked->handling, intent, handled, fault);
    json_free(intent);
    return outcome;
}

static bool is_paid(struct span status)
{
    return span_is(status, "succeeded") || span_is(status, "partially_refunded") ||
           span_is(status, "refunded");
}

/* *out_refund_id stays 0 when the answer says why there is none. */
static enum outcome reserve(struct asked *asked,
                            int64_t payment_id,
                            int64_t *out_refund_id,
                            struct answer *answer,
                            struct fault *fault)
{
    struct mariadb *db = asked->handling->db;
    enum outcome outcome = mariadb_begin(db, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = reserve_locked(asked, payment_id, out_refund_id, answer, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(db);
    }
    return outcome;
}

static enum outcome reserve_locked(struct asked *asked,
                                   int64_t payment_id,
                                   int64_t *out_refund_id,
                                   struct answer *answer,
                                   struct fault *fault)
{
    struct sql_rows payment;
    struct sql_rows own;
    int64_t rest_minor = 0;
    int64_t amount_minor = 0;
    enum outcome outcome = payment_ask_lock(asked, payment_id, &payment, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = find_own(asked, &own, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (own.count > 0 && !is_same_refund(asked, payment_id, &own)) {
        answer_refuse(answer, PROBLEM_IDEMPOTENCY_MISMATCH, SPAN(""));
        return OUTCOME_DONE;
    }
    /* One that this job has begun goes on; one that Stripe refused begins anew. */
    int64_t own_id = own.count > 0 ? sql_i64(&own, 0, OWN_ID) : 0;
    if (own_id != 0 && (!span_is(sql_text(&own, 0, OWN_STATUS), "failed") ||
                        !sql_is_null(&own, 0, OWN_REFUND))) {
        *out_refund_id = own_id;
        return OUTCOME_DONE;
    }
    outcome = rest_of(asked, &payment, &rest_minor, fault);
    if (outcome != OUTCOME_DONE ||
        !choose_amount(asked, &payment, rest_minor, &amount_minor, answer)) {
        return outcome;
    }
    return write_row(asked, &payment, own_id, amount_minor, out_refund_id, fault);
}

static enum outcome find_own(struct asked *asked,
                             struct sql_rows *rows,
                             struct fault *fault)
{
    struct handling *handling = asked->handling;
    return mariadb_run(handling->db,
                       "SELECT id, status, stripe_refund_id, payment_id, amount"
                       " FROM refunds WHERE job_id = ?",
                       SQL_VALUES(SQL_SPAN(handling->job->id)),
                       handling->arena,
                       rows,
                       fault);
}

/* A key that comes again after its answer was forgotten finds its job's row: with another
 * wish it is a key used twice. */
static bool is_same_refund(const struct asked *asked,
                           int64_t payment_id,
                           const struct sql_rows *own)
{
    int64_t amount_minor = 0;
    bool named = json_integer(asked->body, "amount", &amount_minor);
    return sql_i64(own, 0, OWN_PAYMENT) == payment_id &&
           (!named || sql_i64(own, 0, OWN_AMOUNT) == amount_minor);
}

/* What was received, less what went back and what is on its way back. More may have gone
 * back in Stripe's dashboard than our own refunds on their way leave. */
static enum outcome rest_of(struct asked *asked,
                            const struct sql_rows *payment,
                            int64_t *out_rest_minor,
                            struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(asked->handling->db,
                    "SELECT CAST(COALESCE(SUM(amount), 0) AS SIGNED) FROM refunds"
                    " WHERE payment_id = ? AND NOT is_release"
                    " AND status IN ('new', 'pending', 'requires_action', 'succeeded')",
                    SQL_VALUES(SQL_I64(sql_i64(payment, 0, PAYMENT_ASK_ID))),
                    asked->handling->arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE &&
        !money_net_minor(sql_i64(payment, 0, PAYMENT_ASK_RECEIVED),
                         sql_i64(&rows, 0, 0),
                         0,
                         out_rest_minor)) {
        return fault_set(fault, OUTCOME_NEVER, "refund", 0, "the refunds do not add up");
    }
    if (*out_rest_minor < 0) {
        *out_rest_minor = 0;
    }
    return outcome;
}

/* Without an amount it is all that is left, however little. */
static bool choose_amount(struct asked *asked,
                          const struct sql_rows *payment,
                          int64_t rest_minor,
                          int64_t *out_amount_minor,
                          struct answer *answer)
{
    struct span status = sql_text(payment, 0, PAYMENT_ASK_STATUS);
    int64_t amount_minor = 0;
    bool named = json_integer(asked->body, "amount", &amount_minor);
    if (!is_paid(status) || span_is(status, "refunded") || (!named && rest_minor <= 0)) {
        payment_ask_wrong_state(asked,
                                answer,
                                status,
                                sql_text(payment, 0, PAYMENT_ASK_METHOD));
        return false;
    }
    if (!named) {
        amount_minor = rest_minor;
    }
    if (amount_minor > rest_minor) {
        answer_refuse_field(answer, SPAN("amount"), FIELD_ABOVE_REST);
        answer->about = span_of(arena_format(asked->handling->arena,
                                             "{\"rest\":%lld}",
                                             (long long)rest_minor));
        return false;
    }
    if (named && amount_minor < MONEY_LEAST_MINOR) {
        answer_refuse_field(answer, SPAN("amount"), FIELD_TOO_SMALL);
        return false;
    }
    *out_amount_minor = amount_minor;
    return true;
}

static enum outcome write_row(struct asked *asked,
                              const struct sql_rows *payment,
                              int64_t own_id,
                              int64_t amount_minor,
                              int64_t *out_refund_id,
                              struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    struct span reason = json_string(asked->body, "reason");
    enum outcome outcome =
        own_id != 0
            ? mariadb_run(handling->db,
                          "UPDATE refunds SET status = 'new', amount = ?,"
                          " failure_reason = NULL WHERE id = ?",
                          SQL_VALUES(SQL_I64(amount_minor), SQL_I64(own_id)),
                          handling->arena,
                          &rows,
                          fault)
            : mariadb_run(handling->db,
                          "INSERT INTO refunds (payment_id, amount, currency, status,"
                          " reason, requested_by, job_id, livemode)"
                          " VALUES (?, ?, ?, 'new', ?, ?, ?, ?)",
                          SQL_VALUES(SQL_I64(sql_i64(payment, 0, PAYMENT_ASK_ID)),
                                     SQL_I64(amount_minor),
                                     SQL_SPAN(sql_text(payment, 0, PAYMENT_ASK_CURRENCY)),
                                     reason.len > 0 ? SQL_SPAN(reason)
                                                    : SQL_STRING("requested_by_customer"),
                                     SQL_I64(asked->ask.user_id),
                                     SQL_SPAN(handling->job->id),
                                     SQL_I64(handling->settings->stripe.livemode)),
                          handling->arena,
                          &rows,
                          fault);
    if (outcome == OUTCOME_DONE) {
        *out_refund_id = own_id != 0 ? own_id : rows.insert_id;
    }
    return outcome;
}

static enum outcome show(struct asked *asked,
                         int64_t payment_id,
                         int64_t refund_id,
                         struct answer *answer,
                         struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    struct text body;
    enum outcome outcome = payment_ask_show(asked, payment_id, answer, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(handling->db,
                              "SELECT " REFUND_ROW_COLUMNS " FROM refunds WHERE id = ?",
                              SQL_VALUES(SQL_I64(refund_id)),
                              handling->arena,
                              &rows,
                              fault);
    }
    if (outcome == OUTCOME_DONE && rows.count != 1) {
        outcome =
            fault_set(fault, OUTCOME_LATER, "refund", 0, "the refund's row is gone");
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    text_init(&body, ANSWER_BYTES);
    struct json_writer json = json_writer(&body);
    json_open(&json, NULL, '{');
    json_open(&json, "refund", '{');
    refund_row_put(&json, &rows, 0);
    json_close(&json, '}');
    json_put_raw(&json, "payment", answer->body);
    json_close(&json, '}');
    answer_say(answer, 200, arena_span(handling->arena, text_span(&body)));
    text_done(&body);
    return OUTCOME_DONE;
}
