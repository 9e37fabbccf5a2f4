/* SPDX-License-Identifier: MIT
 * Adds the loops' counters up and writes them down, with the queue's figures behind. */
#include "api/metrics.h"

#include <inttypes.h>
#include <stddef.h>

#include "api/counters.h"
#include "api/door.h"
#include "api/loop.h"
#include "api/pulse.h"
#include "api/reader.h"
#include "api/request.h"
#include "api/routes.h"
#include "api/tls.h"
#include "common/model/batch.h"

enum { BODY_BYTES = 4 << 20 };

static void write_singles(struct text *out, const struct door *door);
static void write_certificate(struct text *out, const struct door *door);
static void write_webhooks(struct text *out, const struct door *door);
static void write_sales(struct text *out, const struct door *door);
static void write_requests(struct text *out, const struct door *door);
static void write_durations(struct text *out, const struct door *door);
static void write_refused(struct text *out, const struct door *door);
static uint64_t sum(const struct door *door, size_t offset);
static void write_type(struct text *out,
                       const char *name,
                       const char *type,
                       const char *help);
static bool is_first_of_name(size_t row);
static const char *name_of(size_t row);
static uint64_t sum_of_name(const struct door *door,
                            size_t row,
                            size_t base,
                            size_t stride);

/* Figures without labels. */
static const struct {
    const char *name;
    const char *type;
    const char *help;
    size_t offset;
} singles[] = {
    {"tocsin_connections_accepted_total",
     "counter",
     "Connections accepted.",
     offsetof(struct counters, accepted)},
    {"tocsin_connections",
     "gauge",
     "Connections now.",
     offsetof(struct counters, connections)},
    {"tocsin_connections_refused_total",
     "counter",
     "Connections closed at once, since their address had api.connections_share.",
     offsetof(struct counters, connections_refused)},
    {"tocsin_tls_refused_total",
     "counter",
     "Connections to the HTTPS listener that spoke no TLS, or none that is spoken here.",
     offsetof(struct counters, tls_refused)},
    {"tocsin_tokens_refused_total",
     "counter",
     "Tokens refused with 429: too many of their address that nobody knows were read.",
     offsetof(struct counters, tokens_refused)},
    {"tocsin_requests_waiting",
     "gauge",
     "Requests that wait for their answer now.",
     offsetof(struct counters, waiting)},
    {"tocsin_ingest_batches_total",
     "counter",
     "Commands that carried new jobs to Redis.",
     offsetof(struct counters, batches)},
    {"tocsin_ingest_jobs_total",
     "counter",
     "New jobs in these commands.",
     offsetof(struct counters, batched)},
    {"tocsin_redis_in_flight",
     "gauge",
     "Commands sent to Redis and not answered.",
     offsetof(struct counters, redis.in_flight)},
    {"tocsin_redis_failures_total",
     "counter",
     "Commands refused or late, and connections lost.",
     offsetof(struct counters, redis.failures)},
    {"tocsin_redis_connects_total",
     "counter",
     "Connections to Redis that came up.",
     offsetof(struct counters, redis.connects)},
    {"tocsin_subscription_connects_total",
     "counter",
     "Connections that hear what Redis publishes, each time one came up.",
     offsetof(struct counters, ears.connects)},
    {"tocsin_settled_heard_total",
     "counter",
     "Messages that a job is settled.",
     offsetof(struct counters, heard)},
    {"tocsin_jobs_awaited",
     "gauge",
     "Jobs that requests wait for now.",
     offsetof(struct counters, jobs_awaited)},
    {"tocsin_jobs_looked_at_total",
     "counter",
     "Looks at jobs that requests wait for.",
     offsetof(struct counters, looks)},
    {"tocsin_streams",
     "gauge",
     "Streams of server-sent events now.",
     offsetof(struct counters, streams)},
    {"tocsin_batch_looks_total",
     "counter",
     "Looks at batches that somebody watches.",
     offsetof(struct counters, batch_looks)},
    {"tocsin_sync_batches_total",
     "counter",
     "Offline queues of phones that were taken in.",
     offsetof(struct counters, sync_batches)},
    {"tocsin_sync_clocks_off_total",
     "counter",
     "Offline queues from a phone whose clock is off by more than sync.skew_s.",
     offsetof(struct counters, sync_clocks_off)},
    {"tocsin_sync_refused_total",
     "counter",
     "Offline queues refused with 429, since more than sync.backlog_most jobs wait.",
     offsetof(struct counters, sync_refused)},
};

void metrics_answer(struct request *request)
{
    const struct door *door = request->loop->door;
    struct text body;
    text_init(&body, BODY_BYTES);
    write_singles(&body, door);
    write_certificate(&body, door);
    write_webhooks(&body, door);
    write_sales(&body, door);
    write_requests(&body, door);
    write_durations(&body, door);
    write_refused(&body, door);
    reader_write_metrics(door->reader, &body);
    pulse_write_metrics(door->pulse, &body);
    request_answer(request,
                   200,
                   "text/plain; version=0.0.4; charset=utf-8",
                   text_span(&body),
                   (struct span){NULL, 0});
    text_done(&body);
}

static void write_singles(struct text *out, const struct door *door)
{
    for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
        write_type(out, singles[i].name, singles[i].type, singles[i].help);
        text_addf(out, "%s %" PRIu64 "\n", singles[i].name, sum(door, singles[i].offset));
    }
}

/* A renewal that does not come shows weeks before clients are refused. */
static void write_certificate(struct text *out, const struct door *door)
{
    static const char name[] = "tocsin_tls_certificate_expires_seconds";
    if (door->tls) {
        write_type(out, name, "gauge", "When the certificate in use ends, in Unix time.");
        text_addf(out, "%s %" PRId64 "\n", name, tls_expires_ms(door->tls) / 1000);
    }
}

static void write_webhooks(struct text *out, const struct door *door)
{
    write_type(out, "tocsin_webhooks_total", "counter", "Webhooks by what came of them.");
    for (int i = 0; i < WEBHOOK_RESULTS; i++) {
        size_t offset = offsetof(struct counters, webhooks) + (size_t)i * sizeof(counter);
        text_addf(out,
                  "tocsin_webhooks_total{result=\"%s\"} %" PRIu64 "\n",
                  webhook_result_name((enum webhook_result)i),
                  sum(door, offset));
    }
}

_Static_assert((int)COUNTERS_VERDICTS == (int)BATCH_VERDICTS, "one counter for each");

static void write_sales(struct text *out, const struct door *door)
{
    write_type(out,
               "tocsin_sync_items_total",
               "counter",
               "Sales in the offline queues that were taken in, by verdict.");
    for (int i = 0; i < BATCH_VERDICTS; i++) {
        size_t offset =
            offsetof(struct counters, sync_items) + (size_t)i * sizeof(counter);
        text_addf(out,
                  "tocsin_sync_items_total{verdict=\"%s\"} %" PRIu64 "\n",
                  batch_verdict_name((enum batch_verdict)i),
                  sum(door, offset));
    }
}

static void write_requests(struct text *out, const struct door *door)
{
    write_type(out, "tocsin_requests_total", "counter", "Answers by route and status.");
    for (size_t row = 0; row <= ROUTES_MOST; row++) {
        for (size_t class = 2; class <= 5 && is_first_of_name(row); class ++) {
            uint64_t count =
                sum_of_name(door,
                            row,
                            offsetof(struct counters, answers) + class * sizeof(counter),
                            6 * sizeof(counter));
            if (count > 0) {
                text_addf(out,
                          "tocsin_requests_total{route=\"%s\",status=\"%zuxx\"} %" PRIu64
                          "\n",
                          name_of(row),
                          class,
                          count);
            }
        }
    }
}

static void write_durations(struct text *out, const struct door *door)
{
    size_t base = offsetof(struct counters, durations);
    size_t stride = (COUNTERS_BUCKETS + 1) * sizeof(counter);
    write_type(out,
               "tocsin_request_seconds",
               "histogram",
               "Time from a request's last byte to its answer.");
    for (size_t row = 0; row <= ROUTES_MOST; row++) {
        if (!is_first_of_name(row)) {
            continue;
        }
        uint64_t below = 0;
        for (size_t i = 0; i < COUNTERS_BUCKETS; i++) {
            below += sum_of_name(door, row, base + i * sizeof(counter), stride);
            text_addf(out,
                      "tocsin_request_seconds_bucket{route=\"%s\",le=\"%g\"} %" PRIu64
                      "\n",
                      name_of(row),
                      (double)counters_bucket_us[i] / 1e6,
                      below);
        }
        below +=
            sum_of_name(door, row, base + COUNTERS_BUCKETS * sizeof(counter), stride);
        uint64_t us = sum_of_name(door,
                                  row,
                                  offsetof(struct counters, durations_us),
                                  sizeof(counter));
        text_addf(out,
                  "tocsin_request_seconds_bucket{route=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
                  "tocsin_request_seconds_sum{route=\"%s\"} %.6f\n"
                  "tocsin_request_seconds_count{route=\"%s\"} %" PRIu64 "\n",
                  name_of(row),
                  below,
                  name_of(row),
                  (double)us / 1e6,
                  name_of(row),
                  below);
    }
}

static void write_refused(struct text *out, const struct door *door)
{
    write_type(out,
               "tocsin_http_refused_total",
               "counter",
               "What was no request, by status.");
    for (size_t status = 400; status < 600; status++) {
        uint64_t count =
            sum(door, offsetof(struct counters, refused) + status * sizeof(counter));
        if (count > 0) {
            text_addf(out,
                      "tocsin_http_refused_total{status=\"%zu\"} %" PRIu64 "\n",
                      status,
                      count);
        }
    }
}

/* Over all loops. A gauge that one loop counted up and another down wraps round and comes
 * out right. */
static uint64_t sum(const struct door *door, size_t offset)
{
    uint64_t total = 0;
    for (int i = 0; i < door->loop_count; i++) {
        const char *counters = (const char *)&door->counters[i];
        total += counter_read((const counter *)(const void *)(counters + offset));
    }
    return total;
}

static void write_type(struct text *out,
                       const char *name,
                       const char *type,
                       const char *help)
{
    text_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Aliases share a name, and each name is written once. */
static bool is_first_of_name(size_t row)
{
    if (row >= routes_count && row < ROUTES_MOST) {
        return false;
    }
    for (size_t i = 0; i < row && row < ROUTES_MOST; i++) {
        if (span_is(span_of(routes[i].name), routes[row].name)) {
            return false;
        }
    }
    return true;
}

static const char *name_of(size_t row)
{
    return row < routes_count ? routes[row].name : "none";
}

static uint64_t sum_of_name(const struct door *door,
                            size_t row,
                            size_t base,
                            size_t stride)
{
    uint64_t total = sum(door, base + row * stride);
    for (size_t i = row + 1; i < routes_count; i++) {
        if (span_is(span_of(routes[i].name), routes[row].name)) {
            total += sum(door, base + i * stride);
        }
    }
    return total;
}
