/* SPDX-License-Identifier: MIT
 * One line when a link goes, one when it comes. */
#include "worker/outage.h"

#include "common/base/log.h"

int64_t outage_lost(struct outage *outage,
                    const struct clock *clock,
                    const struct fault *fault)
{
    if (outage->since_ms == 0) {
        outage->since_ms = clock_mono_ms(clock);
        outage->wait_ms = OUTAGE_LEAST_MS;
        outage->told = 0;
    } else {
        outage->wait_ms *= 2;
    }
    if (outage->wait_ms > OUTAGE_MOST_MS) {
        outage->wait_ms = OUTAGE_MOST_MS;
    }
    uint64_t bit = (uint64_t)1 << ((unsigned)fault->code % 64);
    if (!(outage->told & bit)) {
        outage->told |= bit;
        log_warning("link_lost",
                    LOG_TEXT("who", outage->who),
                    LOG_TEXT("link", outage->what),
                    LOG_FAULT(fault));
    }
    return outage->wait_ms;
}

void outage_back(struct outage *outage, const struct clock *clock)
{
    if (outage->since_ms == 0) {
        return;
    }
    log_info("link_back",
             LOG_TEXT("who", outage->who),
             LOG_TEXT("link", outage->what),
             LOG_NUMBER("away_ms", clock_mono_ms(clock) - outage->since_ms));
    outage->since_ms = 0;
}
