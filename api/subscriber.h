/* SPDX-License-Identifier: MIT
 *
 * subscriber - hears what Redis publishes for a loop: jobs that are settled, sessions that
 *              have ended.
 *
 * Owns:    a connection of its own that only listens, and the loop's channel
 * Callers: loop; asking (the channel)
 * Blocks:  never
 * Order:   subscriber_open after redis_async_open and waiting_open; subscriber_close
 *          before waiting_close
 *
 * Whether it would still hear anything it finds out by a message to itself, which goes out
 * over the loop's connection for commands every SUBSCRIBER_BEAT_MS. After
 * SUBSCRIBER_SILENT_MS without any message it dials again; once it listens again, every
 * job that is waited for is looked at, and no session is believed without being asked for.
 * A message that is lost costs time, never an answer.
 *
 *   P:settled:<channel>     "<job id> done" or "<job id> dead"
 *   {tocsin}:ended          "token <hash>" or "user <id>"
 *   {tocsin}:self:<channel> the messages to itself
 */
#ifndef API_SUBSCRIBER_H
#define API_SUBSCRIBER_H

#include "common/base/fault.h"
#include "common/base/text.h"

struct loop;
struct subscriber;

enum { SUBSCRIBER_BEAT_MS = 900, SUBSCRIBER_SILENT_MS = 3000 };

MUST_USE enum outcome subscriber_open(struct loop *loop,
                                      struct subscriber **out_subscriber,
                                      struct fault *fault);
void subscriber_close(struct subscriber *subscriber); /* NULL does nothing */
/* The reply channel of jobs that this loop waits for: no other's, never used before. */
struct span subscriber_channel(const struct subscriber *subscriber);

#endif
