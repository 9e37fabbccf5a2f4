/* SPDX-License-Identifier: MIT
 *
 * batch_write - what answers about a batch have in common.
 *
 * Owns:    nothing; pure
 * Callers: sync_tell, batches
 * Blocks:  never
 */
#ifndef API_BATCH_WRITE_H
#define API_BATCH_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/text.h"

struct batch;
struct batch_item;
struct json_writer;

enum { BATCH_BODY_BYTES = 8 << 20 };

/* batch_id, received_at and clock. */
void batch_put_head(struct json_writer *json,
                    const struct batch *batch,
                    int64_t skew_most_s);
/* Whether the phone's clock is off by more than that. */
bool batch_is_off(const struct batch *batch, int64_t skew_most_s);
/* conflict: null as far as it is not known. */
void batch_put_conflict(struct json_writer *json,
                        struct span kind,
                        int64_t known_minor,
                        struct span known_method);
/* errors: in the reader's language. */
void batch_put_errors(struct json_writer *json,
                      const struct batch_item *item,
                      int64_t oldest_days,
                      bool english,
                      struct arena *arena);

#endif
