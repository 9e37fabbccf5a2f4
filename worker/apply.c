/* SPDX-License-Identifier: MIT
 * Makes the work of an event without one, and runs the appliers on it. */
#include "worker/apply.h"

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "worker/crash_point.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/payment.h"
#include "worker/refund.h"

static enum outcome run(struct handling *handling,
                        struct span id,
                        const struct cJSON *told,
                        event_follow_fn step,
                        struct handled *handled,
                        struct fault *fault);
static enum outcome take_payment(struct event_work *work,
                                 struct handled *handled,
                                 struct fault *fault);
static enum outcome take_refund(struct event_work *work,
                                struct handled *handled,
                                struct fault *fault);
static enum outcome take_account(struct event_work *work,
                                 struct handled *handled,
                                 struct fault *fault);

enum outcome apply_payment(struct handling *handling,
                           const struct cJSON *payment_intent,
                           struct handled *out_handled,
                           struct fault *fault)
{
    struct span id = json_string(payment_intent, "id");
    return run(handling, id, payment_intent, take_payment, out_handled, fault);
}

enum outcome apply_refund(struct handling *handling,
                          const struct cJSON *refund,
                          struct handled *out_handled,
                          struct fault *fault)
{
    struct span id = json_string(refund, "id");
    return run(handling, id, refund, take_refund, out_handled, fault);
}

enum outcome apply_account(struct handling *handling,
                           struct span account,
                           const struct cJSON *told,
                           struct fault *fault)
{
    struct handled nothing = {0};
    return run(handling, account, told, take_account, &nothing, fault);
}

/* The event has no id, and is about no object: the rows' last_event stays what it is. */
static enum outcome run(struct handling *handling,
                        struct span id,
                        const struct cJSON *told,
                        event_follow_fn step,
                        struct handled *handled,
                        struct fault *fault)
{
    int64_t now_ms = clock_wall_ms(handling->clock);
    struct event_work work = {
        .handling = handling,
        .event = {.livemode = handling->settings->stripe.livemode,
                  .created_s = now_ms / 1000},
        .endpoint = SPAN("platform"),
        .received_ms = now_ms,
        .named = told,
        .told = told,
        .subject = id,
    };
    enum outcome outcome = event_run(&work, step, handled, fault);
    event_work_done(&work);
    CRASH_POINT("applied");
    return outcome;
}

static enum outcome take_payment(struct event_work *work,
                                 struct handled *handled,
                                 struct fault *fault)
{
    enum outcome outcome = payment_apply(work, work->subject, work->told, fault);
    return outcome == OUTCOME_DONE && !work->wanted.path
               ? event_payment_follow(work, handled, fault)
               : outcome;
}

static enum outcome take_refund(struct event_work *work,
                                struct handled *handled,
                                struct fault *fault)
{
    enum outcome outcome =
        refund_take(work, work->subject, work->named, work->told, fault);
    return outcome == OUTCOME_DONE && !work->wanted.path
               ? event_refund_follow(work, handled, fault)
               : outcome;
}

static enum outcome take_account(struct event_work *work,
                                 struct handled *handled,
                                 struct fault *fault)
{
    (void)handled; /* nothing follows */
    return event_account_take(work, work->subject, work->told, fault);
}
