/* SPDX-License-Identifier: MIT
 * Gathers what the letter about a dispute says. */
#include "worker/dispute_source.h"

#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/pii.h"
#include "worker/handlers.h"
#include "worker/receipt_source.h"
#include "worker/unsealed.h"

/* The columns of the statement, in order. */
enum column {
    AMOUNT,
    CURRENCY,
    STATUS,
    REASON,
    DUE_MS,
    LIVEMODE,
    CLOSED,
    PAYMENT_ID,
    PAYMENT_INTENT,
    PAYMENT_AMOUNT,
    SOLD_MS,
    AMICALE_ID,
    AMICALE_NAME,
    AMICALE_ADDRESS,
    SELLER_NAME,
};

static enum outcome read_dispute(struct handling *handling,
                                 struct span dispute,
                                 struct sql_rows *rows,
                                 struct fault *fault);
static void fill(struct receipt_source *source,
                 const struct handling *handling,
                 struct span dispute,
                 const struct sql_rows *rows);
static enum outcome find_reader(struct receipt_source *source,
                                struct handling *handling,
                                struct span reader,
                                const struct sql_rows *rows,
                                struct fault *fault);

enum outcome dispute_source_fill(struct receipt_source *source,
                                 struct handling *handling,
                                 struct fault *fault)
{
    struct span reader;
    struct span mark;
    struct span dispute = span_cut(source->subject, ':', &reader);
    reader = span_cut(reader, ':', &mark);
    struct sql_rows rows;
    enum outcome outcome = read_dispute(handling, dispute, &rows, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    fill(source, handling, dispute, &rows);
    if (sql_i64(&rows, 0, CLOSED) == 1) {
        source->skip = "the dispute is closed";
        return OUTCOME_DONE;
    }
    if (mark.len > 0 && !source->receipt.dispute.inquiry) {
        source->skip = "the bank's question has become a dispute";
        return OUTCOME_DONE;
    }
    outcome = unsealed_text(handling,
                            &rows,
                            AMICALE_NAME,
                            SPAN("amicales.encrypted_name"),
                            &source->receipt.amicale,
                            fault);
    if (outcome == OUTCOME_DONE) {
        outcome = unsealed_text(handling,
                                &rows,
                                SELLER_NAME,
                                SPAN("users.encrypted_name"),
                                &source->receipt.dispute.seller,
                                fault);
    }
    return outcome == OUTCOME_DONE ? find_reader(source, handling, reader, &rows, fault)
                                   : outcome;
}

bool dispute_is_inquiry(struct span status)
{
    return span_starts(status, "warning_");
}

static enum outcome read_dispute(struct handling *handling,
                                 struct span dispute,
                                 struct sql_rows *rows,
                                 struct fault *fault)
{
    enum outcome outcome = mariadb_run(
        handling->db,
        "SELECT disputes.amount, disputes.currency, disputes.status, disputes.reason,"
        " CAST(UNIX_TIMESTAMP(evidence_due_by) * 1000 AS SIGNED), disputes.livemode,"
        " closed_at IS NOT NULL, payment_intents.id, stripe_payment_intent_id,"
        " IF(amount_received > 0, amount_received, payment_intents.amount),"
        " CAST(UNIX_TIMESTAMP(sold_at) * 1000 AS SIGNED), amicales.id,"
        " amicales.encrypted_name, amicales.encrypted_email, users.encrypted_name"
        " FROM disputes JOIN payment_intents ON payment_intents.id = disputes.payment_id"
        " JOIN amicales ON amicales.id = payment_intents.amicale_id"
        " LEFT JOIN users ON users.id = payment_intents.pompier_id"
        " WHERE stripe_dispute_id = ?",
        SQL_VALUES(SQL_SPAN(dispute)),
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
                         "there is no such dispute of an amicale's payment");
    }
    return OUTCOME_DONE;
}

static void fill(struct receipt_source *source,
                 const struct handling *handling,
                 struct span dispute,
                 const struct sql_rows *rows)
{
    struct span status = sql_text(rows, 0, STATUS);
    bool inquiry = dispute_is_inquiry(status);
    bool wants_answer =
        span_is(status, "needs_response") || span_is(status, "warning_needs_response");
    struct receipt *receipt = &source->receipt;
    source->payment_id = sql_i64(rows, 0, PAYMENT_ID);
    source->amicale_id = sql_i64(rows, 0, AMICALE_ID);
    receipt->from = span_of(handling->settings->mail.from);
    receipt->from_name = span_of(handling->settings->mail.from_name);
    receipt->currency = sql_text(rows, 0, CURRENCY);
    receipt->amount_minor = sql_i64(rows, 0, PAYMENT_AMOUNT);
    receipt->paid_ms = sql_i64(rows, 0, SOLD_MS);
    receipt->method = SPAN("card");
    receipt->payment = sql_text(rows, 0, PAYMENT_INTENT);
    receipt->dispute = (struct receipt_dispute){
        .id = dispute,
        .reason = sql_text(rows, 0, REASON),
        .amount_minor = sql_i64(rows, 0, AMOUNT),
        .inquiry = inquiry,
        .due_ms = wants_answer ? sql_i64(rows, 0, DUE_MS) : 0,
        .send_to = span_of(handling->settings->mail.disputes_to),
        .livemode = sql_i64(rows, 0, LIVEMODE) == 1,
    };
}

/* Who was an admin when the job was made may have left since. */
static enum outcome find_reader(struct receipt_source *source,
                                struct handling *handling,
                                struct span reader,
                                const struct sql_rows *rows,
                                struct fault *fault)
{
    struct span *to = &source->receipt.to;
    int64_t user_id = 0;
    enum outcome outcome;
    if (span_to_i64(reader, &user_id)) {
        struct sql_rows admin;
        outcome = mariadb_run(handling->db,
                              "SELECT encrypted_email FROM users WHERE id = ?"
                              " AND amicale_id = ? AND role = 'admin'"
                              " AND disabled_at IS NULL",
                              SQL_VALUES(SQL_I64(user_id), SQL_I64(source->amicale_id)),
                              handling->arena,
                              &admin,
                              fault);
        if (outcome == OUTCOME_DONE && admin.count == 0) {
            source->skip = "its reader is no admin of the amicale any more";
            return OUTCOME_DONE;
        }
        if (outcome == OUTCOME_DONE) {
            outcome = unsealed_text(handling,
                                    &admin,
                                    0,
                                    SPAN("users.encrypted_email"),
                                    to,
                                    fault);
        }
    } else {
        outcome = unsealed_text(handling,
                                rows,
                                AMICALE_ADDRESS,
                                SPAN("amicales.encrypted_email"),
                                to,
                                fault);
    }
    if (outcome == OUTCOME_DONE &&
        (!pii_is_address(*to) || !pii_is_address(source->receipt.from))) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "receipt",
                         RECEIPT_BAD_ADDRESS,
                         "the admin's address, or mail.from, is none");
    }
    return outcome;
}
