/* SPDX-License-Identifier: MIT
 *
 * reader - the rows of card readers: in line with what Stripe lists, and as callers of the
 * front door are shown them.
 *
 * Owns:    nothing; reader_apply works inside the caller's transaction
 * Callers: handlers of asked jobs
 * Blocks:  as long as MariaDB does
 * Faults:  as MariaDB's; NEVER when the object lacks what it must have
 */
#ifndef WORKER_READER_H
#define WORKER_READER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"

struct cJSON;
struct event_work;
struct json_writer;
struct sql_rows;

/* Applies a reader that Stripe answered or listed, unless an event has looked at its row
 * since it had `revision` (EVENT_NEW_ROW: it was not there): what is retrieved may be the
 * older. A row that waits for the reader becomes its row (metadata.reader_id). */
MUST_USE enum outcome reader_apply(struct event_work *work,
                                   const struct cJSON *object,
                                   int64_t revision,
                                   struct fault *fault);

#define READER_COLUMNS                                                                   \
    "id, stripe_reader_id, label, device_type, serial_number, status, location,"         \
    " last_seen_at"
/* One object of READER_COLUMNS. */
void reader_put(struct json_writer *json,
                const char *key,
                const struct sql_rows *rows,
                size_t row);

#endif
