/* SPDX-License-Identifier: MIT
 * The mail that follows from an event: receipts, refund notices, letters about disputes.
 * Computed from the rows as they are, so an event that is handled twice asks for the same;
 * a name that the queue knows changes nothing, and the table of receipts lets each of them
 * be sent once. */
#include "common/base/arena.h"
#include "common/link/mariadb.h"
#include "worker/dispute_source.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/payment.h"

/* The charge's own event, which has what the receipt shows of the card, mostly comes
 * within this time; otherwise the charge is fetched. */
enum { CHARGE_WAIT_MS = 2000 };

static enum outcome add_notices(struct event_work *work,
                                struct handled *handled,
                                struct fault *fault);
static void add_mail(struct event_work *work,
                     struct handled *handled,
                     const char *template,
                     struct span subject,
                     int64_t delay_ms);

enum outcome event_payment_follow(struct event_work *work,
                                  struct handled *handled,
                                  struct fault *fault)
{
    if (work->payment_intent.len == 0 || work->unpaid) {
        return OUTCOME_DONE;
    }
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        work->handling->db,
        "SELECT card_receipt IS NULL, amount_refunded > 0"
        " FROM payment_intents WHERE stripe_payment_intent_id = ?"
        " AND status IN " PAYMENT_PAID " AND receipt_email_encrypted IS NOT NULL",
        SQL_VALUES(SQL_SPAN(work->payment_intent)),
        work->handling->arena,
        &rows,
        fault);
    if (outcome != OUTCOME_DONE || rows.count == 0) {
        return outcome;
    }
    bool incomplete = sql_i64(&rows, 0, 0) == 1;
    add_mail(work,
             handled,
             "receipt",
             work->payment_intent,
             incomplete ? CHARGE_WAIT_MS : 0);
    bool refunded = sql_i64(&rows, 0, 1) == 1;
    return refunded ? add_notices(work, handled, fault) : OUTCOME_DONE;
}

enum outcome event_refund_follow(struct event_work *work,
                                 struct handled *handled,
                                 struct fault *fault)
{
    return work->payment_intent.len > 0 ? add_notices(work, handled, fault)
                                        : OUTCOME_DONE;
}

enum outcome event_dispute_follow(struct event_work *work,
                                  struct handled *handled,
                                  struct fault *fault)
{
    struct arena *arena = work->handling->arena;
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        work->handling->db,
        "SELECT payment_intents.stripe_payment_intent_id, payment_intents.amicale_id,"
        " disputes.status FROM disputes LEFT JOIN payment_intents"
        " ON payment_intents.id = disputes.payment_id"
        " WHERE stripe_dispute_id = ? AND closed_at IS NULL",
        SQL_VALUES(SQL_SPAN(work->event.object_id)),
        arena,
        &rows,
        fault);
    if (outcome != OUTCOME_DONE || rows.count == 0) {
        return outcome;
    }
    struct span dispute = arena_span(arena, work->event.object_id);
    struct follow_up *tell = handled_add(handled, "dispute.tell");
    /* A question of the bank may become a dispute, with another day: that is told too. */
    tell->id = span_of(arena_format(
        arena,
        "dispute:%.*s%s",
        SPAN_ARGS(dispute),
        dispute_is_inquiry(sql_text(&rows, 0, 2)) ? DISPUTE_INQUIRY_MARK : ""));
    tell->tenant =
        sql_is_null(&rows, 0, 1)
            ? SPAN("-")
            : span_of(arena_format(arena, "%lld", (long long)sql_i64(&rows, 0, 1)));
    tell->payload = span_of(
        arena_format(arena, "{\"dispute\":\"%.*s\",\"after\":0}", SPAN_ARGS(dispute)));
    follow_up_ref(tell, dispute);
    follow_up_ref(tell, sql_text(&rows, 0, 0));
    return OUTCOME_DONE;
}

/* Of a payment that succeeded: before, no refund can be told from a release. The event's
 * own refund comes first. A payment with more new refunds than one settlement takes
 * follow-ups gets the rest by its further events. */
static enum outcome add_notices(struct event_work *work,
                                struct handled *handled,
                                struct fault *fault)
{
    _Static_assert(HANDLED_FOLLOW_UPS == 4, "the statement's LIMIT");
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        work->handling->db,
        "SELECT refunds.stripe_refund_id FROM refunds"
        " JOIN payment_intents ON payment_intents.id = refunds.payment_id"
        " LEFT JOIN receipts ON receipts.template = 'refund'"
        " AND receipts.subject = refunds.stripe_refund_id AND receipts.state = 'sent'"
        " WHERE payment_intents.stripe_payment_intent_id = ?"
        " AND payment_intents.status IN " PAYMENT_PAID
        " AND refunds.status = 'succeeded' AND refunds.stripe_refund_id IS NOT NULL"
        " AND NOT refunds.is_release"
        " AND payment_intents.receipt_email_encrypted IS NOT NULL"
        " AND receipts.id IS NULL"
        " ORDER BY refunds.stripe_refund_id = ? DESC, refunds.id DESC LIMIT 4",
        SQL_VALUES(SQL_SPAN(work->payment_intent), sql_optional(work->event.object_id)),
        work->handling->arena,
        &rows,
        fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < rows.count &&
                       handled->follow_up_count < HANDLED_FOLLOW_UPS;
         i++) {
        add_mail(work, handled, "refund", sql_text(&rows, i, 0), 0);
    }
    return outcome;
}

static void add_mail(struct event_work *work,
                     struct handled *handled,
                     const char *template,
                     struct span subject,
                     int64_t delay_ms)
{
    struct arena *arena = work->handling->arena;
    struct follow_up *mail = handled_add(handled, "receipt.send");
    mail->id = span_of(arena_format(arena, "receipt:%.*s", SPAN_ARGS(subject)));
    mail->tenant = work->amicale_id
                       ? span_of(arena_format(arena, "%lld", (long long)work->amicale_id))
                       : SPAN("-");
    mail->payload = span_of(arena_format(arena,
                                         "{\"template\":\"%s\",\"subject\":\"%.*s\"}",
                                         template,
                                         SPAN_ARGS(subject)));
    mail->delay_ms = delay_ms;
    /* The job outlives the event's document. */
    follow_up_ref(mail, arena_span(arena, subject));
    if (!span_equal(subject, work->payment_intent)) {
        follow_up_ref(mail, arena_span(arena, work->payment_intent));
    }
}
