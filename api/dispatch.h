/* SPDX-License-Identifier: MIT
 *
 * dispatch - takes a whole request to its handler: route, method, type, gate.
 *
 * Owns:    nothing
 * Callers: connections
 * Blocks:  never
 */
#ifndef API_DISPATCH_H
#define API_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>

struct http_request;
struct request;

/* The most bytes that a body may have, once the headers are there. */
size_t dispatch_body_most(const struct http_request *http,
                          const char *buffer,
                          size_t most);
/* The request gets what its struct holds of the message and is handled; it may be
 * answered already when this returns. */
void dispatch(struct request *request,
              const struct http_request *http,
              const char *buffer);

#endif
