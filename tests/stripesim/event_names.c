/* SPDX-License-Identifier: MIT
 * Types of events, as the API's description at 2024-06-20 names them. */
#include "tests/stripesim/event_names.h"

#include <stddef.h>

static bool has_form(struct span name);

/* refund.failed is not among them: it comes later. */
static const char *const names[] = {
    "account.application.authorized",
    "account.application.deauthorized",
    "account.external_account.created",
    "account.external_account.deleted",
    "account.external_account.updated",
    "account.updated",
    "application_fee.created",
    "application_fee.refund.updated",
    "application_fee.refunded",
    "balance.available",
    "capability.updated",
    "charge.captured",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.expired",
    "charge.failed",
    "charge.pending",
    "charge.refund.updated",
    "charge.refunded",
    "charge.succeeded",
    "charge.updated",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.created",
    "payment_intent.partially_funded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payout.canceled",
    "payout.created",
    "payout.failed",
    "payout.paid",
    "payout.reconciliation_completed",
    "payout.updated",
    "person.created",
    "person.deleted",
    "person.updated",
    "refund.created",
    "refund.updated",
    "terminal.reader.action_failed",
    "terminal.reader.action_succeeded",
    "transfer.created",
    "transfer.reversed",
    "transfer.updated",
};

bool event_names_is_known(struct span name)
{
    struct span rest;
    struct span group = span_cut(name, '.', &rest);
    bool is_our_group = false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (span_is(name, names[i])) {
            return true;
        }
        struct span other = span_cut(span_of(names[i]), '.', &rest);
        is_our_group = is_our_group || span_equal(group, other);
    }
    return !is_our_group && has_form(name);
}

static bool has_form(struct span name)
{
    bool has_dot = false;
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.at[i];
        has_dot = has_dot || (byte == '.' && i > 0);
        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
              byte == '_' || byte == '.')) {
            return false;
        }
    }
    return has_dot;
}
