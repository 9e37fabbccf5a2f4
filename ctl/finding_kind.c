/* SPDX-License-Identifier: MIT
 * The table of the kinds of findings. */
#include "ctl/finding_kind.h"

#include <assert.h>

#define NO_DIFFERENCE "when Stripe and the books agree again"

/* One row a kind; those of reconciliation first. */
/* clang-format off */
const struct finding_kind finding_kinds[] = {
    {"payment_missing", FINDING_BY_RUN, NO_DIFFERENCE},
    {"payment_unknown", FINDING_BY_RUN, NO_DIFFERENCE},
    {"payment_charge", FINDING_BY_RUN, NO_DIFFERENCE},
    {"payment_amount", FINDING_BY_RUN, NO_DIFFERENCE},
    {"payment_status", FINDING_BY_RUN, NO_DIFFERENCE},
    {"payment_amicale", FINDING_BY_RUN, NO_DIFFERENCE},
    {"fee_amount", FINDING_BY_RUN, NO_DIFFERENCE},
    {"refund_missing", FINDING_BY_RUN, NO_DIFFERENCE},
    {"refund_unknown", FINDING_BY_RUN, NO_DIFFERENCE},
    {"refund_payment", FINDING_BY_RUN, NO_DIFFERENCE},
    {"refund_amount", FINDING_BY_RUN, NO_DIFFERENCE},
    {"refund_status", FINDING_BY_RUN, NO_DIFFERENCE},
    {"dispute_missing", FINDING_BY_RUN, NO_DIFFERENCE},
    {"dispute_unknown", FINDING_BY_RUN, NO_DIFFERENCE},
    {"dispute_payment", FINDING_BY_RUN, NO_DIFFERENCE},
    {"dispute_amount", FINDING_BY_RUN, NO_DIFFERENCE},
    {"dispute_status", FINDING_BY_RUN, NO_DIFFERENCE},
    {"transfer_amount", FINDING_BY_RUN, NO_DIFFERENCE},
    {"payout_missing", FINDING_BY_RUN, NO_DIFFERENCE},
    {"payout_unknown", FINDING_BY_RUN, NO_DIFFERENCE},
    {"payout_account", FINDING_BY_RUN, NO_DIFFERENCE},
    {"payout_amount", FINDING_BY_RUN, NO_DIFFERENCE},
    {"payout_status", FINDING_BY_RUN, NO_DIFFERENCE},
    {"totals", FINDING_BY_RUN, NO_DIFFERENCE},

    {"payment_overdue", FINDING_BY_WORKER, "when Stripe knows the payment"},
    {"refund_overdue", FINDING_BY_WORKER, "when Stripe knows the refund"},
    {"dispute", FINDING_BY_WORKER, "when Stripe closes the dispute"},
    {"dispute_untold", FINDING_BY_WORKER, "when Stripe closes the dispute"},

    {"unattributed", FINDING_BY_HAND, NULL},
    {"unknown_account", FINDING_BY_HAND, NULL},
    {"second_account", FINDING_BY_HAND, NULL},
    {"unknown_reader", FINDING_BY_HAND, NULL},
    {"unknown_state", FINDING_BY_HAND, NULL},
    {"object_missing", FINDING_BY_HAND, NULL},
    {"event_unreadable", FINDING_BY_HAND, NULL},
    {"refund_failed", FINDING_BY_HAND, NULL},
    {"receipt_unsure", FINDING_BY_HAND, NULL},
};
/* clang-format on */
const size_t finding_kinds_count = sizeof(finding_kinds) / sizeof(finding_kinds[0]);

const char *finding_closer_name(enum finding_closer closer)
{
    static const char *const names[FINDING_CLOSERS] = {
        [FINDING_BY_HAND] = "hand",
        [FINDING_BY_RUN] = "reconciliation",
        [FINDING_BY_WORKER] = "worker",
    };
    assert((int)closer < FINDING_CLOSERS);
    return names[closer];
}

const struct finding_kind *finding_kind_find(struct span name)
{
    for (size_t i = 0; i < finding_kinds_count; i++) {
        if (span_is(name, finding_kinds[i].name)) {
            return &finding_kinds[i];
        }
    }
    return NULL;
}
