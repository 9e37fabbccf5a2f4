/* SPDX-License-Identifier: MIT
 * The types of events that are handled. */
#include "common/model/event_types.h"

/* One row, one type: the platform's endpoint, the Connect endpoint. */
const struct event_types_row event_types_handled[] = {
    {"payment_intent.created", true, false},
    {"payment_intent.processing", true, false},
    {"payment_intent.requires_action", true, false},
    {"payment_intent.amount_capturable_updated", true, false},
    {"payment_intent.succeeded", true, false},
    {"payment_intent.payment_failed", true, false},
    {"payment_intent.canceled", true, false},
    {"charge.succeeded", true, false},
    {"charge.refunded", true, false},
    {"charge.refund.updated", true, false},
    {"refund.created", true, false},
    {"refund.updated", true, false},
    {"application_fee.refunded", true, false},
    {"charge.dispute.created", true, false},
    {"charge.dispute.updated", true, false},
    {"charge.dispute.closed", true, false},
    {"account.updated", false, true},
    {"account.application.authorized", false, true},
    {"account.application.deauthorized", false, true},
    {"capability.updated", false, true},
    {"terminal.reader.action_succeeded", true, false},
    {"terminal.reader.action_failed", true, false},
    {"payout.paid", true, true},
    {"payout.failed", true, true},
};
const size_t event_types_handled_count =
    sizeof(event_types_handled) / sizeof(event_types_handled[0]);
