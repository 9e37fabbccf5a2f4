/* SPDX-License-Identifier: MIT
 *
 * payment_move - brings a PaymentIntent from one state to another: captured, canceled.
 *
 * Owns:    nothing
 * Callers: handle_payment_capture.c, handle_payment_cancel.c
 * Blocks:  up to stripe.total_ms a call
 * Faults:  LATER and UNSURE as Stripe's; what cannot be done is an answer
 *
 * Stripe's own states see to it that it happens once: what is captured or canceled cannot
 * be so again. So the state is looked at before every POST and after every one whose
 * answer was lost, and each attempt has a key of its own: one that Stripe stored a 500
 * under would never let the payment move again.
 */
#ifndef WORKER_PAYMENT_MOVE_H
#define WORKER_PAYMENT_MOVE_H

#include <stddef.h>

#include "common/base/fault.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"

struct answer;
struct asked;
struct cJSON;
struct handled;

enum { PAYMENT_MOVE_PARAMS = 4 };

/* What the PaymentIntent's state says about the wish. */
enum move_verdict {
    MOVE_ARRIVED, /* it is where it should be: the payment is the answer */
    MOVE_POST, /* it can go there: the form is filled */
    MOVE_WRONG_STATE, /* it cannot */
    MOVE_ANSWERED, /* it cannot, and the answer says why */
};

struct move_form {
    struct stripe_param params[PAYMENT_MOVE_PARAMS];
    size_t count;
};

struct payment_move {
    const char *verb; /* "capture": the path's last word */
    enum move_verdict (*judge)(struct asked *asked,
                               const struct sql_rows *payment,
                               const struct cJSON *intent,
                               struct move_form *out_form,
                               struct answer *answer);
};

/* `payment` is what payment_ask_find found, with a PaymentIntent. */
MUST_USE enum outcome payment_move(struct asked *asked,
                                   const struct payment_move *move,
                                   const struct sql_rows *payment,
                                   struct answer *answer,
                                   struct handled *out_handled,
                                   struct fault *fault);

#endif
