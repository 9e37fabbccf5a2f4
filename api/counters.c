/* SPDX-License-Identifier: MIT
 * Counts answers. */
#include "api/counters.h"

#include <assert.h>

const int64_t counters_bucket_us[COUNTERS_BUCKETS] = {
    500,
    1000,
    2500,
    5000,
    10000,
    25000,
    50000,
    100000,
    250000,
    500000,
    1000000,
    2500000,
    10000000,
    30000000,
};

static const char *const result_names[WEBHOOK_RESULTS] = {
    [WEBHOOK_NEW] = "new",
    [WEBHOOK_KNOWN] = "known",
    [WEBHOOK_CONFLICT] = "conflict",
    [WEBHOOK_OTHER_MODE] = "other_mode",
    [WEBHOOK_UNAVAILABLE] = "unavailable",
    [WEBHOOK_NO_SIGNATURE] = "signature_missing",
    [WEBHOOK_MALFORMED_SIGNATURE] = "signature_malformed",
    [WEBHOOK_OLD_SIGNATURE] = "signature_old",
    [WEBHOOK_FUTURE_SIGNATURE] = "signature_future",
    [WEBHOOK_WRONG_SIGNATURE] = "signature_wrong",
    [WEBHOOK_BAD_JSON] = "bad_json",
    [WEBHOOK_BAD_EVENT] = "bad_event",
};

void counters_answered(struct counters *counters, size_t route, int status, int64_t us)
{
    assert(route <= ROUTES_MOST && status >= 100 && status <= 599);
    size_t bucket = 0;
    while (bucket < COUNTERS_BUCKETS && us > counters_bucket_us[bucket]) {
        bucket++;
    }
    counter_add(&counters->answers[route][status / 100], 1);
    counter_add(&counters->durations[route][bucket], 1);
    counter_add(&counters->durations_us[route], us);
}

const char *webhook_result_name(enum webhook_result result)
{
    assert((int)result >= 0 && (int)result < WEBHOOK_RESULTS);
    return result_names[result];
}
