/* SPDX-License-Identifier: MIT
 *
 * batch_read - a batch as MariaDB has it, or as its job has it until then, or for ever when
 *              that is dead.
 *
 * Owns:    nothing; what is read lives in the arena
 * Callers: sync_check, batches; on a reader's thread
 * Blocks:  as long as MariaDB does
 * Faults:  MariaDB's; NEVER when what is kept cannot be read
 */
#ifndef API_BATCH_READ_H
#define API_BATCH_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct batch;
struct mariadb;
struct seal_ring;

/* Of this pompier; to anybody else there is none. */
MUST_USE enum outcome batch_read_row(struct mariadb *db,
                                     int64_t pompier_id,
                                     struct span id,
                                     struct arena *arena,
                                     struct batch *out_batch,
                                     bool *out_found,
                                     struct fault *fault);
/* The payload of its job, from Redis or the archive of dead ones. */
MUST_USE enum outcome batch_read_sealed(const struct seal_ring *ring,
                                        int64_t pompier_id,
                                        struct span id,
                                        struct span sealed,
                                        struct arena *arena,
                                        struct batch *out_batch,
                                        struct fault *fault);
MUST_USE enum outcome batch_read_archived(struct mariadb *db,
                                          const struct seal_ring *ring,
                                          int64_t pompier_id,
                                          struct span id,
                                          struct arena *arena,
                                          struct batch *out_batch,
                                          bool *out_found,
                                          struct fault *fault);

#endif
