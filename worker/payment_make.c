/* SPDX-License-Identifier: MIT
 * Makes the row of a payment that an event tells of, and finds out whose it is. */
#include "worker/payment.h"

#include "common/base/clock.h"
#include "common/base/json.h"
#include "worker/events.h"
#include "worker/handlers.h"

enum { LOCAL_ID_BYTES = 64 };

/* Whose payment it is, as far as its metadata and our tables agree. */
struct owner {
    int64_t amicale_id; /* 0: none */
    int64_t pompier_id; /* 0: none */
    struct span local_id;
    const char *doubt; /* why it is not attributed; NULL when it is */
};

static enum outcome find_owner(struct event_work *work,
                               const struct cJSON *object,
                               struct owner *owner,
                               struct fault *fault);
static enum outcome find_local_id(struct event_work *work,
                                  const struct cJSON *object,
                                  struct owner *owner,
                                  struct fault *fault);
static int64_t metadata_id(const struct cJSON *object, const char *path);

/* The row that we wrote before asking Stripe, when this event outran Stripe's answer: the
 * metadata names it, and nobody gave it a PaymentIntent yet. */
enum outcome payment_adopt(struct event_work *work,
                           struct span id,
                           const struct cJSON *object,
                           const struct sql_value *facts,
                           bool *out_adopted,
                           struct fault *fault)
{
    int64_t payment_id = metadata_id(object, "metadata.payment_id");
    if (payment_id == 0) {
        return OUTCOME_DONE;
    }
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(work->handling->db,
                    "UPDATE payment_intents SET stripe_payment_intent_id = ?"
                    " WHERE id = ? AND stripe_payment_intent_id IS NULL"
                    " AND payment_method = 'card' AND amount = ? AND currency = ?",
                    SQL_VALUES(SQL_SPAN(id), SQL_I64(payment_id), facts[1], facts[2]),
                    work->handling->arena,
                    &rows,
                    fault);
    *out_adopted = outcome == OUTCOME_DONE && rows.affected == 1;
    return outcome;
}

enum outcome payment_make(struct event_work *work,
                          struct span id,
                          const struct cJSON *object,
                          const struct sql_value *facts,
                          bool *out_made,
                          struct fault *fault)
{
    struct arena *arena = work->handling->arena;
    struct owner owner = {0};
    enum outcome outcome = find_owner(work, object, &owner, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = find_local_id(work, object, &owner, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    int64_t sold_ms = event_moment_ms(object, "created");
    sold_ms = sold_ms ? sold_ms : work->received_ms;
    char day[11];
    clock_paris_day(sold_ms, day);
    struct sql_value values[PAYMENT_FACTS + 8];
    for (size_t i = 0; i < PAYMENT_FACTS; i++) {
        values[i] = facts[i];
    }
    size_t count = PAYMENT_FACTS;
    values[count++] = SQL_SPAN(id);
    mirror_first_event(work, id, values + count);
    count += 2;
    values[count++] = owner.amicale_id ? SQL_I64(owner.amicale_id) : SQL_NOTHING;
    values[count++] = owner.pompier_id ? SQL_I64(owner.pompier_id) : SQL_NOTHING;
    values[count++] = sql_optional(owner.local_id);
    values[count++] = sql_moment(arena, sold_ms);
    values[count++] = SQL_STRING(day);
    struct sql_rows rows;
    outcome = mariadb_run(
        work->handling->db,
        "INSERT INTO payment_intents (status, " PAYMENT_FACT_COLUMNS ","
        " stripe_payment_intent_id, last_event_id, last_event_created, amicale_id,"
        " pompier_id, local_id, sold_at, sale_day) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON DUPLICATE KEY UPDATE revision = revision",
        values,
        count,
        arena,
        &rows,
        fault);
    if (outcome != OUTCOME_DONE || rows.affected != 1) {
        return outcome;
    }
    *out_made = true;
    work->amicale_id = owner.amicale_id;
    if (!owner.doubt) {
        return OUTCOME_DONE;
    }
    return event_finding(work,
                         "unattributed",
                         id,
                         facts[1].integer,
                         facts[2].text,
                         owner.doubt,
                         fault);
}

static enum outcome find_owner(struct event_work *work,
                               const struct cJSON *object,
                               struct owner *owner,
                               struct fault *fault)
{
    int64_t amicale_id = metadata_id(object, "metadata.amicale_id");
    int64_t pompier_id = metadata_id(object, "metadata.pompier_id");
    if (amicale_id == 0) {
        owner->doubt = "it names no amicale";
        return OUTCOME_DONE;
    }
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(work->handling->db,
                    "SELECT amicales.id, users.id FROM amicales"
                    " LEFT JOIN users ON users.id = ? AND users.amicale_id = amicales.id"
                    " WHERE amicales.id = ?",
                    SQL_VALUES(SQL_I64(pompier_id), SQL_I64(amicale_id)),
                    work->handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count == 0) {
        owner->doubt = "nobody knows the amicale that it names";
        return OUTCOME_DONE;
    }
    owner->amicale_id = amicale_id;
    owner->pompier_id = sql_i64(&rows, 0, 1);
    if (owner->pompier_id == 0) {
        owner->doubt =
            pompier_id == 0 ? "it names no pompier" : "the amicale has no such pompier";
    } else if (metadata_id(object, "metadata.payment_id") != 0) {
        owner->doubt = "the payment that it names has another one, or is none";
    }
    return OUTCOME_DONE;
}

/* A sale has one row: when the pompier's local_id is taken, this payment is another one.
 */
static enum outcome find_local_id(struct event_work *work,
                                  const struct cJSON *object,
                                  struct owner *owner,
                                  struct fault *fault)
{
    struct span local_id = json_string(object, "metadata.local_id");
    if (owner->pompier_id == 0 || local_id.len == 0 || local_id.len > LOCAL_ID_BYTES) {
        return OUTCOME_DONE;
    }
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        work->handling->db,
        "SELECT id FROM payment_intents WHERE pompier_id = ? AND local_id = ? FOR UPDATE",
        SQL_VALUES(SQL_I64(owner->pompier_id), SQL_SPAN(local_id)),
        work->handling->arena,
        &rows,
        fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count == 0) {
        owner->local_id = local_id;
    } else {
        owner->doubt = "another payment has its local_id";
    }
    return OUTCOME_DONE;
}

/* A decimal number without sign, as metadata carries our ids; 0 when it is none. */
static int64_t metadata_id(const struct cJSON *object, const char *path)
{
    int64_t id = 0;
    bool there = span_to_i64(json_string(object, path), &id);
    return there && id > 0 ? id : 0;
}
