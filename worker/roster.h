/* SPDX-License-Identifier: MIT
 *
 * roster - every job that this worker holds, from the take to the settled.
 *
 * Owns:    the list; the attempts on it belong to whoever works on them
 * Callers: fetcher (adds), slots (begin, finish), settler (beats, removes), worker
 *          (watches); any thread
 * Blocks:  for its lock; roster_wait_empty up to its limit
 * Units:   milliseconds; moments are monotonic
 *
 * What is here is what a beat says that the worker holds. What Redis leased to the worker
 * and is not here (the reply of a take was lost) is given back by a beat some seconds
 * later.
 */
#ifndef WORKER_ROSTER_H
#define WORKER_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/json.h"
#include "common/link/queue.h"

struct attempt;
struct roster;

struct roster *roster_new(void);
void roster_free(struct roster *roster); /* NULL does nothing */

void roster_add(struct roster *roster, struct attempt *attempt);
/* False when a beat said that its lease was lost: another may run it, so this worker must
 * not. */
MUST_USE bool roster_begin(struct roster *roster,
                           struct attempt *attempt,
                           int slot,
                           int64_t now_ms);
void roster_finish(struct roster *roster, struct attempt *attempt);
void roster_remove(struct roster *roster, struct attempt *attempt);

size_t roster_count(struct roster *roster);
/* False when something was still held at the limit. */
bool roster_wait_empty(struct roster *roster, int64_t limit_ms);

/* The jobs of a partition, oldest first. The texts are borrowed: they hold until the
 * attempts are freed, which is the business of the settler's thread alone. */
struct job *roster_held(struct roster *roster,
                        struct partition partition,
                        struct arena *arena,
                        size_t *out_count);
/* As roster_held, but only jobs that are not finished, and none that has been running for
 * more than `most_limits` times its kind's limit. */
struct job *roster_unfinished(struct roster *roster,
                              struct partition partition,
                              int64_t now_ms,
                              int64_t most_limits,
                              struct arena *arena,
                              size_t *out_count);
/* Marks what lost its lease and warns about it, once each. Every partition counts tokens
 * of its own. */
void roster_lost(struct roster *roster,
                 struct partition partition,
                 const int64_t *tokens,
                 size_t count);
/* Warns about what runs past its kind's limit, once each. True when something has been
 * running for more than `most_limits` times its limit. */
bool roster_watch(struct roster *roster, int64_t now_ms, int64_t most_limits);
/* Members for operators: held, overruns, and what runs. */
void roster_about(struct roster *roster, int64_t now_ms, struct json_writer *json);

#endif
