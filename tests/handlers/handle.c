/* SPDX-License-Identifier: MIT
 * tocsin-handle: runs the handlers on jobs that come on standard input, one after
 * another, with a real database, mail server and Stripe, but without a queue: tests
 * decide the order.
 *
 *   tocsin-handle CONFIG
 *
 * A job is a line of three fields between tabs (id, kind, length of the payload) and the
 * payload's bytes. The answer is one line of JSON: the outcome, the fault, the
 * follow-ups. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "worker/handlers.h"
#include "worker/mailer.h"
#include "common/link/stripe.h"

enum { JOB_ARENA_BYTES = 64 << 20, ANSWER_BYTES = 1 << 20 };

static void must(enum outcome outcome, const struct fault *fault);
static void handle(struct handling *handling, struct span line);
static const struct handler *find_handler(struct span kind);
static void answer(enum outcome outcome,
                   const struct handled *handled,
                   const struct fault *fault);

int main(int argc, char **argv)
{
    struct fault fault;
    struct settings settings = {0};
    struct seal_ring *ring = NULL;
    struct seal_ring *pii = NULL;
    struct arena arena;
    if (argc != 2) {
        fputs("usage: tocsin-handle CONFIG < JOBS\n", stderr);
        return 2;
    }
    const struct settings_options options = {.config = argv[1]};
    must(settings_load(&settings, SETTINGS_WORKER, &options, &fault), &fault);
    must(seal_open(settings.seal.keys_file, &ring, &fault), &fault);
    must(seal_open(settings.seal.pii_keys_file, &pii, &fault), &fault);
    arena_init(&arena, JOB_ARENA_BYTES);
    struct handling handling = {.settings = &settings,
                                .clock = &clock_system,
                                .ring = ring,
                                .pii = pii,
                                .arena = &arena};
    must(mariadb_open(&settings, MARIADB_WRITER, &handling.db, &fault), &fault);
    must(stripe_open(&settings, NULL, &handling.stripe, &fault), &fault);
    must(mailer_open(&settings, &handling.mailer, &fault), &fault);
    char *line = NULL;
    size_t room = 0;
    ssize_t len = 0;
    while ((len = getline(&line, &room, stdin)) > 0) {
        handle(&handling, (struct span){line, (size_t)len - (line[len - 1] == '\n')});
        arena_reset(&arena);
    }
    free(line);
    mailer_close(handling.mailer);
    stripe_close(handling.stripe);
    mariadb_close(handling.db);
    arena_done(&arena);
    seal_close(pii);
    seal_close(ring);
    settings_done(&settings);
    return 0;
}

static void must(enum outcome outcome, const struct fault *fault)
{
    if (outcome != OUTCOME_DONE) {
        fprintf(stderr, "%s: %s\n", fault->module, fault->text);
        exit(1);
    }
}

static void handle(struct handling *handling, struct span line)
{
    struct span rest;
    int64_t bytes = 0;
    struct job job = {.id = span_cut(line, '\t', &rest)};
    struct span kind = span_cut(rest, '\t', &rest);
    const struct handler *handler = find_handler(kind);
    if (!handler || !span_to_i64(rest, &bytes) || bytes < 0 ||
        bytes > JOB_PAYLOAD_BYTES) {
        fputs("that is no job\n", stderr);
        exit(2);
    }
    char *payload = arena_take(handling->arena, (size_t)bytes + 1);
    if (fread(payload, 1, (size_t)bytes, stdin) != (size_t)bytes) {
        fputs("the payload ends early\n", stderr);
        exit(2);
    }
    job.kind = kind_find(kind);
    handling->job = &job;
    handling->payload = (struct span){payload, (size_t)bytes};
    struct handled handled = {0};
    struct fault fault = {.module = "", .text = ""};
    enum outcome outcome = handler->handle(handling, &handled, &fault);
    answer(outcome, &handled, &fault);
}

static const struct handler *find_handler(struct span kind)
{
    for (size_t i = 0; i < handlers_count; i++) {
        if (span_is(kind, handlers[i].kind)) {
            return &handlers[i];
        }
    }
    return NULL;
}

static void answer(enum outcome outcome,
                   const struct handled *handled,
                   const struct fault *fault)
{
    struct text out;
    text_init(&out, ANSWER_BYTES);
    struct json_writer json = json_writer(&out);
    json_open(&json, NULL, '{');
    json_put_string(&json, "outcome", span_of(outcome_name(outcome)));
    if (outcome != OUTCOME_DONE) {
        json_put_string(&json, "fault", span_of(fault->text));
        json_put_integer(&json, "code", fault->code);
        json_put_optional(&json, "neighbour", span_of(fault->neighbour));
        json_put_integer(&json, "retry_after_ms", fault->retry_after_ms);
    } else {
        json_put_optional(&json, "result", handled->result);
        json_open(&json, "follow_ups", '[');
        for (size_t i = 0; i < handled->follow_up_count; i++) {
            const struct follow_up *follow_up = &handled->follow_ups[i];
            json_open(&json, NULL, '{');
            json_put_string(&json, "id", follow_up->id);
            json_put_string(&json, "kind", span_of(follow_up->kind->name));
            json_put_string(&json, "tenant", follow_up->tenant);
            json_put_string(&json, "payload", follow_up->payload);
            json_put_integer(&json, "delay_ms", follow_up->delay_ms);
            json_open(&json, "refs", '[');
            for (size_t k = 0; k < follow_up->ref_count; k++) {
                json_put_string(&json, NULL, follow_up->refs[k]);
            }
            json_close(&json, ']');
            json_close(&json, '}');
        }
        json_close(&json, ']');
    }
    json_close(&json, '}');
    printf("%.*s\n", (int)out.len, out.at);
    fflush(stdout);
    text_done(&out);
}
