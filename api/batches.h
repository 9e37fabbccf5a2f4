/* SPDX-License-Identifier: MIT
 *
 * batches - what became of what a phone handed over: at once, or as it goes.
 *
 * Owns:    nothing; requests carry everything
 * Callers: routes, sync
 * Blocks:  never
 *
 * A batch is its user's alone: to anybody else it is not there. Between the 202 and the
 * moment when its row is written, its job in Redis is what is known of it. When that job
 * dies, it stays so, and jobs_archive has it once Redis does not: its sales are safe.
 *
 * Accept: text/event-stream makes the answer a stream of server-sent events, unless JSON
 * is wanted more (accept.h): `progress` at once and with each change, `done` at the end,
 * comments in between when nothing happens. A stream ends with the last sale, with its
 * session, after BATCHES_STREAM_MS, and when we leave; phones then come again by
 * themselves. Each event is whole, so nothing is lost in between.
 */
#ifndef API_BATCHES_H
#define API_BATCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

struct batch;
struct request;

enum {
    BATCHES_STREAM_MS = 10 * 60 * 1000,
    BATCHES_QUIET_MS = 15 * 1000,
    BATCHES_RETRY_MS = 3000, /* what a browser is told to wait before it comes again */
};

void batches_show(struct request *request); /* GET /api/batches/{id} */

/* Of a flush that waits (Prefer: wait): 200 with `synced` and these header lines when
 * every sale has come to its end in time; else `late` answers. */
void batches_wait(struct request *request,
                  const struct batch *batch,
                  int64_t wait_ms,
                  struct span headers,
                  void (*late)(struct request *request, void *context),
                  void *context);

#endif
