/* SPDX-License-Identifier: MIT
 * Runs a step in a transaction as often as it takes to have all that it wants. */
#include "common/link/mariadb.h"
#include "worker/events.h"
#include "worker/handlers.h"

enum { SQL_NO_PARENT = 1452 };

static enum outcome try_once(struct event_work *work,
                             event_follow_fn step,
                             struct handled *handled,
                             struct fault *fault);

enum outcome event_run(struct event_work *work,
                       event_follow_fn step,
                       struct handled *handled,
                       struct fault *fault)
{
    for (;;) {
        enum outcome outcome = try_once(work, step, handled, fault);
        if (outcome != OUTCOME_DONE || !work->wanted.path) {
            return outcome;
        }
        outcome = event_fetch(work, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
}

static enum outcome try_once(struct event_work *work,
                             event_follow_fn step,
                             struct handled *handled,
                             struct fault *fault)
{
    struct mariadb *db = work->handling->db;
    work->result = "recorded";
    work->amicale_id = 0;
    work->payment_intent = SPAN("");
    work->unpaid = false;
    *handled = (struct handled){0};
    enum outcome outcome = mariadb_begin(db, fault);
    if (outcome == OUTCOME_DONE) {
        work->handling->answered |= NEIGHBOUR_MARIADB;
        outcome = step(work, handled, fault);
    }
    if (outcome == OUTCOME_DONE && !work->wanted.path) {
        outcome = mariadb_commit(db, fault);
    }
    if (outcome != OUTCOME_DONE || work->wanted.path) {
        mariadb_rollback(db);
    }
    /* A commit whose answer was lost is looked at by the next attempt, in the rows. A key
     * that was taken or left between two statements is another event's doing. */
    if (outcome == OUTCOME_UNSURE ||
        (outcome == OUTCOME_NEVER &&
         (mariadb_is_duplicate(fault) || fault->code == SQL_NO_PARENT))) {
        return OUTCOME_LATER;
    }
    return outcome;
}
