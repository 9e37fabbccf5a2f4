/* SPDX-License-Identifier: MIT
 * What may happen to a payment: scripts, and their steps. */
#include "tests/stripesim/play_scripts.h"

#include "tests/stripesim/disputes.h"
#include "tests/stripesim/payments.h"
#include "tests/stripesim/refunds.h"
#include "tests/stripesim/sim.h"

static void step_tap(struct sim *sim, struct payment_intent *intent);
static void step_decline(struct sim *sim, struct payment_intent *intent);
static void step_capture(struct sim *sim, struct payment_intent *intent);
static void step_capture_part(struct sim *sim, struct payment_intent *intent);
static void step_cancel(struct sim *sim, struct payment_intent *intent);
static void step_refund_all(struct sim *sim, struct payment_intent *intent);
static void step_refund_part(struct sim *sim, struct payment_intent *intent);
static void step_refund_later(struct sim *sim, struct payment_intent *intent);
static void refund(struct sim *sim,
                   struct payment_intent *intent,
                   int64_t divisor,
                   enum refund_status status);
static void step_settle_refund(struct sim *sim, struct payment_intent *intent);
static void step_fail_refund(struct sim *sim, struct payment_intent *intent);
static struct refund *last_refund(struct sim *sim, const struct payment_intent *intent);
static void step_dispute(struct sim *sim, struct payment_intent *intent);
static void step_answer(struct sim *sim, struct payment_intent *intent);
static void step_lose(struct sim *sim, struct payment_intent *intent);
static void step_win(struct sim *sim, struct payment_intent *intent);
static void close_dispute(struct sim *sim, struct payment_intent *intent, bool won);
static struct dispute *dispute_of(struct sim *sim, const struct payment_intent *intent);
const struct play_script play_scripts[PLAY_SCRIPTS] = {
    {"succeeded", 65, false, {step_tap}},
    {"declined_then_succeeded", 8, false, {step_decline, step_tap}},
    {"captured", 5, true, {step_tap, step_capture}},
    {"partially_captured",
     3,
     true,
     {step_tap, step_capture_part, step_refund_part, step_settle_refund}},
    {"canceled", 4, false, {step_cancel}},
    {"released", 2, true, {step_tap, step_cancel}},
    {"refunded", 4, false, {step_tap, step_refund_all, step_settle_refund}},
    {"partially_refunded", 4, false, {step_tap, step_refund_part, step_settle_refund}},
    {"refund_failed",
     2,
     false,
     {step_tap, step_refund_all, step_settle_refund, step_fail_refund}},
    {"disputed", 2, false, {step_tap, step_dispute, step_answer, step_lose}},
    {"dispute_won", 1, false, {step_tap, step_dispute, step_answer, step_win}},
    {"refund_waited", 0, false, {step_tap, step_refund_later, step_settle_refund}},
    {"declined", 0, false, {step_decline}},
    {"authorized", 0, true, {step_tap}},
    {"abandoned", 0, false, {NULL}},
};
int play_scripts_find(struct span name)
{
    for (int i = 0; i < PLAY_SCRIPTS; i++) {
        if (span_is(name, play_scripts[i].name)) {
            return i;
        }
    }
    return -1;
}

static void step_tap(struct sim *sim, struct payment_intent *intent)
{
    if (payments_may(MOVE_ATTEMPT, intent->status)) {
        payments_attempt(sim, intent, payments_attempt_named(SPAN("succeeded")));
    }
}

static void step_decline(struct sim *sim, struct payment_intent *intent)
{
    if (payments_may(MOVE_ATTEMPT, intent->status)) {
        payments_attempt(sim, intent, payments_attempt_named(SPAN("declined")));
    }
}

static void step_capture(struct sim *sim, struct payment_intent *intent)
{
    if (payments_may(MOVE_CAPTURE, intent->status)) {
        payments_capture(sim, intent, intent->amount_capturable);
    }
}

/* Three fifths: what is released then differs from what a half or all of the rest is. */
static void step_capture_part(struct sim *sim, struct payment_intent *intent)
{
    int64_t part = intent->amount_capturable * 3 / 5;
    part = part < intent->application_fee_amount ? intent->application_fee_amount : part;
    if (payments_may(MOVE_CAPTURE, intent->status) && part > 0) {
        payments_capture(sim, intent, part);
    }
}

static void step_cancel(struct sim *sim, struct payment_intent *intent)
{
    if (payments_may(MOVE_CANCEL, intent->status)) {
        payments_cancel(sim, intent, "requested_by_customer");
    }
}

static void step_refund_all(struct sim *sim, struct payment_intent *intent)
{
    refund(sim, intent, 1, REFUND_SUCCEEDED);
}

static void step_refund_part(struct sim *sim, struct payment_intent *intent)
{
    refund(sim, intent, 2, REFUND_SUCCEEDED);
}

/* Reverses the transfer; every odd amount gives the platform's fee back, too. */
static void refund(struct sim *sim,
                   struct payment_intent *intent,
                   int64_t divisor,
                   enum refund_status status)
{
    struct charge *charge = payments_charge(sim, intent);
    if (!charge || charge->status != CHARGE_SUCCEEDED || refunds_left(charge) < divisor) {
        return;
    }
    refunds_make(sim,
                 charge,
                 &(struct refund_order){
                     .amount = refunds_left(charge) / divisor,
                     .reason = "requested_by_customer",
                     .metadata = "{}",
                     .status = status,
                     .booking = BOOK_REFUND,
                     .reverse_transfer = charge->transfer != NULL,
                     .refund_fee = charge->application_fee && charge->amount % 2 == 1,
                 });
}

static void step_refund_later(struct sim *sim, struct payment_intent *intent)
{
    refund(sim, intent, 1, REFUND_PENDING);
}

static void step_settle_refund(struct sim *sim, struct payment_intent *intent)
{
    struct refund *last = last_refund(sim, intent);
    if (last && last->status != REFUND_FAILED) {
        refunds_settle(sim, last);
    }
}

static void step_fail_refund(struct sim *sim, struct payment_intent *intent)
{
    struct refund *last = last_refund(sim, intent);
    if (last && last->status != REFUND_FAILED) {
        refunds_fail(sim, last, "expired_or_canceled_card");
    }
}

static struct refund *last_refund(struct sim *sim, const struct payment_intent *intent)
{
    const struct charge *charge = payments_charge(sim, intent);
    return charge ? charge->newest_refund : NULL;
}

static void step_dispute(struct sim *sim, struct payment_intent *intent)
{
    struct charge *charge = payments_charge(sim, intent);
    if (charge && disputes_may(charge)) {
        disputes_open(sim, charge, "fraudulent");
    }
}

static void step_answer(struct sim *sim, struct payment_intent *intent)
{
    struct dispute *dispute = dispute_of(sim, intent);
    if (dispute && dispute->status == DISPUTE_NEEDS_RESPONSE) {
        disputes_answer(sim, dispute);
    }
}

static void step_lose(struct sim *sim, struct payment_intent *intent)
{
    close_dispute(sim, intent, false);
}

static void step_win(struct sim *sim, struct payment_intent *intent)
{
    close_dispute(sim, intent, true);
}

static void close_dispute(struct sim *sim, struct payment_intent *intent, bool won)
{
    struct dispute *dispute = dispute_of(sim, intent);
    if (dispute && disputes_is_open(dispute)) {
        disputes_close(sim, dispute, won);
    }
}

static struct dispute *dispute_of(struct sim *sim, const struct payment_intent *intent)
{
    const struct charge *charge = payments_charge(sim, intent);
    return charge && charge->dispute ? store_find(&sim->store,
                                                  KIND_DISPUTE,
                                                  intent->object.account,
                                                  span_of(charge->dispute))
                                     : NULL;
}
