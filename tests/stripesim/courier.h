/* SPDX-License-Identifier: MIT
 *
 * courier - carries signed events to one endpoint over kept connections.
 *
 * Owns:    its connections, from courier_new to courier_free, and a copy of the secret
 * Callers: webhooks.c
 * Blocks:  a host's name is resolved in courier_new
 * Faults:  NEVER when the url is not http://host:port/path
 */
#ifndef TESTS_STRIPESIM_COURIER_H
#define TESTS_STRIPESIM_COURIER_H

#include <stdint.h>

#include "common/base/fault.h"
#include "tests/stripesim/webhooks.h"

struct courier;

enum courier_seal { COURIER_SIGNED, COURIER_FORGED, COURIER_UNSIGNED };

/* The HTTP status, or 0 when no answer came. */
typedef void (*courier_sent_fn)(void *context, int status);

MUST_USE enum outcome courier_new(struct event_base *base,
                                  const struct webhooks_endpoint *endpoint,
                                  struct courier **out_courier,
                                  struct fault *fault);
/* Whatever is under way ends with status 0 first. */
void courier_free(struct courier *courier);
/* `sent` is called exactly once, later. */
void courier_send(struct courier *courier,
                  const struct stripe_event *event,
                  enum courier_seal seal,
                  int64_t timeout_ms,
                  courier_sent_fn sent,
                  void *context);

#endif
