/* SPDX-License-Identifier: MIT
 *
 * edge - what a request says about the way it came, and what its answer says to browsers:
 * trusted proxies, CORS, Strict-Transport-Security.
 *
 * Owns:    nothing
 * Callers: dispatch, connections (what they refuse), request (answers)
 * Blocks:  never
 */
#ifndef API_EDGE_H
#define API_EDGE_H

#include "common/base/text.h"

struct request;

/* Sets client, secure and cors_lines. The request must have its peer, path, http and
 * buffer, and its route when there is one; what came before its http was whole counts as
 * far as it goes. */
void edge_look(struct request *request);
/* Answers OPTIONS of a path that has routes with the methods `allowed`, a preflight or
 * not. */
void edge_options(struct request *request, unsigned allowed);
/* The line that keeps browsers on HTTPS; empty for an answer over HTTP. It lives as long
 * as the door. */
struct span edge_hsts(const struct request *request);

#endif
