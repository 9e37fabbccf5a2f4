/* SPDX-License-Identifier: MIT
 *
 * accept - what a client would rather have: its headers Accept and Accept-Language.
 *
 * Owns:    nothing; pure
 * Callers: dispatch, connection_in (languages), batches (streams), tests
 * Blocks:  never
 *
 * Both are lists with weights from 0, never, to 1 (RFC 9110, section 12.4.2). An item whose
 * weight cannot be read counts as never wanted.
 */
#ifndef API_ACCEPT_H
#define API_ACCEPT_H

#include <stdbool.h>

#include "common/base/text.h"

/* Whether English is wanted rather than French. */
bool accept_prefers_english(struct span accept_language);
/* Whether text/event-stream is wanted, and JSON not more than it. */
bool accept_prefers_stream(struct span accept);

#endif
