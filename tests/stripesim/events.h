/* SPDX-License-Identifier: MIT
 *
 * events - every change of state makes one: a snapshot of the object, under a type.
 *
 * Owns:    nothing; events live in the store
 * Callers: the simulator
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_EVENTS_H
#define TESTS_STRIPESIM_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/stripesim/object.h"

struct call;
struct sim;

enum event_type {
    EVENT_PAYMENT_INTENT_CREATED,
    EVENT_PAYMENT_INTENT_PROCESSING,
    EVENT_PAYMENT_INTENT_REQUIRES_ACTION,
    EVENT_PAYMENT_INTENT_AMOUNT_CAPTURABLE_UPDATED,
    EVENT_PAYMENT_INTENT_SUCCEEDED,
    EVENT_PAYMENT_INTENT_PAYMENT_FAILED,
    EVENT_PAYMENT_INTENT_CANCELED,
    EVENT_CHARGE_SUCCEEDED,
    EVENT_CHARGE_FAILED,
    EVENT_CHARGE_CAPTURED,
    EVENT_CHARGE_REFUNDED,
    EVENT_CHARGE_REFUND_UPDATED,
    EVENT_REFUND_CREATED,
    EVENT_REFUND_UPDATED,
    EVENT_APPLICATION_FEE_REFUNDED,
    EVENT_DISPUTE_CREATED,
    EVENT_DISPUTE_FUNDS_WITHDRAWN,
    EVENT_DISPUTE_UPDATED,
    EVENT_DISPUTE_FUNDS_REINSTATED,
    EVENT_DISPUTE_CLOSED,
    EVENT_ACCOUNT_UPDATED,
    EVENT_ACCOUNT_AUTHORIZED,
    EVENT_ACCOUNT_DEAUTHORIZED,
    EVENT_CAPABILITY_UPDATED,
    EVENT_READER_ACTION_SUCCEEDED,
    EVENT_READER_ACTION_FAILED,
    EVENT_PAYOUT_CREATED,
    EVENT_PAYOUT_UPDATED,
    EVENT_PAYOUT_PAID,
    EVENT_PAYOUT_FAILED,
    EVENT_PAYOUT_CANCELED,
    EVENT_TYPE_COUNT
};

struct stripe_event {
    struct object object;
    enum event_type type;
    const char *subject; /* the account that it is about; NULL: the platform */
    const struct object *snapshot; /* data.object */
    const char *previous; /* data.previous_attributes, JSON; NULL: none */
    const char *request_id; /* of the call that caused it, or NULL */
    const char *idempotency_key; /* likewise */
    const char *api_version;
    int64_t pending_webhooks; /* endpoints that have not taken it yet */
    int64_t deliveries; /* that were answered 2xx */
};

/* Makes the event and hands it to the webhooks. `after` is copied; `before` is the state
 * before the change, or NULL where Stripe tells no previous attributes. */
void events_emit(struct sim *sim,
                 enum event_type type,
                 const struct object *after,
                 const struct object *before);
const char *events_type_name(enum event_type type);

void events_retrieve(struct call *call);
void events_list(struct call *call);

#endif
