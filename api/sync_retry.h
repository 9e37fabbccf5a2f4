/* SPDX-License-Identifier: MIT
 *
 * sync_retry - when a phone that cannot be served now is asked to come back.
 *
 * Owns:    nothing
 * Callers: sync, batches, tests
 * Blocks:  never
 * Units:   seconds
 */
#ifndef API_SYNC_RETRY_H
#define API_SYNC_RETRY_H

#include <stdint.h>

#include "common/model/problem.h"

struct request;

/* One of [least_s, 3 * least_s], each as likely; when the backlog is a multiple of `most`,
 * up to four times as late. So phones that came together do not come back together. */
int64_t sync_retry_s(int64_t least_s, int64_t backlog, int64_t most);
/* The same for a number that is given rather than drawn. */
int64_t sync_retry_at(int64_t least_s, int64_t backlog, int64_t most, uint64_t random);
/* The problem, with Retry-After: the request is answered. */
void sync_refuse(struct request *request, enum problem problem, int64_t retry_s);

#endif
