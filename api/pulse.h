/* SPDX-License-Identifier: MIT
 *
 * pulse - looks at the queue once a second: which workers live, and how much waits.
 *
 * Owns:    a thread, its connection to Redis, and what it last saw
 * Callers: door (open, start, close); health, metrics and sync of any loop
 * Blocks:  never, apart from closing
 * Order:   pulse_open, pulse_start, pulse_close
 *
 * When it reaches Redis for the first time, and again after every break, it warns loudly
 * in the log when that Redis would lose what it is given.
 */
#ifndef API_PULSE_H
#define API_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct clock;
struct pulse;
struct settings;

MUST_USE enum outcome pulse_open(const struct settings *settings,
                                 const struct clock *clock,
                                 struct pulse **out_pulse,
                                 struct fault *fault);
void pulse_start(struct pulse *pulse); /* its thread */
/* Whether its thread has ended; else what it uses must stay. NULL does nothing. */
MUST_USE bool pulse_close(struct pulse *pulse);
/* Whether Redis answered the last time, and lately; how many workers beat in the last 10
 * s. */
bool pulse_read(struct pulse *pulse, int64_t *out_workers);
/* How many jobs of offline sales (sync.*, in their own lane) wait in all partitions, ready
 * or scheduled; -1 when that is not known lately. Redis counts none one by one. */
int64_t pulse_backlog(struct pulse *pulse);
/* The queue's figures in Prometheus' text format; nothing when they are not fresh. */
void pulse_write_metrics(struct pulse *pulse, struct text *out);

#endif
