/* SPDX-License-Identifier: MIT
 *
 * pretty - JSON laid out as Stripe sends it: two spaces a level, a space after the colon.
 *
 * Owns:    nothing
 * Callers: server.c, webhooks.c
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_PRETTY_H
#define TESTS_STRIPESIM_PRETTY_H

#include "common/base/text.h"

/* `json` is JSON of our own, without spaces. */
void pretty_add(struct text *out, struct span json);

#endif
