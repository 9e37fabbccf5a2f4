/* SPDX-License-Identifier: MIT
 *
 * counters - what one event loop counts; /metrics adds the loops' up.
 *
 * Owns:    nothing
 * Callers: the loop that they belong to writes, any loop reads
 * Blocks:  never
 * Units:   durations in microseconds
 *
 * One thread writes each struct, so adding needs no locked instruction, only that a
 * reader never sees half a number.
 */
#ifndef API_COUNTERS_H
#define API_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "api/routes.h"

/* What came of a webhook. */
enum webhook_result {
    WEBHOOK_NEW,
    WEBHOOK_KNOWN,
    WEBHOOK_CONFLICT, /* the same id with another body: kept as it was first */
    WEBHOOK_OTHER_MODE, /* a test event in live mode: acknowledged only */
    WEBHOOK_UNAVAILABLE, /* 503: Redis did not take it */
    WEBHOOK_NO_SIGNATURE,
    WEBHOOK_MALFORMED_SIGNATURE,
    WEBHOOK_OLD_SIGNATURE,
    WEBHOOK_FUTURE_SIGNATURE,
    WEBHOOK_WRONG_SIGNATURE,
    WEBHOOK_BAD_JSON,
    WEBHOOK_BAD_EVENT,
};
enum { WEBHOOK_RESULTS = WEBHOOK_BAD_EVENT + 1 };

enum { COUNTERS_VERDICTS = 4 }; /* of enum batch_verdict */
enum { COUNTERS_BUCKETS = 14 };
/* Upper ends of the histogram's buckets; what is slower counts in the one behind. */
extern const int64_t counters_bucket_us[COUNTERS_BUCKETS];

typedef _Atomic uint64_t counter;

/* Of a connection to Redis. */
struct redis_counts {
    counter in_flight;
    counter failures;
    counter connects;
};

struct counters {
    counter webhooks[WEBHOOK_RESULTS];
    counter answers[ROUTES_MOST + 1][6]; /* by route (the last: none) and status / 100 */
    counter durations[ROUTES_MOST + 1][COUNTERS_BUCKETS + 1];
    counter durations_us[ROUTES_MOST + 1]; /* their sum */
    counter refused[600]; /* by status: what was no request for a route */
    counter accepted;
    counter connections; /* now */
    counter connections_refused; /* their address had its share */
    counter tls_refused; /* clients of HTTPS that speak no TLS that we do */
    counter tokens_refused; /* too many unknown ones from an address */
    counter waiting; /* requests now in handlers */
    counter batches; /* commands that carried events to Redis */
    counter batched; /* the events in them */
    struct redis_counts redis; /* the one for commands */
    struct redis_counts ears; /* the one that hears what is published */
    counter heard; /* messages that a job is settled */
    counter jobs_awaited; /* now */
    counter looks; /* how often one of them was looked at */
    counter streams; /* now */
    counter batch_looks; /* of streams and of flushes that wait */
    counter sync_batches; /* offline queues that were accepted */
    counter sync_items[COUNTERS_VERDICTS]; /* the sales in them, by enum batch_verdict */
    counter sync_clocks_off; /* that came from a phone whose clock is off */
    counter sync_refused; /* asked to come back, since too many wait */
};

static inline void counter_add(counter *counter_, int64_t by)
{
    uint64_t now = atomic_load_explicit(counter_, memory_order_relaxed);
    atomic_store_explicit(counter_, now + (uint64_t)by, memory_order_relaxed);
}

static inline uint64_t counter_read(const counter *counter_)
{
    return atomic_load_explicit(counter_, memory_order_relaxed);
}

/* One answered request. `route` is its place in the table, ROUTES_MOST for none. */
void counters_answered(struct counters *counters, size_t route, int status, int64_t us);
const char *webhook_result_name(enum webhook_result result);

#endif
