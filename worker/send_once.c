/* SPDX-License-Identifier: MIT
 * Carries out what send_plan says: marks, POSTs and looks. */
#include "worker/send_once.h"

#include "common/base/clock.h"
#include "common/link/mariadb.h"
#include "worker/crash_point.h"
#include "worker/handlers.h"
#include "worker/send_plan.h"

enum { FORBIDDEN = 403 };

/* One object on its way. */
struct sending {
    struct handling *handling;
    const struct send *send;
    struct send_marks marks;
    struct send_marks written; /* the marks as the row has them */
    bool doubtful; /* the step's key was used by an earlier attempt */
    enum outcome outcome; /* of the last call, with its fault */
    int64_t wait_ms;
};

static enum outcome read_marks(struct sending *sending, struct fault *fault);
static enum outcome write_marks(struct sending *sending, struct fault *fault);
static enum outcome make_move(struct sending *sending,
                              enum send_move *move,
                              struct stripe_answer *answer,
                              struct fault *fault);
static enum send_move post(struct sending *sending,
                           struct stripe_answer *answer,
                           struct fault *fault);
static enum send_move look(struct sending *sending,
                           struct stripe_answer *answer,
                           struct fault *fault);
static int64_t now(const struct sending *sending);

enum outcome send_once(struct handling *handling,
                       const struct send *send,
                       struct stripe_answer *out_answer,
                       struct fault *fault)
{
    struct sending sending = {.handling = handling, .send = send};
    struct stripe_answer answer = {0};
    enum outcome outcome = read_marks(&sending, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    enum send_move move =
        send_plan_begin(&send_times_stripe, now(&sending), &sending.marks);
    while (move == SEND_POST || move == SEND_LOOK) {
        outcome = make_move(&sending, &move, &answer, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    outcome = sending.outcome;
    if (move == SEND_WAIT && fault->retry_after_ms < sending.wait_ms) {
        fault->retry_after_ms = sending.wait_ms;
    }
    if (outcome == OUTCOME_DONE || outcome == OUTCOME_NEVER) {
        *out_answer = answer;
    }
    return outcome;
}

static enum outcome read_marks(struct sending *sending, struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(sending->handling->db,
                                       sending->send->select_marks,
                                       SQL_VALUES(SQL_I64(sending->send->row_id)),
                                       sending->handling->arena,
                                       &rows,
                                       fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count != 1) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "send_once",
                         0,
                         "the row that waits for Stripe's object is gone");
    }
    sending->marks.first_sent_ms = sql_i64(&rows, 0, 0);
    sending->marks.step = sql_i64(&rows, 0, 1);
    sending->written = sending->marks;
    sending->doubtful = sending->marks.first_sent_ms > 0;
    return OUTCOME_DONE;
}

/* Committed by itself, before anything is sent. */
static enum outcome write_marks(struct sending *sending, struct fault *fault)
{
    struct arena *arena = sending->handling->arena;
    if (sending->marks.first_sent_ms == sending->written.first_sent_ms &&
        sending->marks.step == sending->written.step) {
        return OUTCOME_DONE;
    }
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(sending->handling->db,
                    sending->send->update_marks,
                    SQL_VALUES(sql_moment(arena, sending->marks.first_sent_ms),
                               SQL_I64(sending->marks.step),
                               SQL_I64(sending->send->row_id)),
                    arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE && rows.affected != 1) {
        return fault_set(fault,
                         OUTCOME_LATER,
                         "send_once",
                         0,
                         "the row has come to want no object of Stripe's");
    }
    sending->written = sending->marks;
    return outcome;
}

static enum outcome make_move(struct sending *sending,
                              enum send_move *move,
                              struct stripe_answer *answer,
                              struct fault *fault)
{
    enum outcome outcome = write_marks(sending, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (*move == SEND_POST) {
        CRASH_POINT("marked");
        *move = post(sending, answer, fault);
        CRASH_POINT("posted");
    } else {
        *move = look(sending, answer, fault);
    }
    /* A rest begins before it is slept over. */
    return write_marks(sending, fault);
}

static enum send_move post(struct sending *sending,
                           struct stripe_answer *answer,
                           struct fault *fault)
{
    struct handling *handling = sending->handling;
    const struct send *send = sending->send;
    const char *key = arena_format(handling->arena,
                                   "%.*s/%lld",
                                   SPAN_ARGS(send->job_id),
                                   (long long)sending->marks.step);
    *answer = (struct stripe_answer){0};
    sending->outcome = stripe_post(handling->stripe,
                                   send->path,
                                   send->form,
                                   send->form_count,
                                   SPAN(""),
                                   span_of(key),
                                   send->live,
                                   handling->arena,
                                   answer,
                                   fault);
    if (sending->outcome == OUTCOME_DONE) {
        handling->answered |= NEIGHBOUR_STRIPE;
        return SEND_TAKE;
    }
    /* Who has no leave (any more) is refused before the key is looked up: that says
     * nothing of what an earlier sending made. */
    bool refused = sending->outcome == OUTCOME_NEVER;
    const struct send_result result = {
        .outcome = sending->outcome,
        .status = fault->code >= 400 ? fault->code : 0,
        .key_is_spent = refused && (span_is(answer->error_type, "idempotency_error") ||
                                    (answer->status == FORBIDDEN && sending->doubtful)),
    };
    return send_plan_posted(&result, now(sending), &sending->marks, &sending->wait_ms);
}

static enum send_move look(struct sending *sending,
                           struct stripe_answer *answer,
                           struct fault *fault)
{
    struct cJSON *object = NULL;
    *answer = (struct stripe_answer){0};
    sending->outcome = sending->send->find(sending->handling,
                                           sending->send->find_context,
                                           &object,
                                           fault);
    /* Not to be shown the list is no answer: what may have been made is not known. */
    if (sending->outcome == OUTCOME_NEVER) {
        sending->outcome = OUTCOME_LATER;
    }
    if (sending->outcome != OUTCOME_DONE) {
        return SEND_WAIT;
    }
    sending->doubtful = false;
    if (object) {
        *answer = (struct stripe_answer){.status = 200, .document = object};
        return SEND_TAKE;
    }
    enum send_move move = send_plan_missed(&send_times_stripe,
                                           now(sending),
                                           &sending->marks,
                                           &sending->wait_ms);
    if (move == SEND_WAIT) {
        sending->outcome =
            fault_set(fault,
                      OUTCOME_LATER,
                      "send_once",
                      0,
                      "Stripe failed, and shows nothing that came of it yet");
    }
    return move;
}

static int64_t now(const struct sending *sending)
{
    return clock_wall_ms(sending->handling->clock);
}
