/* SPDX-License-Identifier: MIT
 *
 * versions - the versions that Stripe's API has had.
 *
 * Owns:    nothing
 * Callers: admit.c, webhook_endpoints.c
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_VERSIONS_H
#define TESTS_STRIPESIM_VERSIONS_H

#include <stdbool.h>

#include "common/base/text.h"

#define VERSIONS_DEFAULT "2024-06-20"

bool versions_is_known(struct span version);

#endif
