/* SPDX-License-Identifier: MIT
 * Writes one line for each settled job. */
#include "worker/settled_line.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/model/job.h"
#include "worker/attempt.h"

enum { FIELDS_MOST = 16 };

static enum log_level level_of(const struct attempt *attempt, struct settled settled);

void settled_line(const struct attempt *attempt, struct settled settled, int64_t now_ms)
{
    static const char *const verdicts[] = {
        [SETTLE_DONE] = "settled",
        [SETTLE_STALE] = "settle_stale",
        [SETTLE_GONE] = "settle_gone",
    };
    const struct job *job = &attempt->job;
    const struct settlement *settlement = &attempt->settlement;
    bool recorded = settled.verdict == SETTLE_DONE;
    bool waits = recorded && settled.state == JOB_SCHEDULED;
    char stamp[CLOCK_STAMP_BYTES];
    struct log_field fields[FIELDS_MOST] = {
        LOG_SPAN("id", job->id),
        LOG_TEXT("kind", job->kind->name),
        LOG_TEXT("lane", lane_name(job->lane)),
        LOG_SPAN("tenant", job->tenant),
        LOG_NUMBER("attempt", job->attempt),
        LOG_NUMBER("token", job->token),
        LOG_TEXT("outcome", outcome_name(settlement->outcome)),
        LOG_TEXT("state", recorded ? job_state_name(settled.state) : "unchanged"),
        LOG_NUMBER("took_ms", settlement->took_ms),
        LOG_NUMBER("age_ms", now_ms - job->enqueued_ms),
    };
    int count = 10;
    if (waits) {
        fields[count++] = LOG_TEXT("next_at", clock_stamp(settled.run_at_ms, stamp));
        fields[count++] = LOG_NUMBER("deferred", settlement->deferred);
    }
    if (settlement->fault) {
        fields[count++] = LOG_TEXT("module", settlement->fault->module);
        fields[count++] = LOG_NUMBER("code", settlement->fault->code);
        fields[count++] = LOG_TEXT("fault", settlement->fault->text);
    }
    if (attempt->unsure) {
        fields[count++] = LOG_TEXT("sent", "again");
    }
    log_write(level_of(attempt, settled), verdicts[settled.verdict], fields, count);
}

/* A settlement that was sent twice is expected to find its token gone. */
static enum log_level level_of(const struct attempt *attempt, struct settled settled)
{
    if (settled.verdict == SETTLE_DONE) {
        return settled.state == JOB_DEAD ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO;
    }
    return attempt->unsure ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;
}
