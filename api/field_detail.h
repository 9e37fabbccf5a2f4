/* SPDX-License-Identifier: MIT
 *
 * field_detail - what is wrong with a field, in words that say how to mend it.
 *
 * Owns:    nothing; pure; what is written lives in the arena
 * Callers: fields, sync_check, sync_items, tests
 * Blocks:  never
 */
#ifndef API_FIELD_DETAIL_H
#define API_FIELD_DETAIL_H

#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/text.h"
#include "common/model/problem.h"

struct field_rule;

/* "At least 100.": the bound, the type, the choices of the rule. Empty where the code's
 * own text says it all. */
struct span field_detail(const struct field_rule *rule,
                         enum field_code code,
                         bool english,
                         struct arena *arena);

#endif
