/* SPDX-License-Identifier: MIT
 * Decides what an event changes in the row of its object, and changes it. */
#include "worker/mirror.h"

#include <assert.h>
#include <string.h>

#include "worker/events.h"
#include "worker/handlers.h"

/* Why the row is looked at. */
enum reason { TOLD, RETRIEVED, ENSURE };

static enum outcome apply(struct event_work *work,
                          const struct mirror *mirror,
                          struct span id,
                          const struct cJSON *object,
                          enum reason reason,
                          struct mirror_row *row,
                          struct fault *fault);
static enum outcome lock_row(struct event_work *work,
                             const struct mirror *mirror,
                             struct span id,
                             struct mirror_row *row,
                             struct fault *fault);
static enum outcome make_row(struct event_work *work,
                             const struct mirror *mirror,
                             struct span id,
                             const struct cJSON *object,
                             struct mirror_row *row,
                             struct fault *fault);
static enum outcome insert_row(struct event_work *work,
                               const struct mirror *mirror,
                               struct span id,
                               struct sql_value *facts,
                               bool *out_made,
                               struct fault *fault);
static enum outcome change_row(struct event_work *work,
                               const struct mirror *mirror,
                               struct span id,
                               const struct cJSON *told,
                               enum reason reason,
                               struct mirror_row *row,
                               struct fault *fault);
static enum outcome report_missing(struct event_work *work,
                                   const struct mirror *mirror,
                                   struct span id,
                                   struct fault *fault);
static enum outcome read_facts(struct event_work *work,
                               const struct mirror *mirror,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault);
static enum state_move judge(const struct mirror *mirror,
                             const struct mirror_row *row,
                             const struct sql_value *facts,
                             bool retrieved);
static bool differs(const struct mirror *mirror,
                    const struct mirror_row *row,
                    const struct sql_value *facts);
static enum outcome write_row(struct event_work *work,
                              const struct mirror *mirror,
                              struct mirror_row *row,
                              struct sql_value *facts,
                              struct fault *fault);
static enum outcome touch_row(struct event_work *work,
                              const struct mirror *mirror,
                              struct mirror_row *row,
                              const char *result,
                              struct fault *fault);
static void newest_event(const struct event_work *work,
                         const struct mirror_row *row,
                         struct sql_value newest[2]);
static int compare(struct span a, struct span b);

enum outcome mirror_apply(struct event_work *work,
                          const struct mirror *mirror,
                          struct span id,
                          const struct cJSON *told,
                          struct mirror_row *out_row,
                          struct fault *fault)
{
    return apply(work, mirror, id, told, TOLD, out_row, fault);
}

enum outcome mirror_apply_retrieved(struct event_work *work,
                                    const struct mirror *mirror,
                                    struct span id,
                                    const struct cJSON *object,
                                    struct mirror_row *out_row,
                                    struct fault *fault)
{
    assert(object);
    return apply(work, mirror, id, object, RETRIEVED, out_row, fault);
}

enum outcome mirror_ensure(struct event_work *work,
                           const struct mirror *mirror,
                           struct span id,
                           struct mirror_row *out_row,
                           struct fault *fault)
{
    return apply(work, mirror, id, NULL, ENSURE, out_row, fault);
}

static enum outcome apply(struct event_work *work,
                          const struct mirror *mirror,
                          struct span id,
                          const struct cJSON *object,
                          enum reason reason,
                          struct mirror_row *row,
                          struct fault *fault)
{
    if (!event_is_id(id)) {
        return fault_set(fault, OUTCOME_NEVER, "events", 0, "the object's id is none");
    }
    /* Whoever makes the row locks it; whoever finds it made between the look and the
     * insert looks once more. */
    for (int look = 0; look < 3; look++) {
        *row = (struct mirror_row){.revision = EVENT_NEW_ROW,
                                   .own = span_equal(id, work->event.object_id)};
        enum outcome outcome = lock_row(work, mirror, id, row, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        if (row->id != 0) {
            return change_row(work, mirror, id, object, reason, row, fault);
        }
        outcome = make_row(work, mirror, id, object, row, fault);
        if (outcome != OUTCOME_DONE || work->wanted.path || row->made || !row->object) {
            return outcome;
        }
    }
    return fault_set(fault, OUTCOME_LATER, "events", 0, "the row comes and goes");
}

static enum outcome lock_row(struct event_work *work,
                             const struct mirror *mirror,
                             struct span id,
                             struct mirror_row *row,
                             struct fault *fault)
{
    enum outcome outcome = mariadb_run(work->handling->db,
                                       mirror->select,
                                       SQL_VALUES(SQL_SPAN(id)),
                                       work->handling->arena,
                                       &row->rows,
                                       fault);
    if (outcome == OUTCOME_DONE && row->rows.count > 0) {
        row->id = sql_i64(&row->rows, 0, 0);
        row->revision = sql_i64(&row->rows, 0, 1);
    }
    return outcome;
}

/* row->made stays false when there is nothing to make it from, or somebody else was
 * first; row->object tells the two apart. */
static enum outcome make_row(struct event_work *work,
                             const struct mirror *mirror,
                             struct span id,
                             const struct cJSON *object,
                             struct mirror_row *row,
                             struct fault *fault)
{
    struct sql_value facts[MIRROR_MOST_FACTS + 3];
    bool retrieved = !object;
    if (retrieved &&
        !event_retrieved_id(work, mirror->collection, id, EVENT_NEW_ROW, &object)) {
        return OUTCOME_DONE;
    }
    if (!object) {
        work->result = "recorded";
        return report_missing(work, mirror, id, fault);
    }
    enum outcome outcome = read_facts(work, mirror, object, facts, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (mirror->has_states && !state_is_known(mirror->states, facts[0].text)) {
        work->result = "recorded";
        return event_finding(work,
                             "unknown_state",
                             id,
                             0,
                             SPAN(""),
                             "a state of another version",
                             fault);
    }
    row->object = object;
    if (mirror->adopt) {
        bool adopted = false;
        outcome = mirror->adopt(work, id, object, facts, &adopted, fault);
        if (outcome != OUTCOME_DONE || adopted) {
            return outcome;
        }
    }
    outcome = mirror->make ? mirror->make(work, id, object, facts, &row->made, fault)
                           : insert_row(work, mirror, id, facts, &row->made, fault);
    if (outcome != OUTCOME_DONE || !row->made) {
        return outcome;
    }
    const struct cJSON *made_from = row->object;
    outcome = lock_row(work, mirror, id, row, fault);
    row->revision = EVENT_NEW_ROW;
    row->object = made_from;
    row->changed = true;
    work->result = "applied";
    return outcome;
}

/* `facts` has room for the id and the event behind them. */
static enum outcome insert_row(struct event_work *work,
                               const struct mirror *mirror,
                               struct span id,
                               struct sql_value *facts,
                               bool *out_made,
                               struct fault *fault)
{
    size_t count = mirror->fact_count;
    struct sql_rows rows;
    facts[count++] = SQL_SPAN(id);
    mirror_first_event(work, id, facts + count);
    enum outcome outcome = mariadb_run(work->handling->db,
                                       mirror->insert,
                                       facts,
                                       count + 2,
                                       work->handling->arena,
                                       &rows,
                                       fault);
    *out_made = outcome == OUTCOME_DONE && rows.affected == 1;
    return outcome;
}

static enum outcome change_row(struct event_work *work,
                               const struct mirror *mirror,
                               struct span id,
                               const struct cJSON *told,
                               enum reason reason,
                               struct mirror_row *row,
                               struct fault *fault)
{
    struct sql_value facts[MIRROR_MOST_FACTS + 3];
    enum outcome outcome;
    if (reason == ENSURE) {
        return touch_row(work, mirror, row, "applied", fault);
    }
    enum state_move move = STATE_RETRIEVE;
    row->object = told;
    if (told) {
        outcome = read_facts(work, mirror, told, facts, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        move = judge(mirror, row, facts, reason == RETRIEVED);
    }
    if (move == STATE_RETRIEVE || (move == STATE_UNKNOWN && reason == TOLD)) {
        if (!event_retrieved_id(work,
                                mirror->collection,
                                id,
                                row->revision,
                                &row->object)) {
            return OUTCOME_DONE;
        }
        if (!row->object) {
            outcome = report_missing(work, mirror, id, fault);
            return outcome == OUTCOME_DONE
                       ? touch_row(work, mirror, row, "recorded", fault)
                       : outcome;
        }
        outcome = read_facts(work, mirror, row->object, facts, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        move = judge(mirror, row, facts, true);
    }
    switch (move) {
    case STATE_FORWARD:
        return write_row(work, mirror, row, facts, fault);
    case STATE_SAME:
        return touch_row(work, mirror, row, "applied", fault);
    case STATE_OLD:
        row->object = NULL;
        return touch_row(work, mirror, row, "stale", fault);
    case STATE_UNKNOWN:
        outcome = event_finding(work,
                                "unknown_state",
                                id,
                                0,
                                SPAN(""),
                                "a state of another version",
                                fault);
        row->object = NULL;
        return outcome == OUTCOME_DONE ? touch_row(work, mirror, row, "recorded", fault)
                                       : outcome;
    case STATE_RETRIEVE:
        break;
    }
    assert(!"what was retrieved is judged for good");
    return OUTCOME_NEVER;
}

static enum outcome report_missing(struct event_work *work,
                                   const struct mirror *mirror,
                                   struct span id,
                                   struct fault *fault)
{
    return mirror->may_leave ? OUTCOME_DONE
                             : event_finding(work,
                                             "object_missing",
                                             id,
                                             0,
                                             SPAN(""),
                                             "Stripe has no such object",
                                             fault);
}

static enum outcome read_facts(struct event_work *work,
                               const struct mirror *mirror,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault)
{
    assert(mirror->fact_count <= MIRROR_MOST_FACTS);
    enum outcome outcome = mirror->facts(work, object, facts, fault);
    assert(outcome != OUTCOME_DONE || !mirror->has_states || facts[0].type == SQL_TEXT);
    return outcome;
}

/* The same state with other facts is a change like any: retrieved, it is taken, told, it
 * may be the older. */
static enum state_move judge(const struct mirror *mirror,
                             const struct mirror_row *row,
                             const struct sql_value *facts,
                             bool retrieved)
{
    enum state_move move = STATE_SAME;
    if (mirror->has_states) {
        struct span state = sql_text(&row->rows, 0, MIRROR_FIRST_FACT);
        move = retrieved ? state_move_retrieved(mirror->states, state, facts[0].text)
                         : state_move(mirror->states, state, facts[0].text);
    }
    if (move == STATE_SAME && differs(mirror, row, facts)) {
        move = retrieved ? STATE_FORWARD : STATE_RETRIEVE;
    }
    return move;
}

static bool differs(const struct mirror *mirror,
                    const struct mirror_row *row,
                    const struct sql_value *facts)
{
    for (size_t i = 0; i < mirror->fact_count; i++) {
        const struct sql_value *held = sql_at(&row->rows, 0, MIRROR_FIRST_FACT + i);
        if (held->type != facts[i].type ||
            (held->type == SQL_INTEGER && held->integer != facts[i].integer) ||
            (held->type == SQL_TEXT && !span_equal(held->text, facts[i].text))) {
            return true;
        }
    }
    return false;
}

static enum outcome write_row(struct event_work *work,
                              const struct mirror *mirror,
                              struct mirror_row *row,
                              struct sql_value *facts,
                              struct fault *fault)
{
    struct sql_value values[2 + MIRROR_MOST_FACTS + 1];
    newest_event(work, row, values);
    memcpy(values + 2, facts, mirror->fact_count * sizeof(facts[0]));
    values[2 + mirror->fact_count] = SQL_I64(row->id);
    work->result = "applied";
    row->changed = true;
    return mariadb_run(work->handling->db,
                       mirror->update,
                       values,
                       mirror->fact_count + 3,
                       work->handling->arena,
                       NULL,
                       fault);
}

static enum outcome touch_row(struct event_work *work,
                              const struct mirror *mirror,
                              struct mirror_row *row,
                              const char *result,
                              struct fault *fault)
{
    struct sql_value values[3];
    newest_event(work, row, values);
    values[2] = SQL_I64(row->id);
    work->result = result;
    return mariadb_run(work->handling->db,
                       mirror->touch,
                       values,
                       3,
                       work->handling->arena,
                       NULL,
                       fault);
}

void mirror_first_event(const struct event_work *work,
                        struct span id,
                        struct sql_value out_values[2])
{
    bool own = span_equal(id, work->event.object_id);
    int64_t created_ms = work->event.created_s * 1000;
    out_values[0] = own ? SQL_SPAN(work->event.id) : SQL_NOTHING;
    out_values[1] = own ? sql_moment(work->handling->arena, created_ms) : SQL_NOTHING;
}

/* The newest event of the row and its moment: this one, or the one that was. Which of two
 * in one second is newer nobody knows; their ids decide, so that all orders end alike. */
static void newest_event(const struct event_work *work,
                         const struct mirror_row *row,
                         struct sql_value newest[2])
{
    const struct sql_value *held_id = sql_at(&row->rows, 0, 2);
    const struct sql_value *held_at = sql_at(&row->rows, 0, 3);
    newest[0] = SQL_SPAN(work->event.id);
    newest[1] = sql_moment(work->handling->arena, work->event.created_s * 1000);
    bool keeps = !row->own || newest[1].type != SQL_TEXT;
    if (!keeps && held_id->type == SQL_TEXT && held_at->type == SQL_TEXT) {
        int order = compare(held_at->text, newest[1].text);
        keeps = order > 0 || (order == 0 && compare(held_id->text, work->event.id) > 0);
    }
    if (keeps) {
        newest[0] = *held_id;
        newest[1] = *held_at;
    }
}

static int compare(struct span a, struct span b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.at, b.at, shorter) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}
