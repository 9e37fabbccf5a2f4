/* SPDX-License-Identifier: MIT
 * webhooks setup and webhooks check - the endpoints that Stripe sends events to, and the
 * files with their secrets. */
#include <stdarg.h>

#include "common/base/settings.h"
#include "common/link/stripe.h"
#include "ctl/ctl.h"
#include "ctl/secret_file.h"
#include "ctl/verbs.h"
#include "ctl/webhook_ends.h"
#include "ctl/webhooks_report.h"

#define PATH "/api/stripe/webhook"

/* The front door takes sixteen secrets from both files together. */
enum { MOST_SECRETS = 8 };

static int open_run(struct ctl *ctl, struct webhooks_run *run);
static int look(struct webhooks_run *run);
static int look_at_files(struct webhooks_run *run);
static int set_up(struct webhooks_run *run, struct webhooks_end *end);
static bool needs_another(const struct webhooks_run *run, const struct webhooks_end *end);
static int make(struct webhooks_run *run, struct webhooks_end *end);
static int keep_secret(struct webhooks_run *run,
                       struct webhooks_end *end,
                       struct span id,
                       struct span secret);
static int mend(struct webhooks_run *run, struct webhooks_end *end);
static void judge(const struct webhooks_run *run, struct webhooks_end *end);
static void blame(const struct webhooks_run *run,
                  struct webhooks_end *end,
                  const char *format,
                  ...) PRINTF_LIKE(3, 4);
static int report(struct webhooks_run *run, int code);
static int verdict(const struct webhooks_run *run);

int verb_webhooks_setup(struct ctl *ctl)
{
    struct webhooks_run run = {.ctl = ctl};
    int code = open_run(ctl, &run);
    bool shows = ctl_option(ctl, "--show-secret") != NULL;
    for (int i = 0; i < END_COUNT && code == CTL_OK; i++) {
        if (!run.ends[i].path && !shows) {
            code = ctl_say(CTL_USAGE,
                           "Stripe shows a secret once: webhooks setup wants "
                           "--platform-secret-file FILE and --connect-secret-file FILE, "
                           "or --show-secret");
        }
    }
    code = code == CTL_OK ? look(&run) : code;
    for (int i = 0; i < END_COUNT && code == CTL_OK; i++) {
        code = set_up(&run, &run.ends[i]);
    }
    if (code == CTL_OK) {
        code = look(&run);
    }
    code = report(&run, code);
    stripe_close(run.stripe);
    return code;
}

int verb_webhooks_check(struct ctl *ctl)
{
    struct webhooks_run run = {.ctl = ctl};
    int code = open_run(ctl, &run);
    code = code == CTL_OK ? look(&run) : code;
    code = report(&run, code);
    stripe_close(run.stripe);
    return code;
}

static int open_run(struct ctl *ctl, struct webhooks_run *run)
{
    const char *public_url = ctl->settings->stripe.public_url;
    run->url = arena_format(&ctl->arena, "%s" PATH, public_url);
    run->ends[END_PLATFORM].path = ctl_option(ctl, "--platform-secret-file");
    run->ends[END_CONNECT].path = ctl_option(ctl, "--connect-secret-file");
    for (int i = 0; i < END_COUNT; i++) {
        run->ends[i].place = (enum webhook_end_place)i;
    }
    if (ctl->settings->stripe.secret_key_file[0] == '\0') {
        return ctl_say(CTL_USAGE, "stripe.secret_key_file is not set");
    }
    if (ctl->settings->stripe.livemode && !span_starts(span_of(run->url), "https://")) {
        return ctl_say(CTL_USAGE,
                       "stripe.public_url is \"%s\"; in live mode Stripe sends events to "
                       "https:// alone",
                       public_url);
    }
    /* Two or three calls by hand need no turn at the governor. */
    if (stripe_open(ctl->settings, NULL, &run->stripe, &ctl->fault) != OUTCOME_DONE) {
        return ctl_say(CTL_USAGE, "%s", ctl->fault.text);
    }
    return CTL_OK;
}

static int look(struct webhooks_run *run)
{
    struct ctl *ctl = run->ctl;
    struct webhook_end found[END_COUNT];
    if (webhook_ends_find(run->stripe, run->url, &ctl->arena, found, &ctl->fault) !=
        OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    for (int i = 0; i < END_COUNT; i++) {
        run->ends[i].at_stripe = found[i];
    }
    return look_at_files(run);
}

static int look_at_files(struct webhooks_run *run)
{
    struct ctl *ctl = run->ctl;
    for (int i = 0; i < END_COUNT; i++) {
        struct webhooks_end *end = &run->ends[i];
        if (end->path && secret_file_look(end->path,
                                          end->at_stripe.secret_mark,
                                          &end->file,
                                          &ctl->fault) != OUTCOME_DONE) {
            return ctl_failed(ctl);
        }
    }
    return CTL_OK;
}

static int set_up(struct webhooks_run *run, struct webhooks_end *end)
{
    struct span old = end->at_stripe.id;
    if (old.len > 0 && !needs_another(run, end)) {
        return mend(run, end);
    }
    int code = make(run, end);
    if (code != CTL_OK || old.len == 0) {
        return code;
    }
    /* Only now: until here the old one is better than none. */
    struct ctl *ctl = run->ctl;
    end->did = "replaced";
    return webhook_ends_disable(run->stripe, old, &ctl->arena, &ctl->fault) ==
                   OUTCOME_DONE
               ? CTL_OK
               : ctl_failed(ctl);
}

/* A version cannot be changed, nor a secret be seen again. */
static bool needs_another(const struct webhooks_run *run, const struct webhooks_end *end)
{
    const struct webhook_end *there = &end->at_stripe;
    bool is_lost = end->path && there->secret_mark.len > 0 && !end->file.has_mark;
    return ctl_option(run->ctl, "--new-secret") || there->is_half_made || is_lost ||
           !span_is(there->api_version, STRIPE_VERSION);
}

static int make(struct webhooks_run *run, struct webhooks_end *end)
{
    struct ctl *ctl = run->ctl;
    struct span id;
    struct span secret;
    if (end->path && end->file.secrets >= MOST_SECRETS) {
        return ctl_say(CTL_WRONG_STATE,
                       "%s holds %zu secrets; delete the lines of old ones first",
                       end->path,
                       end->file.secrets);
    }
    if (end->path && secret_file_try(end->path, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    if (webhook_ends_make(run->stripe,
                          end->place,
                          run->url,
                          &ctl->arena,
                          &id,
                          &secret,
                          &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    end->did = "made";
    end->at_stripe = (struct webhook_end){.id = id};
    return keep_secret(run, end, id, secret);
}

/* The mark comes last: without it, the next run makes another. */
static int keep_secret(struct webhooks_run *run,
                       struct webhooks_end *end,
                       struct span id,
                       struct span secret)
{
    struct ctl *ctl = run->ctl;
    char mark[SECRET_MARK_BYTES];
    secret_file_mark(secret, mark);
    if (ctl_option(ctl, "--show-secret")) {
        end->secret = secret;
    }
    if (end->path && secret_file_put(end->path, secret, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    return webhook_ends_mark(run->stripe, id, mark, &ctl->arena, &ctl->fault) ==
                   OUTCOME_DONE
               ? CTL_OK
               : ctl_failed(ctl);
}

static int mend(struct webhooks_run *run, struct webhooks_end *end)
{
    struct ctl *ctl = run->ctl;
    const struct webhook_end *there = &end->at_stripe;
    end->did = "unchanged";
    if (span_is(there->status, "enabled") && there->missing.len == 0 &&
        there->extra.len == 0 && there->is_ours) {
        return CTL_OK;
    }
    end->did = "changed";
    return webhook_ends_mend(run->stripe, end->place, there, &ctl->arena, &ctl->fault) ==
                   OUTCOME_DONE
               ? CTL_OK
               : ctl_failed(ctl);
}

static void judge(const struct webhooks_run *run, struct webhooks_end *end)
{
    const struct webhook_end *there = &end->at_stripe;
    end->problem_count = 0;
    if (there->id.len == 0) {
        blame(run, end, "not registered for %s", run->url);
    } else {
        if (!span_is(there->status, "enabled")) {
            blame(run, end, "its status is %.*s", SPAN_ARGS(there->status));
        }
        if (!span_is(there->api_version, STRIPE_VERSION)) {
            blame(run,
                  end,
                  "its version is %.*s, not " STRIPE_VERSION,
                  SPAN_ARGS(there->api_version.len ? there->api_version
                                                   : SPAN("the account's")));
        }
        if (there->livemode != run->ctl->settings->stripe.livemode) {
            blame(run, end, "it is of %s mode", there->livemode ? "live" : "test");
        }
        if (there->missing.len > 0) {
            blame(run, end, "it is not told of %.*s", SPAN_ARGS(there->missing));
        }
        if (there->extra.len > 0) {
            blame(run, end, "it is told for nothing of %.*s", SPAN_ARGS(there->extra));
        }
        if (there->double_id.len > 0) {
            blame(run, end, "%.*s is registered too", SPAN_ARGS(there->double_id));
        }
    }
    if (!end->path) {
        return;
    }
    if (end->file.bad_line > 0) {
        blame(run, end, "%s:%zu: no secret (whsec_...)", end->path, end->file.bad_line);
    }
    if (end->file.secrets == 0) {
        blame(run, end, "there is no secret in %s", end->path);
    } else if (there->secret_mark.len > 0 && !end->file.has_mark) {
        blame(run, end, "its secret is not in %s", end->path);
    }
}

static void blame(const struct webhooks_run *run,
                  struct webhooks_end *end,
                  const char *format,
                  ...)
{
    struct text text;
    text_init(&text, 16 * 1024);
    va_list args;
    va_start(args, format);
    text_addv(&text, format, args);
    va_end(args);
    if (end->problem_count < WEBHOOKS_MOST_PROBLEMS) {
        end->problems[end->problem_count++] =
            arena_span(&run->ctl->arena, text_span(&text));
    }
    text_done(&text);
}

/* Also when something failed on the way: a secret that was made must be seen. */
static int report(struct webhooks_run *run, int code)
{
    bool did_something = false;
    for (int i = 0; i < END_COUNT; i++) {
        did_something = did_something || run->ends[i].did;
    }
    if (code != CTL_OK && !did_something) {
        return code;
    }
    for (int i = 0; i < END_COUNT && code == CTL_OK; i++) {
        judge(run, &run->ends[i]);
    }
    code = code == CTL_OK ? verdict(run) : code;
    if (run->ctl->json) {
        webhooks_report_json(run);
    } else {
        webhooks_report_text(run);
    }
    return code;
}

static int verdict(const struct webhooks_run *run)
{
    int code = CTL_OK;
    for (int i = 0; i < END_COUNT; i++) {
        const struct webhooks_end *end = &run->ends[i];
        if (end->at_stripe.id.len == 0) {
            return CTL_NOT_FOUND;
        }
        code = end->problem_count > 0 ? CTL_WRONG_STATE : code;
    }
    return code;
}
