/* SPDX-License-Identifier: MIT
 *
 * countries - which words are countries, for addresses and accounts.
 *
 * Owns:    nothing
 * Callers: the handlers of routes
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_COUNTRIES_H
#define TESTS_STRIPESIM_COUNTRIES_H

#include <stdbool.h>

#include "common/base/text.h"

struct call;

/* False after refusing a code that is no country that Stripe works in. */
bool countries_check(struct call *call, const char *param, struct span code);

#endif
