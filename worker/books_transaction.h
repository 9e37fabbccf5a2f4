/* SPDX-License-Identifier: MIT
 *
 * books_transaction - a balance transaction of Stripe's, with its source expanded, as the
 * row that keeps what comparing needs of it.
 *
 * Owns:    nothing; pure
 * Callers: books_mirror
 * Blocks:  never
 * Units:   amounts in the currency's minor unit, as Stripe gives them
 * Faults:  NEVER when it lacks what every balance transaction has
 */
#ifndef WORKER_BOOKS_TRANSACTION_H
#define WORKER_BOOKS_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct cJSON;
struct json_writer;

/* Texts are borrowed from the object; an empty one is none. */
struct books_transaction {
    struct span id;
    struct span account; /* whose balance: the caller's to say; empty: the platform's */
    struct span type;
    struct span category;
    struct span currency;
    int64_t amount;
    int64_t fee;
    int64_t net;
    int64_t created_s;
    struct span source; /* its id */
    struct span object; /* what the source is; empty when it was not expanded */
    struct span status;
    struct span source_currency; /* of its amounts; the balance's own may be another */
    int64_t source_amount;
    int64_t taken; /* of a charge: what was captured */
    int64_t back; /* what was given back of that, of a transfer, of a fee */
    bool has_amount; /* source_amount, taken and back are known */
    struct span of; /* what the source is a part of */
    struct span charge;
    struct span payment_intent;
    struct span destination;
};

MUST_USE enum outcome books_transaction_read(const struct cJSON *object,
                                             struct books_transaction *out_transaction,
                                             struct fault *fault);
/* As an object whose members are named like the columns. */
void books_transaction_write(const struct books_transaction *transaction,
                             struct json_writer *json);

#endif
