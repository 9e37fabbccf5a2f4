/* SPDX-License-Identifier: MIT
 * The table of handlers, and what they use to name follow-up jobs. */
#include "worker/handlers.h"

#include <assert.h>

#include "worker/asks.h"
#include "worker/books.h"
#include "worker/handle_payment_reconcile.h"
#include "worker/handle_sync.h"
#include "worker/periodic.h"

const struct handler handlers[] = {
    {"stripe.event", handle_stripe_event, NULL},
    {"receipt.send", handle_receipt_send, NULL},
    {"dispute.tell", handle_dispute_tell, NULL},
    {"audit.write", handle_audit_write, NULL},
    {"session.login", handle_ask, NULL},
    {"session.logout", handle_ask, NULL},
    {"session.extend", handle_ask, NULL},
    {"account.create", handle_ask, NULL},
    {"account.refresh", handle_ask, NULL},
    {"account.link", handle_ask, NULL},
    {"location.create", handle_ask, NULL},
    {"terminal.token", handle_ask, NULL},
    {"reader.register", handle_ask, NULL},
    {"reader.list", handle_ask, NULL},
    {"payment.create", handle_ask, NULL},
    {"payment.capture", handle_ask, NULL},
    {"payment.cancel", handle_ask, NULL},
    {"payment.refund", handle_ask, NULL},
    {"payment.void", handle_ask, NULL},
    {"sync.sale", handle_sync_sale, handle_sync_sales},
    {"sync.batch", handle_sync_batch, handle_sync_batches},
    {"sync.card", handle_sync_card, NULL},
    {"events.catchup", handle_periodic, NULL},
    {"payment.reconcile", handle_payment_reconcile, NULL},
    {"books.plan", handle_periodic, NULL},
    {"books.reconcile", handle_books_reconcile, NULL},
    {"personal_data.erase", handle_periodic, NULL},
};
const size_t handlers_count = sizeof(handlers) / sizeof(handlers[0]);

struct follow_up *handled_add(struct handled *handled, const char *kind)
{
    assert(handled->follow_up_count < HANDLED_FOLLOW_UPS);
    struct follow_up *follow_up = &handled->follow_ups[handled->follow_up_count++];
    *follow_up = (struct follow_up){.kind = kind_find(span_of(kind))};
    assert(follow_up->kind);
    follow_up->lane = follow_up->kind->lane;
    return follow_up;
}

void follow_up_ref(struct follow_up *follow_up, struct span ref)
{
    if (ref.len == 0) {
        return;
    }
    assert(follow_up->ref_count < JOB_REFS);
    follow_up->refs[follow_up->ref_count++] = ref;
}
