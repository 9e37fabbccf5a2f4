/* SPDX-License-Identifier: MIT
 *
 * planner - enqueues the job of each period when the period begins, and at start.
 *
 * Owns:    its connection to Redis, its thread
 * Callers: worker
 * Blocks:  planner_close up to a command of Redis
 * Faults:  NEVER when the settings do not let a connection be made
 *
 * Every worker has one and there is no leader: all enqueue the same name, which is in the
 * queue once (worker/periodic.h), again and again while its period lasts, lest a Redis
 * that was lost takes a day's job with it. While Redis is away it tries again; a period
 * that passed meanwhile is not made up for, since the next one's job does its work.
 */
#ifndef WORKER_PLANNER_H
#define WORKER_PLANNER_H

#include "common/base/fault.h"

struct context;
struct planner;

MUST_USE enum outcome planner_open(const struct context *context,
                                   struct planner **out_planner,
                                   struct fault *fault);
void planner_close(struct planner *planner); /* NULL does nothing */

#endif
