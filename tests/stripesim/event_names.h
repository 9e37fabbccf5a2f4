/* SPDX-License-Identifier: MIT
 *
 * event_names - which types of events an endpoint can be registered for.
 *
 * Owns:    nothing
 * Callers: webhook_endpoints.c
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_EVENT_NAMES_H
#define TESTS_STRIPESIM_EVENT_NAMES_H

#include <stdbool.h>

#include "common/base/text.h"

/* Of the objects that the simulator knows, all types at 2024-06-20; of other objects,
 * whatever looks like one. */
bool event_names_is_known(struct span name);

#endif
