/* SPDX-License-Identifier: MIT
 * receipt.send: one receipt or notice to the buyer, or one letter about a dispute to an
 * admin, once for ever.
 *
 *   no row ----> sending ----> sent
 *                 |  ^  \----> failed    (the server refused it: 5xx)
 *                 v  |
 *               waiting                  (surely not taken: 4xx, no connection)
 *
 * The row says `sending`, committed, before the message is handed over. A row that is
 * found `sending` belongs to an attempt that never learned its answer: the message is
 * sent once more under the same Message-ID, and a finding reports it. When that answer is
 * lost too the row is `unsure` and a person decides.
 *
 * Whoever lost its lease while it sends (Redis out of its reach, a process that stood
 * still) still sends. So a row that says `sending` without a fault is left alone for as
 * long as handing over a message can take. */
#include "worker/handlers.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/pii.h"
#include "common/model/receipt.h"
#include "worker/finding.h"
#include "worker/mailer.h"
#include "worker/receipt_source.h"

/* A kept connection that has died is tried before a new one, within a limit each. */
enum { FAULT_BYTES = 255, MOST_UNSURE_SENDS = 1, MOST_CONVERSATIONS = 2 };

/* The row of the receipt, once it is claimed. */
struct claim {
    int64_t id;
    struct span number;
    struct span message_id;
    int64_t created_ms;
    bool sent; /* before: nothing is to be done */
};

static enum outcome send_receipt(struct handling *handling,
                                 struct receipt_source *source,
                                 struct handled *handled,
                                 struct fault *fault);
static enum outcome skip_receipt(struct handling *handling,
                                 const struct receipt_source *source,
                                 struct handled *handled,
                                 struct fault *fault);
static enum outcome claim_row(struct handling *handling,
                              const struct receipt_source *source,
                              struct claim *claim,
                              struct fault *fault);
static enum outcome claim_in_transaction(struct handling *handling,
                                         const struct receipt_source *source,
                                         struct claim *claim,
                                         bool *out_unsure,
                                         struct fault *fault);
static enum outcome make_row(struct handling *handling,
                             const struct receipt_source *source,
                             struct fault *fault);
static enum outcome take_row(struct handling *handling,
                             const struct receipt_source *source,
                             const struct claim *claim,
                             struct span state,
                             int64_t unsure_sends,
                             bool *out_unsure,
                             struct fault *fault);
static enum outcome hand_over(struct handling *handling,
                              const struct receipt_source *source,
                              const struct claim *claim,
                              struct fault *fault);
static enum outcome write_outcome(struct handling *handling,
                                  const struct claim *claim,
                                  enum outcome sent,
                                  const struct fault *why,
                                  struct fault *fault);
static void write_result(struct handling *handling,
                         const struct claim *claim,
                         struct handled *handled);

enum outcome handle_receipt_send(struct handling *handling,
                                 struct handled *out_handled,
                                 struct fault *fault)
{
    struct receipt_source source;
    enum outcome outcome = receipt_source_init(&source, handling, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = send_receipt(handling, &source, out_handled, fault);
    }
    receipt_source_done(&source);
    return outcome;
}

static enum outcome send_receipt(struct handling *handling,
                                 struct receipt_source *source,
                                 struct handled *handled,
                                 struct fault *fault)
{
    struct claim claim = {0};
    if (source->skip) {
        return skip_receipt(handling, source, handled, fault);
    }
    enum outcome outcome = claim_row(handling, source, &claim, fault);
    if (outcome != OUTCOME_DONE || claim.sent) {
        write_result(handling, &claim, handled);
        return outcome;
    }
    outcome = hand_over(handling, source, &claim, fault);
    struct fault second;
    enum outcome written = write_outcome(handling, &claim, outcome, fault, &second);
    if (written != OUTCOME_DONE) {
        /* Once more, over a new connection: after a message that was taken, a row that
         * still says `sending` makes the buyer get it twice. */
        written = write_outcome(handling, &claim, outcome, fault, &second);
    }
    if (outcome == OUTCOME_DONE && written != OUTCOME_DONE) {
        *fault = second;
        return written == OUTCOME_NEVER ? OUTCOME_NEVER : OUTCOME_LATER;
    }
    write_result(handling, &claim, handled);
    return outcome;
}

/* A message that waited for another try is given up; one that may have been sent stays
 * unsure. */
static enum outcome skip_receipt(struct handling *handling,
                                 const struct receipt_source *source,
                                 struct handled *handled,
                                 struct fault *fault)
{
    handled->result =
        span_of(arena_format(handling->arena, "{\"skipped\":\"%s\"}", source->skip));
    return mariadb_run(
        handling->db,
        "UPDATE receipts SET state = IF(state = 'sending', 'unsure', 'failed'),"
        " last_fault = ? WHERE template = ? AND subject = ?"
        " AND state IN ('waiting', 'sending')",
        SQL_VALUES(SQL_STRING(source->skip),
                   SQL_STRING(receipt_template_name(source->receipt.template)),
                   SQL_SPAN(source->subject)),
        handling->arena,
        NULL,
        fault);
}

static enum outcome claim_row(struct handling *handling,
                              const struct receipt_source *source,
                              struct claim *claim,
                              struct fault *fault)
{
    bool unsure = false;
    enum outcome outcome = mariadb_begin(handling->db, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = claim_in_transaction(handling, source, claim, &unsure, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(handling->db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(handling->db);
        return outcome == OUTCOME_UNSURE ? OUTCOME_LATER : outcome; /* nothing was sent */
    }
    if (unsure) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "receipt",
                         0,
                         "it was sent twice and neither answer came: a person decides");
    }
    return OUTCOME_DONE;
}

static enum outcome claim_in_transaction(struct handling *handling,
                                         const struct receipt_source *source,
                                         struct claim *claim,
                                         bool *out_unsure,
                                         struct fault *fault)
{
    enum outcome outcome = make_row(handling, source, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct sql_rows rows;
    outcome = mariadb_run(
        handling->db,
        "SELECT id, state, unsure_sends, message_id, number,"
        " CAST(UNIX_TIMESTAMP(created_at) * 1000 AS SIGNED),"
        " IF(state = 'sending' AND last_fault IS NULL,"
        " TIMESTAMPDIFF(MICROSECOND, updated_at, CURRENT_TIMESTAMP(3)) DIV 1000, NULL)"
        " FROM receipts WHERE template = ? AND subject = ? FOR UPDATE",
        SQL_VALUES(SQL_STRING(receipt_template_name(source->receipt.template)),
                   SQL_SPAN(source->subject)),
        handling->arena,
        &rows,
        fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count == 0) {
        return fault_set(fault, OUTCOME_LATER, "receipt", 0, "the row went away");
    }
    struct span state = sql_text(&rows, 0, 1);
    *claim = (struct claim){
        .id = sql_i64(&rows, 0, 0),
        .message_id = sql_text(&rows, 0, 3),
        .number = sql_text(&rows, 0, 4),
        .created_ms = sql_i64(&rows, 0, 5),
        .sent = span_is(state, "sent"),
    };
    if (claim->number.len == 0) {
        char number[RECEIPT_NUMBER_BYTES];
        claim->number = span_of(
            arena_copy(handling->arena,
                       span_of(receipt_number(claim->id, claim->created_ms, number))));
    }
    if (claim->sent) {
        return OUTCOME_DONE;
    }
    if (span_is(state, "unsure")) {
        *out_unsure = true;
        return OUTCOME_DONE;
    }
    int64_t left_ms = MOST_CONVERSATIONS * handling->settings->mail.total_ms;
    left_ms -= sql_i64(&rows, 0, 6);
    if (!sql_is_null(&rows, 0, 6) && left_ms > 0) {
        outcome = fault_set(fault,
                            OUTCOME_LATER,
                            "receipt",
                            0,
                            "another attempt may still be sending it");
        fault->retry_after_ms = left_ms;
        return outcome;
    }
    return take_row(handling,
                    source,
                    claim,
                    state,
                    sql_i64(&rows, 0, 2),
                    out_unsure,
                    fault);
}

/* The unique key of (template, subject) decides; whoever comes second finds the row. */
static enum outcome make_row(struct handling *handling,
                             const struct receipt_source *source,
                             struct fault *fault)
{
    struct span message_id =
        receipt_message_id(source->receipt.template,
                           source->subject,
                           span_of(handling->settings->mail.message_id_domain),
                           handling->arena);
    struct span sealed_to = seal_seal(handling->pii,
                                      SPAN("receipts.sealed_to"),
                                      source->receipt.to,
                                      handling->arena);
    return mariadb_run(
        handling->db,
        "INSERT INTO receipts (template, subject, payment_id, refund_id, state,"
        " message_id, sealed_to) VALUES (?, ?, ?, ?, 'waiting', ?, ?)"
        " ON DUPLICATE KEY UPDATE subject = subject",
        SQL_VALUES(SQL_STRING(receipt_template_name(source->receipt.template)),
                   SQL_SPAN(source->subject),
                   SQL_I64(source->payment_id),
                   source->refund_id ? SQL_I64(source->refund_id) : SQL_NOTHING,
                   SQL_SPAN(message_id),
                   SQL_SPAN(sealed_to)),
        handling->arena,
        NULL,
        fault);
}

/* To `sending`, with its number; or to `unsure`, when it was sent twice already. */
static enum outcome take_row(struct handling *handling,
                             const struct receipt_source *source,
                             const struct claim *claim,
                             struct span state,
                             int64_t unsure_sends,
                             bool *out_unsure,
                             struct fault *fault)
{
    bool lost = span_is(state, "sending");
    bool too_often = lost && unsure_sends >= MOST_UNSURE_SENDS;
    if (lost) {
        const struct finding finding = {
            .kind = "receipt_unsure",
            .subject = source->subject,
            .amicale_id = source->amicale_id,
            .reason = too_often ? "sent twice, and neither answer came"
                                : "its answer was lost, so it is sent once more",
        };
        enum outcome outcome =
            finding_open(handling->db, &finding, handling->arena, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    *out_unsure = too_often;
    return mariadb_run(
        handling->db,
        "UPDATE receipts SET state = ?, number = ?, unsure_sends = unsure_sends + ?,"
        " attempts = attempts + ?, last_fault = IF(state = 'sending', NULL, last_fault)"
        " WHERE id = ?",
        SQL_VALUES(too_often ? SQL_STRING("unsure") : SQL_STRING("sending"),
                   SQL_SPAN(claim->number),
                   SQL_I64(lost && !too_often),
                   SQL_I64(!too_often),
                   SQL_I64(claim->id)),
        handling->arena,
        NULL,
        fault);
}

static enum outcome hand_over(struct handling *handling,
                              const struct receipt_source *source,
                              const struct claim *claim,
                              struct fault *fault)
{
    struct receipt receipt = source->receipt;
    receipt.number = claim->number;
    receipt.message_id = claim->message_id;
    receipt.written_ms = claim->created_ms;
    struct text message;
    text_init(&message, RECEIPT_MESSAGE_BYTES);
    enum outcome outcome = receipt_compose(&receipt, &message, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mailer_send(handling->mailer,
                              handling->settings->mail.from,
                              arena_copy(handling->arena, receipt.to),
                              text_span(&message),
                              fault);
        if (outcome == OUTCOME_DONE || fault->code >= 400) {
            handling->answered |= NEIGHBOUR_SMTP;
        }
    }
    text_done(&message);
    return outcome;
}

/* After UNSURE the row stays `sending`: that is what it means. */
static enum outcome write_outcome(struct handling *handling,
                                  const struct claim *claim,
                                  enum outcome sent,
                                  const struct fault *why,
                                  struct fault *fault)
{
    static const char *const states[] = {
        [OUTCOME_DONE] = "sent",
        [OUTCOME_LATER] = "waiting",
        [OUTCOME_NEVER] = "failed",
        [OUTCOME_UNSURE] = "sending",
    };
    bool done = sent == OUTCOME_DONE;
    char text[FAULT_BYTES + 1] = "";
    if (!done) {
        snprintf(text, sizeof(text), "%s", why->text);
    }
    return mariadb_run(
        handling->db,
        "UPDATE receipts SET state = ?, sent_at = ?, last_fault = ? WHERE id = ?",
        SQL_VALUES(SQL_STRING(states[sent]),
                   done ? sql_moment(handling->arena, clock_wall_ms(handling->clock))
                        : SQL_NOTHING,
                   sql_optional(span_of(text)),
                   SQL_I64(claim->id)),
        handling->arena,
        NULL,
        fault);
}

static void write_result(struct handling *handling,
                         const struct claim *claim,
                         struct handled *handled)
{
    handled->result = claim->number.len > 0
                          ? span_of(arena_format(handling->arena,
                                                 "{\"number\":\"%.*s\"}",
                                                 SPAN_ARGS(claim->number)))
                          : SPAN("");
}
