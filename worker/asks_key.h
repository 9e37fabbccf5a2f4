/* SPDX-License-Identifier: MIT
 *
 * asks_key - the Idempotency-Key of an asked job: whether it has its answer already, and
 * keeping the answer under it.
 *
 * Owns:    the rows of idempotency_keys
 * Callers: asks
 * Blocks:  as long as MariaDB does
 * Order:   asks_key_take, the work, asks_key_keep
 * Faults:  as MariaDB's; NEVER when what is kept cannot be opened
 */
#ifndef WORKER_ASKS_KEY_H
#define WORKER_ASKS_KEY_H

#include <stdbool.h>

#include "common/base/fault.h"

struct answer;
struct asked;

bool asks_key_is_there(const struct asked *asked);
/* Ours: the key's first request is this job, and it is to be worked on. Else the answer
 * is the one that was kept, or says why there is none. */
MUST_USE enum outcome asks_key_take(struct asked *asked,
                                    struct answer *answer,
                                    bool *out_ours,
                                    struct fault *fault);
/* Does nothing without a key. An answer that says "not now" frees it. */
MUST_USE enum outcome asks_key_keep(struct asked *asked,
                                    const struct answer *answer,
                                    struct fault *fault);

#endif
