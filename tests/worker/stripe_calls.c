/* SPDX-License-Identifier: MIT
 * tocsin-stripe-calls: makes calls through the Stripe client, one a line, with one
 * client, and prints what came of each as one line of JSON.
 *
 *   tocsin-stripe-calls CONFIG [governed] < CALLS
 *   get <tab> PATH <tab> ACCOUNT [<tab> name=value]...
 *   post <tab> PATH <tab> ACCOUNT <tab> KEY [<tab> name=value]... */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/redis.h"
#include "common/link/stripe.h"

enum { PARAMS_MOST = 32, CALL_ARENA_BYTES = 64 << 20 };

static void call_line(struct stripe *stripe, struct span line);
static size_t read_params(struct span rest,
                          struct stripe_param *params,
                          struct arena *arena);
static void print_result(enum outcome outcome,
                         const struct stripe_answer *answer,
                         const struct fault *fault,
                         struct arena *arena);
static void check(enum outcome outcome, const struct fault *fault);

int main(int argc, char **argv)
{
    struct settings settings;
    struct fault fault;
    struct redis *redis = NULL;
    struct stripe *stripe = NULL;
    const struct settings_options options = {.config = argc > 1 ? argv[1] : NULL};
    check(settings_load(&settings, SETTINGS_WORKER, &options, &fault), &fault);
    if (argc > 2 && strcmp(argv[2], "governed") == 0) {
        check(redis_open(&settings, &redis, &fault), &fault);
    }
    check(stripe_open(&settings, redis, &stripe, &fault), &fault);
    char *line = NULL;
    size_t room = 0;
    ssize_t len = 0;
    while ((len = getline(&line, &room, stdin)) > 0) {
        call_line(stripe, (struct span){line, (size_t)len - (line[len - 1] == '\n')});
    }
    free(line);
    stripe_close(stripe);
    redis_close(redis);
    settings_done(&settings);
    return 0;
}

static void call_line(struct stripe *stripe, struct span line)
{
    struct arena arena;
    arena_init(&arena, CALL_ARENA_BYTES);
    struct stripe_param params[PARAMS_MOST];
    struct stripe_answer answer = {0};
    struct fault fault = {0};
    struct span rest = line;
    struct span verb = span_cut(rest, '\t', &rest);
    const char *path = arena_copy(&arena, span_cut(rest, '\t', &rest));
    struct span account = span_cut(rest, '\t', &rest);
    enum outcome outcome = OUTCOME_DONE;
    if (span_is(verb, "post")) {
        struct span key = span_cut(rest, '\t', &rest);
        size_t count = read_params(rest, params, &arena);
        outcome = stripe_post(stripe,
                              path,
                              params,
                              count,
                              account,
                              key,
                              true,
                              &arena,
                              &answer,
                              &fault);
    } else {
        size_t count = read_params(rest, params, &arena);
        outcome = stripe_get(stripe,
                             path,
                             params,
                             count,
                             account,
                             false,
                             &arena,
                             &answer,
                             &fault);
    }
    print_result(outcome, &answer, &fault, &arena);
    json_free(answer.document);
    arena_done(&arena);
}

static size_t read_params(struct span rest,
                          struct stripe_param *params,
                          struct arena *arena)
{
    size_t count = 0;
    while (rest.len > 0 && count < PARAMS_MOST) {
        struct span value = span_cut(rest, '\t', &rest);
        struct span name = span_cut(value, '=', &value);
        params[count++] = (struct stripe_param){arena_copy(arena, name), value};
    }
    return count;
}

static void print_result(enum outcome outcome,
                         const struct stripe_answer *answer,
                         const struct fault *fault,
                         struct arena *arena)
{
    struct text text;
    text_init(&text, CALL_ARENA_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_string(&json, "outcome", span_of(outcome_name(outcome)));
    json_put_integer(&json, "status", answer->status);
    json_put_string(&json, "request_id", answer->request_id);
    json_put_string(&json, "error_type", answer->error_type);
    json_put_string(&json, "error_code", answer->error_code);
    json_put_string(&json, "decline_code", answer->decline_code);
    json_put_string(&json, "error_param", answer->error_param);
    if (outcome != OUTCOME_DONE) {
        json_put_integer(&json, "code", fault->code);
        json_put_string(&json, "fault", span_of(fault->text));
        json_put_string(&json, "neighbour", span_of(fault->neighbour));
        json_put_integer(&json, "retry_after_ms", fault->retry_after_ms);
    }
    if (answer->document) {
        json_put_raw(&json, "document", json_print(answer->document, arena));
    }
    json_close(&json, '}');
    puts(text.at);
    fflush(stdout);
    text_done(&text);
}

static void check(enum outcome outcome, const struct fault *fault)
{
    if (outcome != OUTCOME_DONE) {
        fprintf(stderr, "%s: %s\n", fault->module, fault->text);
        exit(1);
    }
}
