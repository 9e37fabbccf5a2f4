/* SPDX-License-Identifier: MIT
 * Makes what the loops share. */
#include "api/door.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/accounts.h"
#include "api/floods.h"
#include "api/pulse.h"
#include "api/tls.h"
#include "api/reader.h"
#include "common/base/clock.h"
#include "common/base/seal.h"
#include "common/base/settings.h"

enum { SECRETS_BYTES = 4096, LINE_BYTES = 512, REQUEST_LINE_BYTES = 8192 };

static enum outcome open_edge(struct door *door,
                              const struct settings *settings,
                              struct fault *fault);
static enum outcome read_secrets(struct door *door,
                                 const char *path,
                                 struct fault *fault);
static void cut_secrets(struct door *door);
static int cores(void);

enum outcome door_open(struct door *door,
                       const struct settings *settings,
                       const struct clock *clock,
                       struct fault *fault)
{
    *door = (struct door){.settings = settings, .clock = clock};
    text_init(&door->secrets_text, SECRETS_BYTES);
    (void)text_grow(&door->secrets_text, SECRETS_BYTES); /* it does not move any more */
    door->limits = (struct http_limits){.head_bytes = (size_t)settings->api.header_bytes,
                                        .line_bytes = REQUEST_LINE_BYTES,
                                        .body_bytes = (size_t)settings->api.body_bytes};
    door->connections_most = settings->api.connections_max;
    door->loop_count = settings->api.loops > 0 ? (int)settings->api.loops : cores();
    door->floods = floods_open();
    door->counters = calloc((size_t)door->loop_count, sizeof(struct counters));
    if (!door->counters) {
        abort();
    }
    enum outcome outcome = seal_open(settings->seal.keys_file, &door->ring, fault);
    if (outcome != OUTCOME_DONE) {
        fault_lay_to(fault, "seal.keys_file");
        return outcome;
    }
    outcome =
        networks_parse(span_of(settings->api.metrics_allow), &door->observers, fault);
    if (outcome != OUTCOME_DONE) {
        fault_lay_to(fault, "api.metrics_allow");
    }
    if (outcome == OUTCOME_DONE &&
        !device_read_version(span_of(settings->devices.ios_least_version),
                             &door->ios_least)) {
        outcome = fault_set(fault,
                            OUTCOME_NEVER,
                            "door",
                            0,
                            "devices.ios_least_version is no version");
    }
    if (outcome == OUTCOME_DONE) {
        outcome = open_edge(door, settings, fault);
    }
    if (outcome == OUTCOME_DONE && settings->api.tls_certificate_file[0] != '\0') {
        outcome = tls_open(settings, &door->tls, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = read_secrets(door, settings->stripe.webhook_secrets_file, fault);
        door->platform_secret_count = door->secret_count;
    }
    if (outcome == OUTCOME_DONE) {
        outcome =
            read_secrets(door, settings->stripe.connect_webhook_secrets_file, fault);
    }
    if (outcome == OUTCOME_DONE) {
        cut_secrets(door);
        outcome = accounts_open(settings, clock, &door->accounts, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = pulse_open(settings, clock, &door->pulse, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = reader_open(settings, clock, &door->reader, fault);
    }
    return outcome;
}

void door_start(struct door *door)
{
    accounts_start(door->accounts);
    pulse_start(door->pulse);
    reader_start(door->reader);
}

bool door_close(struct door *door)
{
    bool ended = accounts_close(door->accounts);
    ended = pulse_close(door->pulse) && ended;
    ended = reader_close(door->reader) && ended;
    tls_close(door->tls);
    cors_close(&door->cors);
    seal_close(door->ring);
    text_wipe(&door->secrets_text);
    floods_close(door->floods);
    free(door->counters);
    *door = (struct door){.settings = NULL};
    return ended;
}

static enum outcome open_edge(struct door *door,
                              const struct settings *settings,
                              struct fault *fault)
{
    if (settings->api.hsts_s > 0) {
        snprintf(door->hsts,
                 sizeof(door->hsts),
                 "Strict-Transport-Security: max-age=%lld\r\n",
                 (long long)settings->api.hsts_s);
    }
    enum outcome outcome =
        proxies_parse(span_of(settings->api.trusted_proxies), &door->proxies, fault);
    if (outcome != OUTCOME_DONE) {
        fault_lay_to(fault, "api.trusted_proxies");
        return outcome;
    }
    outcome = cors_open(span_of(settings->api.cors_origins), &door->cors, fault);
    if (outcome != OUTCOME_DONE) {
        fault_lay_to(fault, "api.cors_origins");
    }
    return outcome;
}

/* One secret a line; empty lines and lines that begin with # are skipped. */
static enum outcome read_secrets(struct door *door, const char *path, struct fault *fault)
{
    if (path[0] == '\0') {
        return OUTCOME_DONE;
    }
    FILE *file = fopen(path, "re");
    if (!file) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "door",
                         errno,
                         "cannot read the secrets in %s: %s",
                         path,
                         strerrordesc_np(errno));
    }
    char line[LINE_BYTES];
    bool good = true;
    setvbuf(file, NULL, _IONBF, 0); /* no copy stays behind */
    int number = 0;
    while (good && fgets(line, sizeof(line), file)) {
        number++;
        line[strcspn(line, "\r\n")] = '\0';
        struct span secret = span_trim(span_of(line));
        if (secret.len == 0 || secret.at[0] == '#') {
            continue;
        }
        good = span_starts(secret, "whsec_") && door->secret_count < DOOR_MOST_SECRETS;
        door->secret_count++;
        text_add(&door->secrets_text, secret);
        text_add_char(&door->secrets_text, '\n');
    }
    explicit_bzero(line, sizeof(line));
    fclose(file);
    if (!good || door->secrets_text.full) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "door",
                         number,
                         "%s:%d: no secret (whsec_...), or one too many",
                         path,
                         number);
    }
    return OUTCOME_DONE;
}

/* Only now: the text does not move any more. */
static void cut_secrets(struct door *door)
{
    struct span rest = text_span(&door->secrets_text);
    for (size_t i = 0; i < door->secret_count; i++) {
        door->secrets[i] = span_cut(rest, '\n', &rest);
    }
}

/* Those that this process may use. */
static int cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) {
        return 1;
    }
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > 64 ? 64 : count;
}
