/* SPDX-License-Identifier: MIT
 *
 * metrics - /metrics in Prometheus' text format (version 0.0.4).
 *
 * Owns:    nothing
 * Callers: routes
 * Blocks:  never
 */
#ifndef API_METRICS_H
#define API_METRICS_H

struct request;

void metrics_answer(struct request *request);

#endif
