/* SPDX-License-Identifier: MIT
 *
 * admit - what is checked before a call is carried out: key, version, account, route,
 * form.
 *
 * Owns:    nothing
 * Callers: server.c
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_ADMIT_H
#define TESTS_STRIPESIM_ADMIT_H

#include <stdbool.h>

#include "common/base/text.h"

struct call;

/* In Stripe's order; false after refusing. */
bool admit_call(struct call *call);
/* Collects expand[...]; false after refusing one that is no link of what is answered. */
bool admit_expansion(struct call *call);
/* A header of the request, borrowed from it; empty: it is not there. */
struct span admit_header(const struct call *call, const char *name);

#endif
