/* SPDX-License-Identifier: MIT
 * One run of one job: decode, handle, and put down what came of it. */
#include "worker/attempt.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/seal.h"
#include "common/link/mariadb.h"
#include "common/model/backoff.h"
#include "worker/context.h"
#include "worker/crash_point.h"
#include "worker/handlers.h"
#include "worker/producer.h"

static struct handling make_handling(const struct hands *hands, struct attempt *attempt);
static enum outcome open_payload(const struct context *context,
                                 struct attempt *attempt,
                                 struct span *out_payload,
                                 struct fault *fault);
static bool awaits_migration(enum outcome outcome, const struct fault *fault);
static void conclude_group(const struct context *context,
                           struct attempt *group,
                           const struct handling *handlings,
                           const struct handled *handled);
static void defer_group(const struct hands *hands,
                        struct attempt *group,
                        enum outcome outcome,
                        const struct fault *fault);
static void conclude(const struct context *context,
                     struct attempt *attempt,
                     enum outcome outcome,
                     unsigned answered,
                     const struct handled *handled);
static void plan_retry(struct attempt *attempt, struct settlement *settlement);
static bool pauses_for(const struct kind *kind, const char *neighbour);
static void seal_handled(const struct context *context,
                         struct attempt *attempt,
                         const struct handled *handled);

struct attempt *attempt_new(const struct job *job,
                            struct partition partition,
                            const struct handler *handler)
{
    struct attempt *attempt = calloc(1, sizeof(*attempt));
    if (!attempt) {
        abort();
    }
    arena_init(&attempt->arena, ATTEMPT_ARENA_BYTES);
    attempt->job = *job;
    attempt->job.id = arena_span(&attempt->arena, job->id);
    attempt->job.tenant = arena_span(&attempt->arena, job->tenant);
    attempt->job.payload = arena_span(&attempt->arena, job->payload);
    attempt->job.reply = arena_span(&attempt->arena, job->reply);
    attempt->partition = partition;
    attempt->handler = handler;
    attempt->slot = -1;
    return attempt;
}

void attempt_free(struct attempt *attempt)
{
    if (!attempt) {
        return;
    }
    arena_done(&attempt->arena);
    free(attempt);
}

void attempt_run(const struct hands *hands, struct attempt *attempt)
{
    CRASH_POINT("begun");
    struct handling handling = make_handling(hands, attempt);
    struct handled *handled = ARENA_NEW(&attempt->arena, struct handled);
    enum outcome outcome =
        open_payload(hands->context, attempt, &handling.payload, &attempt->fault);
    if (outcome == OUTCOME_DONE) {
        CRASH_POINT("opened");
        outcome = attempt->handler->handle(&handling, handled, &attempt->fault);
        outcome = awaits_migration(outcome, &attempt->fault) ? OUTCOME_LATER : outcome;
        CRASH_POINT("handled");
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(hands->db);
    }
    conclude(hands->context, attempt, outcome, handling.answered, handled);
}

void attempt_skip(const struct hands *hands, struct attempt *attempt)
{
    static const struct handled nothing;
    enum outcome outcome = fault_set(&attempt->fault,
                                     OUTCOME_LATER,
                                     "worker",
                                     0,
                                     "the lease was lost before the job was run");
    conclude(hands->context, attempt, outcome, 0, &nothing);
}

void attempt_defer(const struct hands *hands,
                   struct attempt *attempt,
                   const struct fault *fault)
{
    static const struct handled nothing;
    attempt->fault = *fault;
    conclude(hands->context, attempt, OUTCOME_LATER, 0, &nothing);
    attempt->settlement.echoes = true;
}

bool attempt_run_group(const struct hands *hands, struct attempt *group)
{
    if (!group->handler->handle_group) {
        return false;
    }
    CRASH_POINT("begun");
    size_t count = 0;
    for (const struct attempt *each = group; each; each = each->next) {
        count++;
    }
    struct handling *handlings = ARENA_ARRAY(&group->arena, struct handling, count);
    struct handled *handled = ARENA_ARRAY(&group->arena, struct handled, count);
    struct fault fault = {0};
    size_t at = 0;
    for (struct attempt *each = group; each; each = each->next) {
        handlings[at] = make_handling(hands, each);
        enum outcome opened =
            open_payload(hands->context, each, &handlings[at].payload, &fault);
        if (opened != OUTCOME_DONE) {
            return false;
        }
        at++;
    }
    CRASH_POINT("opened");
    enum outcome outcome =
        group->handler->handle_group(handlings, count, handled, &fault);
    if (outcome == OUTCOME_DONE) {
        CRASH_POINT("handled");
        conclude_group(hands->context, group, handlings, handled);
        return true;
    }
    mariadb_rollback(hands->db);
    bool away = fault.neighbour && outcome != OUTCOME_NEVER;
    log_debug(away ? "group_deferred" : "group_split",
              LOG_TEXT("kind", group->job.kind->name),
              LOG_NUMBER("jobs", count),
              LOG_FAULT(&fault));
    if (away) {
        defer_group(hands, group, outcome, &fault);
    }
    return away;
}

static void conclude_group(const struct context *context,
                           struct attempt *group,
                           const struct handling *handlings,
                           const struct handled *handled)
{
    size_t at = 0;
    for (struct attempt *each = group; each; each = each->next) {
        conclude(context, each, OUTCOME_DONE, handlings[at].answered, &handled[at]);
        at++;
    }
}

/* The group was one failure of the neighbour, which its first one tells. */
static void defer_group(const struct hands *hands,
                        struct attempt *group,
                        enum outcome outcome,
                        const struct fault *fault)
{
    static const struct handled nothing;
    group->fault = *fault;
    conclude(hands->context, group, outcome, 0, &nothing);
    for (struct attempt *each = group->next; each; each = each->next) {
        attempt_defer(hands, each, fault);
    }
}

static struct handling make_handling(const struct hands *hands, struct attempt *attempt)
{
    const struct context *context = hands->context;
    return (struct handling){.settings = context->settings,
                             .clock = context->clock,
                             .ring = context->ring,
                             .pii = context->pii,
                             .job = &attempt->job,
                             .arena = &attempt->arena,
                             .db = hands->db,
                             .redis = hands->redis,
                             .stripe = hands->stripe,
                             .mailer = hands->mailer};
}

/* A key that this worker does not have yet comes with its next restart, so that job
 * waits; a damaged payload stays damaged. */
static enum outcome open_payload(const struct context *context,
                                 struct attempt *attempt,
                                 struct span *out_payload,
                                 struct fault *fault)
{
    struct arena *arena = &attempt->arena;
    const struct job *job = &attempt->job;
    struct span binding =
        span_of(arena_format(arena, "%.*s|%s", SPAN_ARGS(job->id), job->kind->name));
    enum outcome outcome =
        seal_unseal(context->ring, binding, job->payload, arena, out_payload, fault);
    bool waits = outcome == OUTCOME_NEVER && fault->code == SEAL_UNKNOWN_KEY;
    return waits ? OUTCOME_LATER : outcome;
}

/* A table, a column or a right that is not there comes with `tocsin migrate`, or is the
 * operator's to give: no job should die of it at once. */
static bool awaits_migration(enum outcome outcome, const struct fault *fault)
{
    static const int codes[] = {1054, 1142, 1143, 1146};
    if (outcome != OUTCOME_NEVER || !fault->module ||
        strcmp(fault->module, "mariadb") != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (fault->code == codes[i]) {
            return true;
        }
    }
    return false;
}

static void conclude(const struct context *context,
                     struct attempt *attempt,
                     enum outcome outcome,
                     unsigned answered,
                     const struct handled *handled)
{
    struct settlement *settlement = &attempt->settlement;
    int64_t took_ms = clock_mono_ms(context->clock) - attempt->begun_ms;
    *settlement = (struct settlement){.job = &attempt->job,
                                      .worker = context->name,
                                      .outcome = outcome,
                                      .answered = answered,
                                      .took_ms = took_ms};
    switch (outcome) {
    case OUTCOME_DONE:
        seal_handled(context, attempt, handled);
        return;
    case OUTCOME_LATER:
    case OUTCOME_UNSURE:
        plan_retry(attempt, settlement);
        return;
    case OUTCOME_NEVER:
        settlement->fault = &attempt->fault;
        return;
    }
    assert(!"an outcome is one of the four");
}

static void plan_retry(struct attempt *attempt, struct settlement *settlement)
{
    const struct job *job = &attempt->job;
    const struct fault *fault = &attempt->fault;
    uint64_t seed = backoff_seed(job->id, job->attempt + job->deferrals);
    int64_t wish_ms = fault->retry_after_ms;
    settlement->fault = fault;
    settlement->deferred = fault->neighbour != NULL;
    settlement->delay_ms =
        settlement->deferred
            ? backoff_deferred_ms(pauses_for(job->kind, fault->neighbour),
                                  job->deferrals,
                                  seed,
                                  wish_ms)
            : backoff_ms(job->kind, job->attempt, seed, wish_ms);
}

/* Whether the kind is not taken while the neighbour is down. */
static bool pauses_for(const struct kind *kind, const char *neighbour)
{
    for (int i = 0; i < NEIGHBOUR_COUNT; i++) {
        enum neighbour which = (enum neighbour)(1U << i);
        if ((kind->needs & which) && strcmp(neighbour, neighbour_name(which)) == 0) {
            return true;
        }
    }
    return false;
}

static void seal_handled(const struct context *context,
                         struct attempt *attempt,
                         const struct handled *handled)
{
    struct arena *arena = &attempt->arena;
    struct settlement *settlement = &attempt->settlement;
    assert(handled->result.len <= JOB_RESULT_BYTES);
    assert(handled->follow_up_count <= HANDLED_FOLLOW_UPS);
    if (handled->result.len > 0) {
        struct span binding =
            span_of(arena_format(arena, "%.*s|result", SPAN_ARGS(attempt->job.id)));
        settlement->result = seal_seal(context->ring, binding, handled->result, arena);
    }
    if (handled->follow_up_count == 0) {
        return;
    }
    struct job_new *jobs = ARENA_ARRAY(arena, struct job_new, handled->follow_up_count);
    for (size_t i = 0; i < handled->follow_up_count; i++) {
        jobs[i] = producer_seal(context->ring, &handled->follow_ups[i], arena);
    }
    settlement->follow_ups = jobs;
    settlement->follow_up_count = handled->follow_up_count;
}
