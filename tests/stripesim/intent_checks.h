/* SPDX-License-Identifier: MIT
 *
 * intent_checks - what the parameters of a payment intent must be to each other, and to
 * what exists.
 *
 * Owns:    nothing
 * Callers: payment_intents.c
 * Blocks:  never
 * Units:   amounts in the currency's minor unit
 *
 * Each is false after refusing the call.
 */
#ifndef TESTS_STRIPESIM_INTENT_CHECKS_H
#define TESTS_STRIPESIM_INTENT_CHECKS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

struct call;

bool intent_checks_amount(struct call *call, int64_t amount);
bool intent_checks_currency(struct call *call, struct span currency);
bool intent_checks_destination(struct call *call);
bool intent_checks_fee(struct call *call,
                       int64_t amount,
                       int64_t fee,
                       bool has_destination);
bool intent_checks_transfer(struct call *call, int64_t amount, int64_t fee);
bool intent_checks_behalf(struct call *call);
/* The parameter in small letters, however it was sent; a string of the store. */
const char *intent_checks_currency_of(struct call *call);

#endif
