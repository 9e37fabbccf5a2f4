/* SPDX-License-Identifier: MIT
 *
 * money - amounts as text, the platform's fee, and sums that cannot overflow unseen.
 *
 * Owns:    nothing; pure rules
 * Callers: every room
 * Blocks:  never
 * Units:   minor units (cents for EUR); percentages in basis points (1/100 of a percent)
 */
#ifndef COMMON_MODEL_MONEY_H
#define COMMON_MODEL_MONEY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"

/* What a sale may be, and room for any amount as text. */
enum { MONEY_LEAST_MINOR = 100, MONEY_MOST_MINOR = 50000, MONEY_TEXT_BYTES = 48 };

/* As the French write it: "12,34 €", "1 234,00 €"; other currencies by their code,
 * "12,34 CHF", with the number of decimals that the currency has. `currency` is Stripe's
 * lowercase code; one that is not three letters is left out. Returns `out`. */
const char *money_text(int64_t amount_minor,
                       struct span currency,
                       char out[MONEY_TEXT_BYTES]);

/* The platform's part of an amount: 0 when both settings are 0, else the larger of the
 * minimum and the percentage rounded half up, and never more than the amount. None of the
 * three may be negative. */
int64_t money_fee_minor(int64_t amount_minor,
                        int64_t percent_bp,
                        int64_t fee_minimum_minor);

/* What the amicale keeps: amount less refunds and fee; negative when more went out than
 * came in. False when the sum does not fit. */
MUST_USE bool money_net_minor(int64_t amount_minor,
                              int64_t refunded_minor,
                              int64_t fee_minor,
                              int64_t *out_net_minor);
/* *total_minor += amount_minor; false, and unchanged, when it does not fit. */
MUST_USE bool money_add(int64_t *total_minor, int64_t amount_minor);

/* Whether the amount is one that a sale may have. */
bool money_is_sale(int64_t amount_minor);

#endif
