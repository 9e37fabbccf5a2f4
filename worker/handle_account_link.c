/* SPDX-License-Identifier: MIT
 * account.link: a link to Stripe's onboarding of an amicale's account. A link works once
 * and for some minutes, so each ask gets a new one, and none is kept. */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "common/model/answer.h"
#include "worker/account_ask.h"
#include "worker/asks.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/perishable.h"

enum { ANSWER_BYTES = 8 * 1024 };

static struct span page_or(const struct handling *handling,
                           const char *setting,
                           const char *page);
static enum outcome say(struct handling *handling,
                        const struct cJSON *link,
                        struct answer *answer,
                        struct fault *fault);

enum outcome handle_account_link(struct asked *asked,
                                 struct answer *out_answer,
                                 struct handled *out_handled,
                                 struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    bool found = false;
    enum outcome outcome = account_ask_find(asked, out_answer, &rows, &found, fault);
    if (outcome != OUTCOME_DONE || !found) {
        return outcome;
    }
    const struct stripe_param form[] = {
        {"account", sql_text(&rows, 0, ACCOUNT_ROW_ACCOUNT)},
        {"type", SPAN("account_onboarding")},
        {"refresh_url",
         page_or(handling, handling->settings->stripe.refresh_url, "/stripe/refresh")},
        {"return_url",
         page_or(handling, handling->settings->stripe.return_url, "/stripe/success")},
    };
    struct stripe_answer made = {0};
    outcome = perishable_make(asked,
                              "/v1/account_links",
                              form,
                              sizeof(form) / sizeof(form[0]),
                              0,
                              &made,
                              fault);
    if (outcome == OUTCOME_DONE && made.document) {
        outcome = say(handling, made.document, out_answer, fault);
    } else if (outcome == OUTCOME_DONE) {
        answer_refused_by_stripe(out_answer, &made, handling->arena);
    }
    json_free(made.document);
    return outcome;
}

static struct span page_or(const struct handling *handling,
                           const char *setting,
                           const char *page)
{
    if (setting[0] != '\0') {
        return span_of(setting);
    }
    return span_of(arena_format(handling->arena,
                                "%s%s",
                                handling->settings->stripe.public_url,
                                page));
}

static enum outcome say(struct handling *handling,
                        const struct cJSON *link,
                        struct answer *answer,
                        struct fault *fault)
{
    char stamp[CLOCK_STAMP_BYTES];
    struct text text;
    struct span url = {0};
    enum outcome outcome = event_must_string(link, "url", 5000, &url, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    text_init(&text, ANSWER_BYTES);
    struct json_writer json = json_writer(&text);
    int64_t expires_ms = event_moment_ms(link, "expires_at");
    json_open(&json, NULL, '{');
    json_put_string(&json, "url", url);
    json_put_optional(&json,
                      "expires_at",
                      expires_ms > 0 ? span_of(clock_stamp(expires_ms, stamp))
                                     : SPAN(""));
    json_close(&json, '}');
    answer_say(answer, 200, arena_span(handling->arena, text_span(&text)));
    text_wipe(&text);
    return OUTCOME_DONE;
}
