/* SPDX-License-Identifier: MIT
 * The moves between keys and rests. */
#include "worker/send_plan.h"

static bool is_rest(const struct send_marks *marks);
static void begin_step(int64_t now_ms, struct send_marks *marks);

enum {
    SOON_MS = 200, /* after a lost answer: the same key is asked again at once */
    BUSY_MS = 1000, /* another request with the key is at work */
    LOOK_FIRST_MS = 1000, /* between two looks at first, ... */
    LOOK_MOST_MS = 20000, /* and at most */
};

const struct send_times send_times_stripe = {.key_ms = INT64_C(23) * 3600 * 1000,
                                             .rest_ms = 60 * 1000};

enum send_move send_plan_begin(const struct send_times *times,
                               int64_t now_ms,
                               struct send_marks *marks)
{
    if (marks->first_sent_ms == 0) {
        marks->first_sent_ms = now_ms;
        return SEND_POST;
    }
    if (is_rest(marks)) {
        return SEND_LOOK;
    }
    if (now_ms - marks->first_sent_ms < times->key_ms) {
        return SEND_POST;
    }
    begin_step(now_ms, marks);
    return SEND_LOOK;
}

/* A 500 is stored under its key, and played back for ever. Other 5xx come from before
 * the call was worked on, or were not stored: the same key may well be answered. */
enum send_move send_plan_posted(const struct send_result *result,
                                int64_t now_ms,
                                struct send_marks *marks,
                                int64_t *out_wait_ms)
{
    *out_wait_ms = 0;
    if (result->key_is_spent ||
        (result->outcome == OUTCOME_UNSURE && result->status == 500)) {
        begin_step(now_ms, marks);
        return SEND_LOOK;
    }
    switch (result->outcome) {
    case OUTCOME_UNSURE:
        *out_wait_ms = SOON_MS;
        return SEND_WAIT;
    case OUTCOME_LATER:
        *out_wait_ms = result->status == 409 ? BUSY_MS : 0;
        return SEND_WAIT;
    case OUTCOME_DONE:
    case OUTCOME_NEVER:
        break;
    }
    return SEND_TAKE;
}

/* Looks come close to one another at first, while somebody waits, then further apart: as
 * long again as the rest has lasted. */
enum send_move send_plan_missed(const struct send_times *times,
                                int64_t now_ms,
                                struct send_marks *marks,
                                int64_t *out_wait_ms)
{
    int64_t rested_ms = now_ms - marks->first_sent_ms;
    *out_wait_ms = 0;
    if (rested_ms >= times->rest_ms) {
        begin_step(now_ms, marks);
        return SEND_POST;
    }
    int64_t left_ms = times->rest_ms - (rested_ms > 0 ? rested_ms : 0);
    int64_t wait_ms = rested_ms < LOOK_FIRST_MS  ? LOOK_FIRST_MS
                      : rested_ms > LOOK_MOST_MS ? LOOK_MOST_MS
                                                 : rested_ms;
    *out_wait_ms = wait_ms < left_ms ? wait_ms : left_ms;
    return SEND_WAIT;
}

static bool is_rest(const struct send_marks *marks)
{
    return marks->step % 2 != 0;
}

static void begin_step(int64_t now_ms, struct send_marks *marks)
{
    marks->step++;
    marks->first_sent_ms = now_ms;
}
