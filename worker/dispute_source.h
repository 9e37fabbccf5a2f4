/* SPDX-License-Identifier: MIT
 *
 * dispute_source - gathers what the letter about a dispute says, and who reads it.
 *
 * Owns:    nothing; the texts live in the job's arena
 * Callers: receipt_source, handle_dispute_tell, event_follow
 * Blocks:  as long as MariaDB does
 * Faults:  NEVER when there is no such dispute or its reader has no address
 *
 * The subject is "<dp_...>:<user's id>", or "<dp_...>:amicale" for the amicale's own
 * address: each reader has a letter, and each letter is sent once for ever. A letter that
 * tells of a bank's question has DISPUTE_INQUIRY_MARK behind it: when the question becomes
 * a dispute, under the same dp_..., there is another letter.
 */
#ifndef WORKER_DISPUTE_SOURCE_H
#define WORKER_DISPUTE_SOURCE_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct handling;
struct receipt_source;

#define DISPUTE_INQUIRY_MARK ":inquiry"

/* By its status: the buyer's bank only asks, and nothing was taken back. */
bool dispute_is_inquiry(struct span status);

MUST_USE enum outcome dispute_source_fill(struct receipt_source *source,
                                          struct handling *handling,
                                          struct fault *fault);

#endif
