/* SPDX-License-Identifier: MIT
 * The table of limits, their charges on the way to Redis, and what callers are told. */
#include "api/limits.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "api/door.h"
#include "api/loop.h"
#include "api/redis_async.h"
#include "api/request.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/limit.h"

enum { COMMAND_ARENA_BYTES = 64 * 1024, SECOND = 1000, MINUTE = 60 * SECOND };

/* docs/security.md says why these figures. */
static const struct {
    const char *name;
    int64_t burst;
    int64_t period_ms;
} table[LIMITS] = {
    [LIMIT_LOGIN_ACCOUNT] = {"login_account", 5, 5 * MINUTE},
    [LIMIT_LOGIN_ADDRESS] = {"login_address", 50, 5 * MINUTE},
    [LIMIT_INTENTS] = {"intents", 10, MINUTE},
    [LIMIT_DEVICES] = {"devices", 60, MINUTE},
    [LIMIT_OFFLINE] = {"offline", 0, 10 * MINUTE}, /* sync.user_most */
    [LIMIT_STRIPE] = {"stripe", 30, MINUTE},
};

/* In the request's arena. */
struct charge {
    struct request *request;
    limit_answer_fn answer;
    void *context;
};

static int64_t burst_of(const struct request *request, enum limit limit);
static enum outcome send_charge(struct request *request,
                                enum limit limit,
                                struct span who,
                                int64_t charges,
                                redis_answer_fn answer,
                                void *context,
                                struct fault *fault);
static void on_charged(void *context,
                       enum outcome outcome,
                       const struct reply *reply,
                       const struct fault *fault);
static void allow(struct charge *charge);
static void on_given_back(void *context,
                          enum outcome outcome,
                          const struct reply *reply,
                          const struct fault *fault);
static int64_t seconds_of(int64_t ms);

void limits_charge(struct request *request,
                   enum limit limit,
                   struct span who,
                   limit_answer_fn answer,
                   void *context)
{
    limits_charge_many(request, limit, who, 1, answer, context);
}

void limits_charge_many(struct request *request,
                        enum limit limit,
                        struct span who,
                        int64_t charges,
                        limit_answer_fn answer,
                        void *context)
{
    struct charge *charge = ARENA_NEW(&request->arena, struct charge);
    struct fault fault;
    *charge = (struct charge){.request = request, .answer = answer, .context = context};
    enum outcome outcome =
        send_charge(request, limit, who, charges, on_charged, charge, &fault);
    if (outcome != OUTCOME_DONE) {
        log_debug("a limit is not kept", LOG_FAULT(&fault));
        allow(charge);
    }
}

void limits_give_back(struct request *request, enum limit limit, struct span who)
{
    struct limit_state state = {.remaining = 0};
    limits_give_back_many(request, limit, who, 1, &state);
}

void limits_give_back_many(struct request *request,
                           enum limit limit,
                           struct span who,
                           int64_t charges,
                           struct limit_state *state)
{
    struct fault fault;
    if (state->remaining < 0) {
        return;
    }
    if (send_charge(request, limit, who, -charges, on_given_back, NULL, &fault) !=
        OUTCOME_DONE) {
        log_debug("a charge is not given back", LOG_FAULT(&fault));
        return;
    }
    int64_t back_ms = charges * table[limit].period_ms / burst_of(request, limit);
    state->remaining += charges;
    state->reset_ms = state->reset_ms > back_ms ? state->reset_ms - back_ms : 0;
}

/* As draft-ietf-httpapi-ratelimit-headers-10 writes them. */
struct span limits_headers(struct request *request,
                           enum limit limit,
                           const struct limit_state *state)
{
    if (state->remaining < 0) {
        return (struct span){NULL, 0};
    }
    return span_of(arena_format(&request->arena,
                                "RateLimit-Policy: \"%s\";q=%" PRId64 ";w=%" PRId64 "\r\n"
                                "RateLimit: \"%s\";r=%" PRId64 ";t=%" PRId64 "\r\n",
                                table[limit].name,
                                burst_of(request, limit),
                                seconds_of(table[limit].period_ms),
                                table[limit].name,
                                state->remaining,
                                seconds_of(state->reset_ms)));
}

void limits_refuse(struct request *request,
                   enum limit limit,
                   const struct limit_state *state)
{
    struct span policy = limits_headers(request, limit, state);
    const char *headers = arena_format(&request->arena,
                                       "Retry-After: %" PRId64 "\r\n%.*s",
                                       seconds_of(state->retry_after_ms),
                                       SPAN_ARGS(policy));
    request_problem_with(request,
                         PROBLEM_TOO_MANY_REQUESTS,
                         NULL,
                         0,
                         (struct span){NULL, 0},
                         span_of(headers));
}

struct span limits_address(struct request *request)
{
    static const unsigned char v4[12] = {[10] = 0xff, [11] = 0xff};
    const struct address *client = &request->client;
    char text[INET6_ADDRSTRLEN];
    if (client->is_local) {
        return SPAN("local");
    }
    if (memcmp(client->bytes, v4, sizeof(v4)) == 0) {
        inet_ntop(AF_INET, client->bytes + sizeof(v4), text, sizeof(text));
        return arena_span(&request->arena, span_of(text));
    }
    unsigned char network[16] = {0};
    memcpy(network, client->bytes, 8);
    inet_ntop(AF_INET6, network, text, sizeof(text));
    return span_of(arena_format(&request->arena, "%s/64", text));
}

static int64_t burst_of(const struct request *request, enum limit limit)
{
    return limit == LIMIT_OFFLINE ? request->loop->door->settings->sync.user_most
                                  : table[limit].burst;
}

static enum outcome send_charge(struct request *request,
                                enum limit limit,
                                struct span who,
                                int64_t charges,
                                redis_answer_fn answer,
                                void *context,
                                struct fault *fault)
{
    struct loop *loop = request->loop;
    assert(limit != LIMIT_NONE);
    const struct limit_charge charge = {.name = span_of(table[limit].name),
                                        .who = who,
                                        .burst = burst_of(request, limit),
                                        .period_ms = table[limit].period_ms,
                                        .charges = charges};
    struct arena arena;
    arena_init(&arena, COMMAND_ARENA_BYTES);
    struct command command = limit_encode(&arena, &charge);
    enum outcome outcome = redis_async_send(loop->redis,
                                            &command,
                                            loop->door->settings->api.redis_ms,
                                            answer,
                                            context,
                                            fault);
    arena_done(&arena);
    return outcome;
}

static void on_charged(void *context,
                       enum outcome outcome,
                       const struct reply *reply,
                       const struct fault *fault)
{
    struct charge *charge = context;
    struct limit_reply decoded;
    struct fault bad;
    if (outcome == OUTCOME_DONE) {
        outcome = limit_decode(reply, &decoded, &bad);
        fault = &bad;
    }
    if (outcome != OUTCOME_DONE) {
        log_debug("a limit is not kept", LOG_FAULT(fault));
        allow(charge);
        return;
    }
    const struct limit_state state = {.allowed = decoded.allowed,
                                      .remaining = decoded.remaining,
                                      .retry_after_ms = decoded.retry_after_ms,
                                      .reset_ms = decoded.reset_ms};
    charge->answer(charge->request, &state, charge->context);
}

static void allow(struct charge *charge)
{
    static const struct limit_state unknown = {.allowed = true, .remaining = -1};
    charge->answer(charge->request, &unknown, charge->context);
}

/* Nobody waits for it; what is not given back comes back by itself. */
static void on_given_back(void *context,
                          enum outcome outcome,
                          const struct reply *reply,
                          const struct fault *fault)
{
    (void)context;
    (void)reply;
    if (outcome != OUTCOME_DONE) {
        log_debug("a charge is not given back", LOG_FAULT(fault));
    }
}

/* Rounded up: who comes back then finds it so. */
static int64_t seconds_of(int64_t ms)
{
    return (ms + 999) / 1000;
}
