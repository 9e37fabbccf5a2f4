/* SPDX-License-Identifier: MIT
 * stripe.event: one event into the rows, once, together with its line in the ledger. */
#include "worker/handlers.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "worker/events.h"

enum { DAY_MS = 24 * 3600 * 1000, FAULT_BYTES = 255, ID_BYTES = 255 };

/* What the ledger said when its row was locked. */
struct ledger {
    bool processed;
};

static enum outcome in_transaction(struct event_work *work,
                                   struct handled *handled,
                                   struct fault *fault);
static enum outcome enter_ledger(struct event_work *work,
                                 struct ledger *ledger,
                                 struct fault *fault);
static enum outcome apply(struct event_work *work, struct fault *fault);
static enum outcome close_ledger(struct event_work *work, struct fault *fault);
static enum outcome follow(struct event_work *work,
                           struct handled *handled,
                           struct fault *fault);
static void keep_failure(struct event_work *work, struct fault *fault);
static enum outcome write_ledger(struct event_work *work,
                                 struct sql_value last_fault,
                                 struct sql_rows *out_rows,
                                 struct fault *fault);
static struct sql_value sealed_body(const struct event_work *work);

enum outcome handle_stripe_event(struct handling *handling,
                                 struct handled *out_handled,
                                 struct fault *fault)
{
    struct event_work work;
    enum outcome outcome = event_work_init(&work, handling, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = event_run(&work, in_transaction, out_handled, fault);
        if (outcome != OUTCOME_DONE) {
            keep_failure(&work, fault);
        }
    }
    event_work_done(&work);
    return outcome;
}

static enum outcome in_transaction(struct event_work *work,
                                   struct handled *handled,
                                   struct fault *fault)
{
    struct ledger ledger = {0};
    enum outcome outcome = enter_ledger(work, &ledger, fault);
    if (outcome == OUTCOME_DONE && !ledger.processed) {
        outcome = apply(work, fault);
        if (outcome == OUTCOME_DONE && !work->wanted.path) {
            outcome = close_ledger(work, fault);
        }
    }
    if (outcome == OUTCOME_DONE && !work->wanted.path) {
        outcome = follow(work, handled, fault);
    }
    return outcome;
}

/* The row of the ledger, made or found, and in both cases locked. */
static enum outcome enter_ledger(struct event_work *work,
                                 struct ledger *ledger,
                                 struct fault *fault)
{
    const struct handling *handling = work->handling;
    const struct event *event = &work->event;
    struct sql_rows rows;
    enum outcome outcome = write_ledger(work, SQL_NOTHING, &rows, fault);
    if (outcome != OUTCOME_DONE || rows.affected == 1) {
        return outcome;
    }
    outcome = mariadb_run(handling->db,
                          "SELECT processed_at IS NOT NULL, result, amicale_id,"
                          " stripe_payment_intent_id FROM stripe_events"
                          " WHERE stripe_event_id = ? FOR UPDATE",
                          SQL_VALUES(SQL_SPAN(event->id)),
                          handling->arena,
                          &rows,
                          fault);
    if (outcome == OUTCOME_DONE && rows.count == 1 && sql_i64(&rows, 0, 0) == 1) {
        ledger->processed = true;
        work->amicale_id = sql_i64(&rows, 0, 2);
        work->payment_intent = sql_text(&rows, 0, 3);
    }
    return outcome;
}

static enum outcome apply(struct event_work *work, struct fault *fault)
{
    const struct event *event = &work->event;
    if (event->has_livemode &&
        event->livemode != work->handling->settings->stripe.livemode) {
        work->result = "ignored"; /* test events also reach an endpoint in live mode */
        return OUTCOME_DONE;
    }
    enum outcome outcome = OUTCOME_DONE;
    const struct event_type *type = event->is_thin ? NULL : event_type_find(event->type);
    if (type) {
        outcome = type->apply(work, fault);
    }
    return outcome == OUTCOME_DONE && !work->wanted.path ? event_find_account(work, fault)
                                                         : outcome;
}

static enum outcome close_ledger(struct event_work *work, struct fault *fault)
{
    const struct handling *handling = work->handling;
    return mariadb_run(
        handling->db,
        "UPDATE stripe_events SET processed_at = ?, result = ?, amicale_id = ?,"
        " stripe_payment_intent_id = ?, last_fault = NULL WHERE stripe_event_id = ?",
        SQL_VALUES(sql_moment(handling->arena, clock_wall_ms(handling->clock)),
                   SQL_STRING(work->result),
                   work->amicale_id ? SQL_I64(work->amicale_id) : SQL_NOTHING,
                   sql_optional(work->payment_intent),
                   SQL_SPAN(work->event.id)),
        handling->arena,
        NULL,
        fault);
}

/* From the rows as they now are, so an event that was processed before gives the same. */
static enum outcome follow(struct event_work *work,
                           struct handled *handled,
                           struct fault *fault)
{
    const struct event_type *type =
        work->event.is_thin ? NULL : event_type_find(work->event.type);
    return type && type->follow ? type->follow(work, handled, fault) : OUTCOME_DONE;
}

/* That we have the event, and why it is not applied, outlives the rollback. When the
 * ledger cannot keep it the fault says so too: the job is the only trace then. */
static void keep_failure(struct event_work *work, struct fault *fault)
{
    if (fault->neighbour && span_is(span_of(fault->neighbour), "mariadb")) {
        return; /* the next attempt will write it */
    }
    struct fault second;
    struct sql_value last_fault = SQL_SPAN(event_cut(span_of(fault->text), FAULT_BYTES));
    enum outcome outcome = write_ledger(work, last_fault, NULL, &second);
    if (outcome != OUTCOME_DONE) {
        struct span first = event_cut(span_of(fault->text), 110);
        struct span further = event_cut(span_of(second.text), 50);
        char both[FAULT_TEXT_BYTES];
        snprintf(both,
                 sizeof(both),
                 "%.*s (and the ledger did not keep it: %.*s)",
                 SPAN_ARGS(first),
                 SPAN_ARGS(further));
        memcpy(fault->text, both, sizeof(both));
    }
}

/* One attempt more at the event; the first one brings the row. A fault replaces the one
 * before, none leaves it. */
static enum outcome write_ledger(struct event_work *work,
                                 struct sql_value last_fault,
                                 struct sql_rows *out_rows,
                                 struct fault *fault)
{
    const struct handling *handling = work->handling;
    const struct event *event = &work->event;
    int64_t keep_ms = handling->settings->books.body_keep_days * DAY_MS;
    return mariadb_run(
        handling->db,
        "INSERT INTO stripe_events (stripe_event_id, type, endpoint, account, object_id,"
        " livemode, api_version, stripe_created, received_at, attempts, sealed_body,"
        " body_erase_at, last_fault) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)"
        " ON DUPLICATE KEY UPDATE attempts = attempts + 1,"
        " last_fault = COALESCE(VALUES(last_fault), last_fault)",
        SQL_VALUES(SQL_SPAN(event->id),
                   SQL_SPAN(event->type),
                   SQL_SPAN(work->endpoint),
                   sql_optional(event_cut(event->account, ID_BYTES)),
                   sql_optional(event_cut(event->object_id, ID_BYTES)),
                   SQL_I64(event->livemode),
                   sql_optional(event_cut(event->api_version, 64)),
                   sql_moment(handling->arena, event->created_s * 1000),
                   sql_moment(handling->arena, work->received_ms),
                   sealed_body(work),
                   sql_moment(handling->arena, work->received_ms + keep_ms),
                   last_fault),
        handling->arena,
        out_rows,
        fault);
}

static struct sql_value sealed_body(const struct event_work *work)
{
    const struct handling *handling = work->handling;
    return SQL_SPAN(seal_seal(handling->pii,
                              SPAN("stripe_events.sealed_body"),
                              work->body,
                              handling->arena));
}
