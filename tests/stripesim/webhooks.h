/* SPDX-License-Identifier: MIT
 *
 * webhooks - events on their way: signed, sent, sent again, doubled, shuffled, held back.
 *
 * Owns:    the deliveries and their connections, from webhooks_new to webhooks_free;
 *          events are borrowed from the store
 * Callers: events.c offers, the control endpoint sets and asks
 * Blocks:  never
 * Units:   milliseconds, percents
 *
 * Events of the platform go to one endpoint, those of connected accounts to the other,
 * each under its own secret; and to the endpoints that were registered through the API. An answer that is not 2xx, and no answer in time, is a
 * failure, and the event is sent again under a fresh signature after retry_first_ms, then
 * four times as long, up to retry_most_ms, `retries` times.
 */
#ifndef TESTS_STRIPESIM_WEBHOOKS_H
#define TESTS_STRIPESIM_WEBHOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/json.h"
#include "tests/stripesim/random.h"

struct event_base;
struct stripe_event;
struct webhook_endpoint;
struct webhooks;

enum { WEBHOOKS_PLATFORM, WEBHOOKS_CONNECT, WEBHOOKS_ENDPOINT_COUNT };

struct webhooks_endpoint {
    const char *url; /* http://host:port/path; NULL: nobody listens */
    const char *secret;
};

struct webhooks_settings {
    int64_t concurrency; /* deliveries at a time */
    int64_t timeout_ms;
    int64_t retries;
    int64_t retry_first_ms;
    int64_t retry_most_ms;
    int64_t delay_ms; /* before every first attempt */
    int64_t reorder_ms; /* and up to this much more, by chance */
    int64_t duplicate_percent; /* sent twice */
    int64_t withhold_percent; /* not sent until released */
    int64_t bad_signature_percent; /* attempts signed with a wrong secret */
    int64_t no_signature_percent; /* attempts without the header */
};

struct webhooks_counts {
    int64_t events; /* offered */
    int64_t attempts; /* sent */
    int64_t delivered; /* answered 2xx */
    int64_t failed; /* any other end of an attempt */
    int64_t given_up; /* failed for the last time */
    int64_t duplicates; /* sent twice on purpose */
    int64_t withheld; /* held back now */
    int64_t released;
    int64_t outstanding; /* waiting, delayed or under way */
};

/* The random source is borrowed. NULL, and the fault says why, when an url is not
 * http://host:port/path. */
struct webhooks *webhooks_new(struct event_base *base,
                              struct random *choices,
                              const struct webhooks_endpoint endpoints[],
                              struct fault *fault);
void webhooks_free(struct webhooks *webhooks);
/* Sends there too, from now on and no more to where it was before. The endpoint is
 * borrowed until webhooks_reset; one whose url is not http://host:port/path gets nothing.
 */
void webhooks_register(struct webhooks *webhooks,
                       const struct webhook_endpoint *endpoint);
void webhooks_offer(struct webhooks *webhooks, struct stripe_event *event);
/* Once more, whatever became of it before. */
void webhooks_resend(struct webhooks *webhooks, struct stripe_event *event);
/* Sends what was held back; returns how many. */
int64_t webhooks_release(struct webhooks *webhooks);
/* Forgets everything that was to be sent, and goes back to the default settings. */
void webhooks_reset(struct webhooks *webhooks);
struct webhooks_counts webhooks_count(const struct webhooks *webhooks);
bool webhooks_is_idle(const struct webhooks *webhooks);

/* Settings by name; false: no such name, or out of range. */
bool webhooks_set(struct webhooks *webhooks, struct span name, int64_t value);
void webhooks_write_settings(const struct webhooks *webhooks, struct json_writer *json);
void webhooks_write_counts(const struct webhooks *webhooks, struct json_writer *json);

#endif
