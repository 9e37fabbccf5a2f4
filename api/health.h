/* SPDX-License-Identifier: MIT
 *
 * health - whether the process lives (/healthz) and whether work can be done (/readyz).
 *
 * Owns:    nothing
 * Callers: routes
 * Blocks:  never
 */
#ifndef API_HEALTH_H
#define API_HEALTH_H

struct request;

void health_live(struct request *request);
/* 200 when Redis answers, MariaDB answers and a worker was seen in the last 10 s; else
 * 503. The JSON says which of them. */
void health_ready(struct request *request);

#endif
