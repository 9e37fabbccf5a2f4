/* SPDX-License-Identifier: MIT
 * payment_intent.*: the row of a payment, whose it is, and the receipt that follows.
 *
 * The buyer's address is the one that our own row holds (the seller typed it), else the
 * metadata's `receipt_email`. Stripe's own receipt_email is not used: Stripe sends a
 * receipt to that address by itself, and the buyer would get two. */
#include "common/base/json.h"
#include "common/base/seal.h"
#include "common/model/payment_state.h"
#include "common/model/pii.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/payment.h"
#include "worker/refund.h"

enum { METADATA_BYTES = 32 * 1024 };
enum { CODE_BYTES = 100, MESSAGE_BYTES = 500 };

static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault);
static struct span kept_metadata(const struct cJSON *object, struct arena *arena);
static void note_owner(struct event_work *work,
                       struct span payment_intent,
                       const struct mirror_row *row);
static enum outcome add_details(struct event_work *work,
                                const struct mirror_row *row,
                                struct fault *fault);
static struct span sealed_address(struct event_work *work, const struct cJSON *object);

/* The shown status of a payment that was refunded stands for `succeeded`. */
const struct mirror payment_mirror = {
    .collection = "/v1/payment_intents",
    .has_states = true,
    .states = MONEY_PAYMENT,
    .fact_count = PAYMENT_FACTS,
    .select = "SELECT id, revision, last_event_id, last_event_created,"
              " IF(status IN ('refunded', 'partially_refunded'), 'succeeded', status)," //
              " " PAYMENT_FACT_COLUMNS ","
              " amicale_id, pompier_id, stripe_charge_id, succeeded_at,"
              " receipt_email_encrypted IS NOT NULL"
              " FROM payment_intents WHERE stripe_payment_intent_id = ? FOR UPDATE",
    .update = "UPDATE payment_intents SET revision = revision + 1, last_event_id = ?,"
              " last_event_created = ?, status = ?, amount = ?, currency = ?,"
              " application_fee = ?, amount_received = ?, amount_capturable = ?,"
              " capture_method = ?, destination_account_id = ?, last_error_code = ?,"
              " last_error_decline_code = ?, last_error_message = ?, metadata = ?,"
              " livemode = ?, stripe_created = ?, canceled_at = ? WHERE id = ?",
    .touch = "UPDATE payment_intents SET revision = revision + 1, last_event_id = ?,"
             " last_event_created = ? WHERE id = ?",
    .facts = read_facts,
    .adopt = payment_adopt,
    .make = payment_make,
};

enum outcome event_payment_apply(struct event_work *work, struct fault *fault)
{
    return payment_apply(work, work->event.object_id, work->told, fault);
}

enum outcome payment_apply(struct event_work *work,
                           struct span id,
                           const struct cJSON *told,
                           struct fault *fault)
{
    struct mirror_row row;
    enum outcome outcome = mirror_apply(work, &payment_mirror, id, told, &row, fault);
    if (outcome != OUTCOME_DONE || work->wanted.path || row.id == 0) {
        return outcome;
    }
    note_owner(work, id, &row);
    outcome = row.object ? add_details(work, &row, fault) : OUTCOME_DONE;
    struct span status = json_string(row.object, "status");
    work->unpaid = row.object && !span_is(status, "succeeded");
    /* The refunds may have come before it was known what was received. While the payment
     * is open none of them counts. */
    return outcome == OUTCOME_DONE && row.changed && !row.made &&
                   state_is_final(MONEY_PAYMENT, status)
               ? refund_settle_payment(work, &row, fault)
               : outcome;
}

enum outcome payment_ensure(struct event_work *work,
                            struct span payment_intent,
                            struct mirror_row *out_row,
                            struct fault *fault)
{
    enum outcome outcome =
        mirror_ensure(work, &payment_mirror, payment_intent, out_row, fault);
    if (outcome != OUTCOME_DONE || work->wanted.path || out_row->id == 0) {
        return outcome;
    }
    note_owner(work, payment_intent, out_row);
    return out_row->made ? add_details(work, out_row, fault) : OUTCOME_DONE;
}

static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault)
{
    struct arena *arena = work->handling->arena;
    enum outcome outcome = event_must_money(object, facts, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    int64_t fee = 0, received = 0, capturable = 0;
    bool has_fee = json_integer(object, "application_fee_amount", &fee);
    bool has_received = json_integer(object, "amount_received", &received);
    bool has_capturable = json_integer(object, "amount_capturable", &capturable);
    const struct cJSON *failure = json_at(object, "last_payment_error");
    const struct sql_value values[PAYMENT_FACTS] = {
        facts[0],
        facts[1],
        facts[2],
        SQL_I64(has_fee ? fee : 0),
        SQL_I64(has_received ? received : 0),
        SQL_I64(has_capturable ? capturable : 0),
        span_is(json_string(object, "capture_method"), "manual")
            ? SQL_STRING("manual")
            : SQL_STRING("automatic"),
        sql_optional(event_id_at(object, "transfer_data.destination")),
        sql_optional(event_cut(json_string(failure, "code"), CODE_BYTES)),
        sql_optional(event_cut(json_string(failure, "decline_code"), CODE_BYTES)),
        sql_optional(event_cut(json_string(failure, "message"), MESSAGE_BYTES)),
        sql_optional(kept_metadata(object, arena)),
        SQL_I64(json_is_true(object, "livemode")),
        sql_moment(arena, event_moment_ms(object, "created")),
        sql_moment(arena, event_moment_ms(object, "canceled_at")),
    };
    for (size_t i = 0; i < PAYMENT_FACTS; i++) {
        facts[i] = values[i];
    }
    return OUTCOME_DONE;
}

/* The metadata without what it says of persons: names and addresses are kept sealed, in
 * their own columns. */
static struct span kept_metadata(const struct cJSON *object, struct arena *arena)
{
    struct text kept;
    text_init(&kept,
              METADATA_BYTES); /* Stripe: at most 50 keys of 40 and 500 characters */
    struct json_writer json = json_writer(&kept);
    json_open(&json, NULL, '{');
    for (const struct cJSON *member = json_first(object, "metadata"); member;
         member = json_next(member)) {
        char key[64];
        struct span name = json_key(member);
        if (name.len >= sizeof(key) || pii_is_personal_key(name)) {
            continue;
        }
        json_put_string(&json, arena_copy(arena, name), json_string(member, ""));
    }
    json_close(&json, '}');
    struct span printed = kept.full ? SPAN("{}") : arena_span(arena, text_span(&kept));
    text_done(&kept);
    return printed;
}

/* Whose event it is, for the ledger and the follow-ups. */
static void note_owner(struct event_work *work,
                       struct span payment_intent,
                       const struct mirror_row *row)
{
    work->payment_intent = payment_intent;
    if (!sql_is_null(&row->rows, 0, PAYMENT_AMICALE)) {
        work->amicale_id = sql_i64(&row->rows, 0, PAYMENT_AMICALE);
    }
}

/* What is not compared: the charge that paid, the moment of success, the address. Each is
 * written once, or always by the same event, so that every order ends alike. */
static enum outcome add_details(struct event_work *work,
                                const struct mirror_row *row,
                                struct fault *fault)
{
    struct arena *arena = work->handling->arena;
    struct span status = json_string(row->object, "status");
    bool paid = span_is(status, "succeeded") || span_is(status, "requires_capture");
    struct span charge = paid && sql_is_null(&row->rows, 0, PAYMENT_CHARGE)
                             ? event_id_at(row->object, "latest_charge")
                             : SPAN("");
    bool succeeded_now = span_is(work->event.type, "payment_intent.succeeded");
    /* Without an event the answer's moment stands until the event says better. */
    bool answered = work->event.id.len == 0 && span_is(status, "succeeded") &&
                    sql_is_null(&row->rows, 0, PAYMENT_SUCCEEDED_AT);
    struct span address = sql_i64(&row->rows, 0, PAYMENT_HAS_ADDRESS)
                              ? SPAN("")
                              : sealed_address(work, row->object);
    if (charge.len == 0 && !succeeded_now && !answered && address.len == 0) {
        return OUTCOME_DONE;
    }
    return mariadb_run(
        work->handling->db,
        "UPDATE payment_intents SET stripe_charge_id = COALESCE(stripe_charge_id, ?),"
        " succeeded_at = COALESCE(?, succeeded_at, ?),"
        " receipt_email_encrypted = IF(receipt_email_erase_at IS NULL, NULL,"
        " COALESCE(receipt_email_encrypted, ?)) WHERE id = ?",
        SQL_VALUES(sql_optional(charge),
                   sql_moment(arena, succeeded_now ? work->event.created_s * 1000 : 0),
                   sql_moment(arena, answered ? work->received_ms : 0),
                   sql_optional(address),
                   SQL_I64(row->id)),
        arena,
        NULL,
        fault);
}

static struct span sealed_address(struct event_work *work, const struct cJSON *object)
{
    struct span address = span_trim(json_string(object, "metadata.receipt_email"));
    if (!pii_is_address(address)) {
        return SPAN("");
    }
    return seal_seal(work->handling->pii,
                     SPAN("payment_intents.receipt_email_encrypted"),
                     address,
                     work->handling->arena);
}
