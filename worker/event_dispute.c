/* SPDX-License-Identifier: MIT
 * charge.dispute.*: the rows of disputes, each beside its payment. */
#include "common/base/json.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/mirror.h"
#include "worker/payment.h"

enum { FACTS = 8, DISPUTE_PAYMENT = MIRROR_FIRST_FACT + FACTS };

static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault);
static enum outcome add_details(struct event_work *work,
                                const struct mirror_row *dispute,
                                int64_t payment_id,
                                struct fault *fault);
static enum outcome close_findings(struct event_work *work, struct fault *fault);

static const struct mirror dispute_mirror = {
    .collection = "/v1/disputes",
    .has_states = true,
    .states = MONEY_DISPUTE,
    .fact_count = FACTS,
    .select = "SELECT id, revision, last_event_id, last_event_created, status, amount,"
              " currency, reason, evidence_due_by, stripe_charge_id, livemode,"
              " stripe_created, payment_id FROM disputes WHERE stripe_dispute_id = ?"
              " FOR UPDATE",
    .update = "UPDATE disputes SET revision = revision + 1, last_event_id = ?,"
              " last_event_created = ?, status = ?, amount = ?, currency = ?, reason = ?,"
              " evidence_due_by = ?, stripe_charge_id = ?, livemode = ?,"
              " stripe_created = ? WHERE id = ?",
    .touch = "UPDATE disputes SET revision = revision + 1, last_event_id = ?,"
             " last_event_created = ? WHERE id = ?",
    .insert = "INSERT INTO disputes (status, amount, currency, reason, evidence_due_by,"
              " stripe_charge_id, livemode, stripe_created, stripe_dispute_id,"
              " last_event_id, last_event_created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
              " ?) ON DUPLICATE KEY UPDATE revision = revision",
    .facts = read_facts,
};

enum outcome event_dispute_apply(struct event_work *work, struct fault *fault)
{
    struct mirror_row payment = {0};
    struct mirror_row dispute;
    enum outcome outcome;
    struct span intent = event_id_at(work->named, "payment_intent");
    if (intent.len > 0) {
        outcome = payment_ensure(work, intent, &payment, fault);
        if (outcome != OUTCOME_DONE || work->wanted.path) {
            return outcome;
        }
    }
    outcome = mirror_apply(work,
                           &dispute_mirror,
                           work->event.object_id,
                           work->told,
                           &dispute,
                           fault);
    if (outcome != OUTCOME_DONE || work->wanted.path || dispute.id == 0) {
        return outcome;
    }
    return add_details(work, &dispute, payment.id, fault);
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
    size_t i = EVENT_MONEY_FACTS;
    facts[i++] = sql_optional(event_cut(json_string(object, "reason"), 64));
    facts[i++] = sql_moment(arena, event_moment_ms(object, "evidence_details.due_by"));
    facts[i++] = sql_optional(event_id_at(object, "charge"));
    facts[i++] = SQL_I64(work->event.livemode);
    facts[i++] = sql_moment(arena, event_moment_ms(object, "created"));
    return OUTCOME_DONE;
}

/* The dispute object does not say when it was closed: the event of that name does, and
 * until it comes the first event that found it closed. */
static enum outcome add_details(struct event_work *work,
                                const struct mirror_row *dispute,
                                int64_t payment_id,
                                struct fault *fault)
{
    struct arena *arena = work->handling->arena;
    bool closed = state_is_final(MONEY_DISPUTE, json_string(dispute->object, "status"));
    bool told = span_is(work->event.type, "charge.dispute.closed");
    int64_t at_ms = work->event.created_s * 1000;
    enum outcome outcome =
        mariadb_run(work->handling->db,
                    "UPDATE disputes SET payment_id = COALESCE(payment_id, ?),"
                    " closed_at = COALESCE(?, closed_at, ?) WHERE id = ?",
                    SQL_VALUES(payment_id ? SQL_I64(payment_id) : SQL_NOTHING,
                               sql_moment(arena, told ? at_ms : 0),
                               sql_moment(arena, closed ? at_ms : 0),
                               SQL_I64(dispute->id)),
                    arena,
                    NULL,
                    fault);
    return outcome == OUTCOME_DONE && (told || closed) ? close_findings(work, fault)
                                                       : outcome;
}

/* Those that dispute.tell opened: nobody needs to answer any more. */
static enum outcome close_findings(struct event_work *work, struct fault *fault)
{
    return mariadb_run(
        work->handling->db,
        "UPDATE reconciliation_findings SET closed_at = CURRENT_TIMESTAMP(3),"
        " closed_by = ? WHERE kind IN ('dispute', 'dispute_untold') AND subject = ?"
        " AND closed_at IS NULL",
        SQL_VALUES(SQL_SPAN(work->event.id), SQL_SPAN(work->event.object_id)),
        work->handling->arena,
        NULL,
        fault);
}
