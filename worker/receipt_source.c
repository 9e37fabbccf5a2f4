/* SPDX-License-Identifier: MIT
 * Gathers what a receipt says. */
#include "worker/receipt_source.h"

#include <string.h>

#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "common/model/pii.h"
#include "worker/dispute_source.h"
#include "worker/handlers.h"
#include "worker/retrieve.h"
#include "worker/unsealed.h"

/* The columns of the statements, in order. */
enum column {
    PAYMENT_ID,
    PAYMENT_INTENT,
    AMICALE_ID,
    AMOUNT,
    CURRENCY,
    METHOD,
    CHARGE,
    CARD_RECEIPT,
    ADDRESS,
    PAID_MS,
    PAYMENT_STATUS,
    AMICALE_NAME,
    REFUND_ID,
    REFUND_AMOUNT,
    REFUNDED_MS,
    REFUND_STATUS,
    REFUND_IS_RELEASE,
};

static enum outcome read_payload(struct receipt_source *source,
                                 struct handling *handling,
                                 struct fault *fault);
static enum outcome read_rows(struct receipt_source *source,
                              struct handling *handling,
                              struct sql_rows *rows,
                              struct fault *fault);
static const char *reason_to_skip(const struct receipt_source *source,
                                  const struct sql_rows *rows);
static enum outcome fill(struct receipt_source *source,
                         struct handling *handling,
                         const struct sql_rows *rows,
                         struct fault *fault);
static enum outcome read_card(struct receipt_source *source,
                              struct handling *handling,
                              const struct sql_rows *rows,
                              struct fault *fault);
static enum outcome fetch_charge(struct receipt_source *source,
                                 struct handling *handling,
                                 struct span charge,
                                 struct fault *fault);
static enum outcome fetch(struct handling *handling,
                          const char *collection,
                          struct span id,
                          struct cJSON **out_object,
                          struct fault *fault);
static enum outcome keep_card(struct receipt_source *source,
                              struct handling *handling,
                              struct fault *fault);

#define PAYMENT_COLUMNS                                                                  \
    "payment_intents.id, stripe_payment_intent_id, payment_intents.amicale_id,"          \
    " IF(amount_received > 0, amount_received, payment_intents.amount),"                 \
    " payment_intents.currency, payment_method, payment_intents.stripe_charge_id,"       \
    " card_receipt, receipt_email_encrypted,"                                            \
    " CAST(UNIX_TIMESTAMP(COALESCE(succeeded_at, sold_at)) * 1000 AS SIGNED),"           \
    " payment_intents.status, amicales.encrypted_name"

static const struct {
    enum receipt_template template;
    const char *prefix; /* of the subject, not part of the value that is looked for */
    const char *sql;
} selects[] = {
    {RECEIPT_PAYMENT,
     "payment:",
     "SELECT " PAYMENT_COLUMNS " FROM payment_intents"
     " LEFT JOIN amicales ON amicales.id = payment_intents.amicale_id"
     " WHERE payment_intents.id = ?"},
    {RECEIPT_PAYMENT,
     "",
     "SELECT " PAYMENT_COLUMNS " FROM payment_intents"
     " LEFT JOIN amicales ON amicales.id = payment_intents.amicale_id"
     " WHERE stripe_payment_intent_id = ?"},
    {RECEIPT_REFUND,
     "",
     "SELECT " PAYMENT_COLUMNS ", refunds.id, refunds.amount,"
     " CAST(UNIX_TIMESTAMP(COALESCE(refunds.stripe_created, refunds.created_at)) * 1000"
     " AS SIGNED), refunds.status, refunds.is_release FROM refunds"
     " JOIN payment_intents ON payment_intents.id = refunds.payment_id"
     " LEFT JOIN amicales ON amicales.id = payment_intents.amicale_id"
     " WHERE stripe_refund_id = ?"},
};

enum outcome receipt_source_init(struct receipt_source *source,
                                 struct handling *handling,
                                 struct fault *fault)
{
    *source = (struct receipt_source){0};
    struct sql_rows rows;
    enum outcome outcome = read_payload(source, handling, fault);
    if (outcome == OUTCOME_DONE && source->receipt.template == RECEIPT_DISPUTE) {
        return dispute_source_fill(source, handling, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = read_rows(source, handling, &rows, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    source->skip = reason_to_skip(source, &rows);
    if (source->skip) {
        return OUTCOME_DONE;
    }
    outcome = fill(source, handling, &rows, fault);
    if (outcome == OUTCOME_DONE && span_is(source->receipt.method, "card")) {
        outcome = read_card(source, handling, &rows, fault);
    }
    return outcome;
}

void receipt_source_done(struct receipt_source *source)
{
    json_free(source->payload);
    json_free(source->card);
    json_free(source->charge);
    source->payload = source->card = source->charge = NULL;
}

static enum outcome read_payload(struct receipt_source *source,
                                 struct handling *handling,
                                 struct fault *fault)
{
    enum outcome outcome = json_parse(handling->payload, &source->payload, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    source->subject = json_string(source->payload, "subject");
    if (!receipt_template_find(json_string(source->payload, "template"),
                               &source->receipt.template) ||
        !job_id_is_valid(source->subject)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "receipt",
                         0,
                         "the payload names no receipt");
    }
    return OUTCOME_DONE;
}

static enum outcome read_rows(struct receipt_source *source,
                              struct handling *handling,
                              struct sql_rows *rows,
                              struct fault *fault)
{
    size_t i = 0;
    while (selects[i].template != source->receipt.template ||
           !span_starts(source->subject, selects[i].prefix)) {
        i++; /* each template that comes here has a row without a prefix */
    }
    struct sql_value value = SQL_SPAN(source->subject);
    if (selects[i].prefix[0] != '\0') {
        /* As a number: compared with one, MariaDB takes "12x" for 12. */
        struct span digits = source->subject;
        digits.at += strlen(selects[i].prefix);
        digits.len -= strlen(selects[i].prefix);
        int64_t id = 0;
        value = span_to_i64(digits, &id) ? SQL_I64(id) : SQL_NOTHING;
    }
    enum outcome outcome = mariadb_run(handling->db,
                                       selects[i].sql,
                                       SQL_VALUES(value),
                                       handling->arena,
                                       rows,
                                       fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    handling->answered |= NEIGHBOUR_MARIADB;
    if (rows->count == 0) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "receipt",
                         0,
                         "there is no such payment or refund");
    }
    return OUTCOME_DONE;
}

/* What was true when the job was made may have passed: a refund can fail afterwards. */
static const char *reason_to_skip(const struct receipt_source *source,
                                  const struct sql_rows *rows)
{
    bool refund = source->receipt.template == RECEIPT_REFUND;
    if (refund && !span_is(sql_text(rows, 0, REFUND_STATUS), "succeeded")) {
        return "the refund did not succeed";
    }
    if (refund && sql_i64(rows, 0, REFUND_IS_RELEASE) == 1) {
        return "what is called a refund released money that was not taken";
    }
    struct span status = sql_text(rows, 0, PAYMENT_STATUS);
    if (!refund && !span_is(status, "succeeded") && !span_is(status, "refunded") &&
        !span_is(status, "partially_refunded")) {
        return "the payment did not succeed";
    }
    return NULL;
}

static enum outcome fill(struct receipt_source *source,
                         struct handling *handling,
                         const struct sql_rows *rows,
                         struct fault *fault)
{
    struct receipt *receipt = &source->receipt;
    source->payment_id = sql_i64(rows, 0, PAYMENT_ID);
    source->amicale_id = sql_i64(rows, 0, AMICALE_ID);
    receipt->from = span_of(handling->settings->mail.from);
    receipt->from_name = span_of(handling->settings->mail.from_name);
    receipt->currency = sql_text(rows, 0, CURRENCY);
    receipt->amount_minor = sql_i64(rows, 0, AMOUNT);
    receipt->paid_ms = sql_i64(rows, 0, PAID_MS);
    receipt->method = sql_text(rows, 0, METHOD);
    receipt->payment = sql_text(rows, 0, PAYMENT_INTENT);
    if (receipt->payment.len == 0) {
        receipt->payment = source->subject;
    }
    if (receipt->template == RECEIPT_REFUND) {
        source->refund_id = sql_i64(rows, 0, REFUND_ID);
        receipt->refund = source->subject;
        receipt->refund_minor = sql_i64(rows, 0, REFUND_AMOUNT);
        receipt->refunded_ms = sql_i64(rows, 0, REFUNDED_MS);
    }
    enum outcome outcome = unsealed_text(handling,
                                         rows,
                                         AMICALE_NAME,
                                         SPAN("amicales.encrypted_name"),
                                         &receipt->amicale,
                                         fault);
    if (outcome == OUTCOME_DONE) {
        outcome = unsealed_text(handling,
                                rows,
                                ADDRESS,
                                SPAN("payment_intents.receipt_email_encrypted"),
                                &receipt->to,
                                fault);
    }
    if (outcome == OUTCOME_DONE &&
        (!pii_is_address(receipt->to) || !pii_is_address(receipt->from))) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "receipt",
                         RECEIPT_BAD_ADDRESS,
                         receipt->to.len == 0
                             ? "no address of the buyer is kept (any more)"
                             : "the buyer's address, or mail.from, is none");
    }
    return outcome;
}

/* What the row lacks is fetched; what Stripe does not have is not shown. A refund notice
 * names the card when the row does, and is not worth a call. */
static enum outcome read_card(struct receipt_source *source,
                              struct handling *handling,
                              const struct sql_rows *rows,
                              struct fault *fault)
{
    struct span kept = sql_text(rows, 0, CARD_RECEIPT);
    enum outcome outcome = OUTCOME_DONE;
    if (kept.len > 0) {
        outcome = json_parse(kept, &source->card, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    receipt_card_read(source->card, &source->receipt.card);
    if (receipt_card_is_complete(source->card) ||
        source->receipt.template != RECEIPT_PAYMENT) {
        return OUTCOME_DONE;
    }
    outcome = fetch_charge(source, handling, sql_text(rows, 0, CHARGE), fault);
    if (outcome != OUTCOME_DONE || !source->charge) {
        return outcome;
    }
    receipt_card_read(json_at(source->charge, "payment_method_details"),
                      &source->receipt.card);
    return keep_card(source, handling, fault);
}

/* When the row does not know its charge yet, the payment does. */
static enum outcome fetch_charge(struct receipt_source *source,
                                 struct handling *handling,
                                 struct span charge,
                                 struct fault *fault)
{
    struct cJSON *intent = NULL;
    enum outcome outcome = OUTCOME_DONE;
    if (charge.len == 0) {
        outcome = fetch(handling,
                        "/v1/payment_intents",
                        source->receipt.payment,
                        &intent,
                        fault);
        charge = arena_span(handling->arena, json_string(intent, "latest_charge"));
    }
    if (outcome == OUTCOME_DONE && charge.len > 0) {
        outcome = fetch(handling, "/v1/charges", charge, &source->charge, fault);
    }
    json_free(intent);
    return outcome;
}

/* NULL in *out_object when Stripe has no such object. */
static enum outcome fetch(struct handling *handling,
                          const char *collection,
                          struct span id,
                          struct cJSON **out_object,
                          struct fault *fault)
{
    struct stripe_answer answer = {0};
    enum outcome outcome =
        retrieve_object(handling, collection, id, false, &answer, fault);
    if (outcome == OUTCOME_DONE) {
        *out_object = answer.document;
    } else if (outcome == OUTCOME_NEVER && answer.status == 404) {
        outcome = OUTCOME_DONE;
    } else if (outcome == OUTCOME_NEVER && answer.status == 401) {
        fault->neighbour = "stripe"; /* our key is wrong, not the receipt */
        outcome = OUTCOME_LATER;
    }
    return outcome;
}

static enum outcome keep_card(struct receipt_source *source,
                              struct handling *handling,
                              struct fault *fault)
{
    const struct cJSON *details = json_at(source->charge, "payment_method_details");
    if (!details) {
        return OUTCOME_DONE;
    }
    return mariadb_run(handling->db,
                       "UPDATE payment_intents SET card_receipt = ?,"
                       " stripe_charge_id = COALESCE(stripe_charge_id, ?) WHERE id = ?",
                       SQL_VALUES(SQL_SPAN(receipt_card_print(details, handling->arena)),
                                  sql_optional(json_string(source->charge, "id")),
                                  SQL_I64(source->payment_id)),
                       handling->arena,
                       NULL,
                       fault);
}
