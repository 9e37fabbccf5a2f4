/* SPDX-License-Identifier: MIT
 *
 * handle_sync - the handlers of what phones hand over when they reconnect.
 *
 * Owns:    nothing
 * Callers: handlers.c (the table's rows)
 * Blocks:  as handlers do
 * Faults:  as handlers'; NEVER when a payload is none, or its pompier or amicale is gone
 *
 * These jobs have no result: nobody waits for one of them, and what became of a sale or a
 * batch stands in its row and in sync_conflicts.
 */
#ifndef WORKER_HANDLE_SYNC_H
#define WORKER_HANDLE_SYNC_H

#include <stddef.h>

#include "common/base/fault.h"

struct handled;
struct handling;

/* handle_sync_sale.c */
enum outcome handle_sync_sale(struct handling *handling,
                              struct handled *out_handled,
                              struct fault *fault);
enum outcome handle_sync_sales(struct handling *handlings,
                               size_t count,
                               struct handled *out_handled,
                               struct fault *fault);
/* handle_sync_card.c */
enum outcome handle_sync_card(struct handling *handling,
                              struct handled *out_handled,
                              struct fault *fault);
/* handle_sync_batch.c */
enum outcome handle_sync_batch(struct handling *handling,
                               struct handled *out_handled,
                               struct fault *fault);
enum outcome handle_sync_batches(struct handling *handlings,
                                 size_t count,
                                 struct handled *out_handled,
                                 struct fault *fault);

#endif
