/* SPDX-License-Identifier: MIT
 *
 * mailer - hands one message to the mail server, one client for each slot.
 *
 * Owns:    one curl easy handle, whose connection is kept between messages
 * Callers: handlers; one thread at a time
 * Blocks:  up to mail.total_ms a message
 * Faults:  LATER with neighbour "smtp" when the server cannot be reached, its TLS or AUTH
 *          fails, or it answers 421; LATER without one on other 4xx answers; NEVER on
 *          5xx, with the server's text, in which addresses are masked; UNSURE when the
 *          connection was lost after the message was sent and before its answer
 */
#ifndef WORKER_MAILER_H
#define WORKER_MAILER_H

#include "common/base/fault.h"
#include "common/base/text.h"

struct mailer;
struct settings;

enum mailer_fault {
    MAILER_UNREACHABLE = 1,
    MAILER_TLS,
    MAILER_AUTH,
    MAILER_LOST_ANSWER,
    /* from 400 up: the SMTP answer */
};

MUST_USE enum outcome mailer_open(const struct settings *settings,
                                  struct mailer **out_mailer,
                                  struct fault *fault);
void mailer_close(struct mailer *mailer); /* NULL does nothing */

/* `message` is the whole RFC 5322 message with CRLF lines. */
MUST_USE enum outcome mailer_send(struct mailer *mailer,
                                  const char *from,
                                  const char *to,
                                  struct span message,
                                  struct fault *fault);

#endif
