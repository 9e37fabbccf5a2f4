/* SPDX-License-Identifier: MIT
 * What goes wrong with API calls. */
#include "tests/stripesim/faults.h"

#include <stdlib.h>
#include <string.h>

static bool is_hit(struct fault_rule *rule,
                   struct random *random,
                   const char *method,
                   const char *path);
static bool is_skipped(struct fault_rule *rule);
static bool path_fits(const char *pattern, const char *path);

#define OVERLOAD                                                                         \
    "Request rate limit exceeded. Learn more about rate limits here "                    \
    "https://stripe.com/docs/rate-limits."
#define LOCKED                                                                           \
    "This object cannot be accessed right now because another API request or Stripe "    \
    "process is currently accessing it. If you see this error intermittently, retry "    \
    "the request. If you see this error frequently and are making multiple concurrent "  \
    "requests to a single object, make your requests serially or at a lower rate."
#define UNKNOWN "An unknown error occurred"

static const struct fault_action actions[] = {
    {.name = "latency", .executes = true, .waits_before = true, .default_ms = 100},
    {.name = "slow_answer", .executes = true, .default_ms = 1000},
    {.name = "rate_limit",
     .status = 429,
     .type = "invalid_request_error",
     .code = "rate_limit",
     .message = OVERLOAD},
    {.name = "lock_timeout",
     .status = 429,
     .type = "invalid_request_error",
     .code = "lock_timeout",
     .message = LOCKED},
    {.name = "error_before",
     .is_kept = true,
     .status = 500,
     .type = "api_error",
     .message = UNKNOWN},
    {.name = "error_after",
     .executes = true,
     .is_kept = true,
     .status = 500,
     .type = "api_error",
     .message = UNKNOWN},
    {.name = "unavailable", .status = 503, .type = "api_error", .message = UNKNOWN},
    {.name = "forbidden",
     .status = 403,
     .type = "invalid_request_error",
     .message = "The provided key does not have the required permissions for this "
                "endpoint."},
    {.name = "drop_before", .drops = true},
    {.name = "drop_after", .executes = true, .drops = true},
    {.name = "stall_before", .drops = true, .default_ms = 30000},
    {.name = "stall_after", .executes = true, .drops = true, .default_ms = 30000},
};

void faults_init(struct faults *faults)
{
    *faults = (struct faults){0};
}

void faults_done(struct faults *faults)
{
    free(faults->rules);
    *faults = (struct faults){0};
}

const struct fault_action *faults_action(struct span name)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (span_is(name, actions[i].name)) {
            return &actions[i];
        }
    }
    return NULL;
}

size_t faults_add(struct faults *faults, const struct fault_rule *rule)
{
    faults->rules =
        realloc(faults->rules, (faults->count + 1) * sizeof(struct fault_rule));
    if (!faults->rules) {
        abort();
    }
    faults->rules[faults->count] = *rule;
    return ++faults->count;
}

void faults_clear(struct faults *faults)
{
    faults->count = 0;
}

void faults_plan(struct faults *faults,
                 struct random *random,
                 const char *method,
                 const char *path,
                 bool is_replay,
                 struct fault_plan *out_plan)
{
    *out_plan = (struct fault_plan){0};
    for (size_t i = 0; i < faults->count; i++) {
        struct fault_rule *rule = &faults->rules[i];
        const struct fault_action *action = rule->action;
        bool is_late = action->executes && !action->drops && action->status == 0;
        if ((out_plan->action && !is_late) || (is_replay && action->is_kept) ||
            !is_hit(rule, random, method, path)) {
            continue;
        }
        rule->hits++;
        rule->times -= rule->times > 0 ? 1 : 0;
        out_plan->before_ms += action->waits_before ? rule->ms : 0;
        out_plan->after_ms += action->waits_before ? 0 : rule->ms;
        if (!is_late) {
            out_plan->action = action;
            out_plan->retry_after_s = rule->retry_after_s;
            out_plan->should_retry = rule->should_retry;
        }
    }
}

void faults_write(const struct faults *faults, struct json_writer *json)
{
    json_open(json, "faults", '[');
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault_rule *rule = &faults->rules[i];
        json_open(json, NULL, '{');
        json_put_string(json, "kind", span_of(rule->action->name));
        json_put_string(json, "method", span_of(rule->method));
        json_put_string(json, "path", span_of(rule->path));
        json_put_integer(json, "skip", rule->skip);
        json_put_integer(json, "times", rule->times);
        json_put_integer(json, "percent", rule->percent);
        json_put_integer(json, "ms", rule->ms);
        json_put_integer(json, "hits", rule->hits);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static bool is_hit(struct fault_rule *rule,
                   struct random *random,
                   const char *method,
                   const char *path)
{
    return rule->times != 0 && (!rule->method[0] || strcmp(rule->method, method) == 0) &&
           path_fits(rule->path, path) && !is_skipped(rule) &&
           (rule->percent >= 100 || random_percent(random, rule->percent));
}

static bool is_skipped(struct fault_rule *rule)
{
    if (rule->skip == 0) {
        return false;
    }
    rule->skip--;
    return true;
}

static bool path_fits(const char *pattern, const char *path)
{
    size_t len = strlen(pattern);
    if (len > 0 && pattern[len - 1] == '*') {
        return strncmp(pattern, path, len - 1) == 0;
    }
    return strcmp(pattern, path) == 0;
}
