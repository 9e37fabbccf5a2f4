/* SPDX-License-Identifier: MIT
 * The types of events that are handled. */
#include "common/model/event_types.h"

#include <assert.h>

/* One row, one type: the platform's endpoint, the Connect endpoint. */
const struct event_types_row event_types_handled[] = {
    {"payment_intent.created", true, false, EVENT_WALK_MONEY},
    {"payment_intent.processing", true, false, EVENT_WALK_MONEY},
    {"payment_intent.requires_action", true, false, EVENT_WALK_MONEY},
    {"payment_intent.amount_capturable_updated", true, false, EVENT_WALK_MONEY},
    {"payment_intent.succeeded", true, false, EVENT_WALK_MONEY},
    {"payment_intent.payment_failed", true, false, EVENT_WALK_MONEY},
    {"payment_intent.canceled", true, false, EVENT_WALK_MONEY},
    {"charge.succeeded", true, false, EVENT_WALK_MONEY},
    {"charge.refunded", true, false, EVENT_WALK_MONEY},
    {"charge.refund.updated", true, false, EVENT_WALK_MONEY},
    {"refund.created", true, false, EVENT_WALK_MONEY},
    {"refund.updated", true, false, EVENT_WALK_MONEY},
    {"application_fee.refunded", true, false, EVENT_WALK_MONEY},
    {"charge.dispute.created", true, false, EVENT_WALK_MONEY},
    {"charge.dispute.updated", true, false, EVENT_WALK_MONEY},
    {"charge.dispute.closed", true, false, EVENT_WALK_MONEY},
    {"account.updated", false, true, EVENT_WALK_ACCOUNTS},
    {"account.application.authorized", false, true, EVENT_WALK_ACCOUNTS},
    {"account.application.deauthorized", false, true, EVENT_WALK_ACCOUNTS},
    {"capability.updated", false, true, EVENT_WALK_ACCOUNTS},
    {"terminal.reader.action_succeeded", true, false, EVENT_WALK_ACCOUNTS},
    {"terminal.reader.action_failed", true, false, EVENT_WALK_ACCOUNTS},
    {"payout.paid", true, true, EVENT_WALK_ACCOUNTS},
    {"payout.failed", true, true, EVENT_WALK_ACCOUNTS},
};
const size_t event_types_handled_count =
    sizeof(event_types_handled) / sizeof(event_types_handled[0]);

const char *event_walk_name(enum event_walk walk)
{
    static const char *const names[EVENT_WALK_COUNT] = {
        [EVENT_WALK_MONEY] = "money",
        [EVENT_WALK_ACCOUNTS] = "accounts",
    };
    assert((int)walk >= 0 && (int)walk < EVENT_WALK_COUNT);
    return names[walk];
}
