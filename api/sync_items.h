/* SPDX-License-Identifier: MIT
 *
 * sync_items - one sale of an offline queue, checked by itself.
 *
 * Owns:    nothing; pure. What is read lives in the arena
 * Callers: sync_check (a reader's thread), batch_answer, tests
 * Blocks:  never
 * Units:   amounts in cents; moments are wall time in milliseconds
 *
 * Whatever is wrong with an item is told in its verdict, with the codes and texts of other
 * fields, and touches no other item. Members that no rule names are wrong too: a misspelt
 * receipt_email would cost a receipt.
 */
#ifndef API_SYNC_ITEMS_H
#define API_SYNC_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/text.h"

struct batch_item;
struct cJSON;
struct sale;

/* What a created_at is held against. */
struct sync_moments {
    int64_t now_ms;
    int64_t skew_most_ms; /* further ahead is refused */
    int64_t oldest_ms; /* so far back is not */
};

/* out_item is BATCH_REJECTED with its errors, or BATCH_QUEUED until the books and the
 * queue say otherwise; out_sale then has what the phone said. */
void sync_items_check(const struct cJSON *element,
                      const struct sync_moments *moments,
                      struct arena *arena,
                      struct batch_item *out_item,
                      struct sale *out_sale);
/* An error in words that say how to mend it; empty: the code's own text says it all. */
struct span sync_items_detail(const struct batch_item *item,
                              size_t error,
                              int64_t oldest_days,
                              bool english,
                              struct arena *arena);

#endif
