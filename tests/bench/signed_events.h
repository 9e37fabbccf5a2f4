/* SPDX-License-Identifier: MIT
 *
 * signed_events - many webhook requests that differ in their ids, signed ahead of time.
 *
 * Owns:    the ids and signatures, from signed_events_init to signed_events_done
 * Callers: webhook_load
 * Blocks:  never
 */
#ifndef TESTS_BENCH_SIGNED_EVENTS_H
#define TESTS_BENCH_SIGNED_EVENTS_H

#include <stddef.h>
#include <stdint.h>

struct signed_events_options {
    const char *host; /* for the Host header */
    const char *path;
    const char *secret; /* whsec_... */
    const char *prefix; /* of this run's ids, letters and digits, at most 10 */
    const char *amicale; /* metadata */
    const char *pompier;
    size_t body_bytes; /* about; at least 1,500 */
    size_t count;
};

struct signed_events {
    char *request; /* the whole request, whose ids and signature change */
    size_t request_len;
    size_t body_at;
    size_t event_at; /* where the 16 digits of the event's number stand */
    size_t payment_at; /* and those of the payment's */
    size_t signature_at; /* where the 64 hex digits stand */
    char *signatures; /* 64 bytes each */
    size_t count;
};

void signed_events_init(struct signed_events *events,
                        const struct signed_events_options *options);
void signed_events_done(struct signed_events *events);
/* Makes `request` the one of this number, below count. */
void signed_events_pick(struct signed_events *events, size_t number);

#endif
