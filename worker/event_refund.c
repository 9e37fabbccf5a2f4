/* SPDX-License-Identifier: MIT
 * refund.*: the rows of refunds. The payment's status follows from them. */
#include "common/base/json.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/mirror.h"
#include "worker/payment.h"
#include "worker/refund.h"

enum { FACTS = 8, REFUND_PAYMENT = MIRROR_FIRST_FACT + FACTS };

static enum outcome find_payment(struct event_work *work,
                                 const struct cJSON *named,
                                 struct mirror_row *payment,
                                 struct fault *fault);
static enum outcome find_by_charge(struct event_work *work,
                                   struct span charge,
                                   struct span *out_payment_intent,
                                   struct fault *fault);
static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault);
static enum outcome adopt_refund(struct event_work *work,
                                 struct span id,
                                 const struct cJSON *object,
                                 const struct sql_value *facts,
                                 bool *out_adopted,
                                 struct fault *fault);
static enum outcome link_payment(struct event_work *work,
                                 struct span id,
                                 const struct mirror_row *refund,
                                 const struct mirror_row *payment,
                                 struct fault *fault);
static enum outcome find_release(struct event_work *work,
                                 const struct mirror_row *payment,
                                 struct fault *fault);

#define FACT_COLUMNS                                                                     \
    "status, amount, currency, reason, failure_reason, stripe_charge_id, livemode,"      \
    " stripe_created"

static const struct mirror refund_mirror = {
    .collection = "/v1/refunds",
    .has_states = true,
    .states = MONEY_REFUND,
    .fact_count = FACTS,
    .select = "SELECT id, revision, last_event_id, last_event_created, " FACT_COLUMNS
              ", payment_id FROM refunds WHERE stripe_refund_id = ? FOR UPDATE",
    .update = "UPDATE refunds SET revision = revision + 1, last_event_id = ?,"
              " last_event_created = ?, status = ?, amount = ?, currency = ?, reason = ?,"
              " failure_reason = ?, stripe_charge_id = ?, livemode = ?,"
              " stripe_created = ? WHERE id = ?",
    .touch = "UPDATE refunds SET revision = revision + 1, last_event_id = ?,"
             " last_event_created = ? WHERE id = ?",
    .insert = "INSERT INTO refunds (" FACT_COLUMNS ", stripe_refund_id, last_event_id,"
              " last_event_created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
              " ON DUPLICATE KEY UPDATE revision = revision",
    .facts = read_facts,
    .adopt = adopt_refund,
};

enum outcome event_refund_apply(struct event_work *work, struct fault *fault)
{
    return refund_take(work, work->event.object_id, work->named, work->told, fault);
}

enum outcome refund_take(struct event_work *work,
                         struct span id,
                         const struct cJSON *named,
                         const struct cJSON *told,
                         struct fault *fault)
{
    struct mirror_row payment;
    enum outcome outcome = find_payment(work, named, &payment, fault);
    if (outcome != OUTCOME_DONE || work->wanted.path) {
        return outcome;
    }
    const struct mirror_row *of = payment.id != 0 ? &payment : NULL;
    outcome = refund_apply(work, id, told, false, of, fault);
    if (outcome != OUTCOME_DONE || work->wanted.path || !of) {
        return outcome;
    }
    return refund_settle_payment(work, of, fault);
}

/* By the refund's PaymentIntent, else by its charge; none when both are strangers. */
static enum outcome find_payment(struct event_work *work,
                                 const struct cJSON *named,
                                 struct mirror_row *payment,
                                 struct fault *fault)
{
    *payment = (struct mirror_row){0};
    struct span id = event_id_at(named, "payment_intent");
    struct span charge = event_id_at(named, "charge");
    if (id.len == 0 && charge.len > 0) {
        enum outcome outcome = find_by_charge(work, charge, &id, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    return id.len > 0 ? payment_ensure(work, id, payment, fault) : OUTCOME_DONE;
}

static enum outcome find_by_charge(struct event_work *work,
                                   struct span charge,
                                   struct span *out_payment_intent,
                                   struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        work->handling->db,
        "SELECT stripe_payment_intent_id FROM payment_intents"
        " WHERE stripe_charge_id = ? AND stripe_payment_intent_id IS NOT NULL",
        SQL_VALUES(SQL_SPAN(charge)),
        work->handling->arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE && rows.count > 0) {
        *out_payment_intent = sql_text(&rows, 0, 0);
    }
    return outcome;
}

enum outcome refund_apply(struct event_work *work,
                          struct span id,
                          const struct cJSON *object,
                          bool retrieved,
                          const struct mirror_row *payment,
                          struct fault *fault)
{
    struct mirror_row row;
    enum outcome outcome =
        retrieved ? mirror_apply_retrieved(work, &refund_mirror, id, object, &row, fault)
                  : mirror_apply(work, &refund_mirror, id, object, &row, fault);
    if (outcome != OUTCOME_DONE || work->wanted.path || row.id == 0) {
        return outcome;
    }
    outcome = link_payment(work, id, &row, payment, fault);
    if (outcome != OUTCOME_DONE || !row.changed ||
        !span_is(json_string(row.object, "status"), "failed")) {
        return outcome;
    }
    int64_t amount = 0;
    outcome = event_must_integer(row.object, "amount", &amount, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    return event_finding(work,
                         "refund_failed",
                         id,
                         amount,
                         json_string(row.object, "currency"),
                         "the money did not reach the buyer",
                         fault);
}

static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault)
{
    enum outcome outcome = event_must_money(object, facts, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    size_t i = EVENT_MONEY_FACTS;
    facts[i++] = sql_optional(event_cut(json_string(object, "reason"), 64));
    facts[i++] = sql_optional(event_cut(json_string(object, "failure_reason"), 64));
    facts[i++] = sql_optional(event_id_at(object, "charge"));
    facts[i++] = SQL_I64(work->event.livemode);
    facts[i++] = sql_moment(work->handling->arena, event_moment_ms(object, "created"));
    return OUTCOME_DONE;
}

/* A refund of ours has a row before Stripe is asked: its metadata names it. A row that
 * was taken for refused (`failed`, and without a refund) was not. */
static enum outcome adopt_refund(struct event_work *work,
                                 struct span id,
                                 const struct cJSON *object,
                                 const struct sql_value *facts,
                                 bool *out_adopted,
                                 struct fault *fault)
{
    struct arena *arena = work->handling->arena;
    struct sql_rows rows;
    int64_t refund_id = 0;
    bool named = span_to_i64(json_string(object, "metadata.refund_id"), &refund_id);
    if (named) {
        enum outcome outcome =
            mariadb_run(work->handling->db,
                        "UPDATE refunds SET stripe_refund_id = ?, status = 'new'"
                        " WHERE id = ? AND stripe_refund_id IS NULL AND amount = ?"
                        " AND currency = ? AND payment_id = (SELECT id FROM"
                        " payment_intents WHERE stripe_payment_intent_id = ?)",
                        SQL_VALUES(SQL_SPAN(id),
                                   SQL_I64(refund_id),
                                   facts[1],
                                   facts[2],
                                   SQL_SPAN(event_id_at(object, "payment_intent"))),
                        arena,
                        &rows,
                        fault);
        *out_adopted = outcome == OUTCOME_DONE && rows.affected == 1;
        return outcome;
    }
    return OUTCOME_DONE;
}

static enum outcome link_payment(struct event_work *work,
                                 struct span id,
                                 const struct mirror_row *refund,
                                 const struct mirror_row *payment,
                                 struct fault *fault)
{
    if (!sql_is_null(&refund->rows, 0, REFUND_PAYMENT)) {
        return OUTCOME_DONE;
    }
    if (!payment) {
        return event_finding(work,
                             "unattributed",
                             id,
                             sql_i64(&refund->rows, 0, MIRROR_FIRST_FACT + 1),
                             sql_text(&refund->rows, 0, MIRROR_FIRST_FACT + 2),
                             "a refund of a payment that has no row",
                             fault);
    }
    return mariadb_run(work->handling->db,
                       "UPDATE refunds SET payment_id = ? WHERE id = ?",
                       SQL_VALUES(SQL_I64(payment->id), SQL_I64(refund->id)),
                       work->handling->arena,
                       NULL,
                       fault);
}

/* In one statement, from the rows as they are: assignments go from left to right, so the
 * status sees the new sum. A payment that did not succeed (yet) keeps its status, and has
 * given nothing back: there was nothing to give, or it is not known what was taken. */
enum outcome refund_settle_payment(struct event_work *work,
                                   const struct mirror_row *payment,
                                   struct fault *fault)
{
    enum outcome outcome = find_release(work, payment, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    return mariadb_run(
        work->handling->db,
        "UPDATE payment_intents SET amount_refunded = IF(status IN " PAYMENT_PAID ","
        " (SELECT COALESCE(SUM(amount), 0) FROM refunds WHERE payment_id = ?"
        " AND status = 'succeeded' AND NOT is_release), 0),"
        " status = CASE"
        " WHEN status NOT IN " PAYMENT_PAID " THEN status"
        " WHEN amount_refunded = 0 THEN 'succeeded'"
        " WHEN amount_refunded >= amount_received THEN 'refunded'"
        " ELSE 'partially_refunded' END WHERE id = ?",
        SQL_VALUES(SQL_I64(payment->id), SQL_I64(payment->id)),
        work->handling->arena,
        NULL,
        fault);
}

/* The refund that stands for what was authorised and not taken. Stripe does not mark it:
 * it is the first one of that amount that nobody asked for through us. Which one that is
 * may change with each refund that becomes known. */
static enum outcome find_release(struct event_work *work,
                                 const struct mirror_row *payment,
                                 struct fault *fault)
{
    return mariadb_run(
        work->handling->db,
        "UPDATE refunds SET is_release = id <=> (SELECT oldest.id FROM payment_intents"
        " JOIN refunds AS oldest ON oldest.payment_id = payment_intents.id"
        " AND oldest.amount = payment_intents.amount - amount_received"
        " WHERE payment_intents.id = ?"
        " AND (payment_intents.status = 'canceled'"
        " OR payment_intents.status IN " PAYMENT_PAID ")"
        " AND oldest.amount > 0 AND oldest.status = 'succeeded'"
        " AND oldest.job_id IS NULL AND oldest.requested_by IS NULL"
        " ORDER BY oldest.stripe_created, oldest.stripe_refund_id LIMIT 1)"
        " WHERE payment_id = ?",
        SQL_VALUES(SQL_I64(payment->id), SQL_I64(payment->id)),
        work->handling->arena,
        NULL,
        fault);
}
