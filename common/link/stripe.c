/* SPDX-License-Identifier: MIT
 * Calls Stripe over HTTP/1.1 with one curl handle; what answers mean stands in
 * stripe_answer.c. */
#include "common/link/stripe.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/governor.h"
#include "common/link/stripe_answer.h"
#include "common/link/stripe_form.h"

enum {
    ANSWER_MOST_BYTES = 8 << 20,
    FORM_MOST_BYTES = 1 << 20,
    URL_MOST_BYTES = 16 * 1024,
    GOVERNOR_MOST_MS = 10 * 1000, /* a longer wait is better spent in the queue */
    LEAST_TRY_MS = 1000, /* with less time left there is no further try */
    FORBIDDEN = 403,
};

struct stripe {
    const struct settings *settings; /* borrowed */
    struct governor governor;
    CURL *curl;
    char error[CURL_ERROR_SIZE];
    /* Of the call in work. */
    struct text url, form, body;
    struct stripe_try attempt;
};

/* One call, as its tries share it. */
struct call {
    enum stripe_method method;
    bool live;
    const char *path;
    struct curl_slist *headers;
    int64_t deadline_ms;
    struct arena *arena;
};

static void set_options(struct stripe *stripe, const char *secret);
static enum outcome run_call(struct stripe *stripe,
                             struct call *call,
                             struct stripe_answer *out_answer,
                             struct fault *fault);
static enum outcome wait_for_turn(struct stripe *stripe,
                                  struct call *call,
                                  struct fault *fault);
static void try_once(struct stripe *stripe,
                     const struct call *call,
                     struct stripe_answer *answer,
                     struct fault *fault);
static size_t on_header(char *bytes, size_t size, size_t count, void *argument);
static size_t on_body(char *bytes, size_t size, size_t count, void *argument);
static struct curl_slist *make_headers(enum stripe_method method,
                                       struct span account,
                                       struct span idempotency_key,
                                       struct arena *arena);
static struct curl_slist *add_header(struct curl_slist *headers, const char *line);
static bool pause_within(int64_t wait_ms, int64_t deadline_ms);
static bool is_of_mode(struct span key, bool livemode);

enum outcome stripe_open(const struct settings *settings,
                         struct redis *redis,
                         struct stripe **out_stripe,
                         struct fault *fault)
{
    struct text secret = {0};
    const char *file = settings->stripe.secret_key_file;
    if (file && file[0] != '\0') {
        enum outcome outcome = settings_read_secret(file, &secret, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        if (!is_of_mode(text_span(&secret), settings->stripe.livemode)) {
            text_wipe(&secret);
            return fault_set(fault,
                             OUTCOME_NEVER,
                             "stripe",
                             STRIPE_BAD_KEY,
                             "stripe.livemode is %s, and stripe.secret_key_file holds a"
                             " key of the other mode",
                             settings->stripe.livemode ? "true" : "false");
        }
    }
    struct stripe *stripe = calloc(1, sizeof(*stripe));
    if (!stripe || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        abort();
    }
    stripe->settings = settings;
    stripe->governor = governor_make(settings, redis);
    stripe->curl = curl_easy_init();
    if (!stripe->curl) {
        abort();
    }
    text_init(&stripe->url, URL_MOST_BYTES);
    text_init(&stripe->form, FORM_MOST_BYTES);
    text_init(&stripe->body, ANSWER_MOST_BYTES);
    set_options(stripe, secret.at);
    text_wipe(&secret);
    *out_stripe = stripe;
    return OUTCOME_DONE;
}

void stripe_close(struct stripe *stripe)
{
    if (!stripe) {
        return;
    }
    curl_easy_cleanup(stripe->curl);
    curl_global_cleanup();
    text_done(&stripe->url);
    text_done(&stripe->form);
    text_done(&stripe->body);
    free(stripe);
}

enum outcome stripe_get(struct stripe *stripe,
                        const char *path,
                        const struct stripe_param *query,
                        size_t count,
                        struct span account,
                        bool live,
                        struct arena *arena,
                        struct stripe_answer *out_answer,
                        struct fault *fault)
{
    text_clear(&stripe->url);
    text_addf(&stripe->url, "%s%s", stripe->settings->stripe.api_base, path);
    if (count > 0) {
        text_add_char(&stripe->url, '?');
        stripe_form_encode(query, count, &stripe->url);
    }
    curl_easy_setopt(stripe->curl, CURLOPT_HTTPGET, 1L);
    struct call call = {.method = STRIPE_READ,
                        .live = live,
                        .path = path,
                        .headers = make_headers(STRIPE_READ, account, SPAN(""), arena),
                        .arena = arena};
    return run_call(stripe, &call, out_answer, fault);
}

enum outcome stripe_post(struct stripe *stripe,
                         const char *path,
                         const struct stripe_param *form,
                         size_t count,
                         struct span account,
                         struct span idempotency_key,
                         bool live,
                         struct arena *arena,
                         struct stripe_answer *out_answer,
                         struct fault *fault)
{
    assert(idempotency_key.len > 0); /* a write without one might happen twice */
    text_clear(&stripe->url);
    text_addf(&stripe->url, "%s%s", stripe->settings->stripe.api_base, path);
    text_clear(&stripe->form);
    stripe_form_encode(form, count, &stripe->form);
    curl_easy_setopt(stripe->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(stripe->curl, CURLOPT_POSTFIELDSIZE, (long)stripe->form.len);
    curl_easy_setopt(stripe->curl,
                     CURLOPT_POSTFIELDS,
                     stripe->form.len > 0 ? stripe->form.at : "");
    struct call call = {.method = STRIPE_WRITE,
                        .live = live,
                        .path = path,
                        .headers =
                            make_headers(STRIPE_WRITE, account, idempotency_key, arena),
                        .arena = arena};
    return run_call(stripe, &call, out_answer, fault);
}

/* What stays the same for all calls. The bearer token lives in curl's own copy. */
static void set_options(struct stripe *stripe, const char *secret)
{
    CURL *curl = stripe->curl;
    bool plain = span_starts(span_of(stripe->settings->stripe.api_base), "http://");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, stripe->error);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tocsin/" TOCSIN_VERSION);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, stripe);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, stripe);
    if (secret) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, secret);
    }
}

/* The tries of one call, until one says that no further one is of use. */
static enum outcome run_call(struct stripe *stripe,
                             struct call *call,
                             struct stripe_answer *out_answer,
                             struct fault *fault)
{
    enum outcome outcome = OUTCOME_DONE;
    struct stripe_answer answer = {0};
    call->deadline_ms = clock_mono_ms(&clock_system) + stripe->settings->stripe.total_ms;
    if (stripe->url.full || stripe->form.full) {
        outcome = fault_set(fault,
                            OUTCOME_NEVER,
                            "stripe",
                            0,
                            "%s: too many parameters",
                            call->path);
    } else {
        outcome = wait_for_turn(stripe, call, fault);
    }
    bool doubtful = false; /* a write went out, and what came of it is not known */
    for (int tries = 1; outcome == OUTCOME_DONE; tries++) {
        try_once(stripe, call, &answer, fault);
        bool unanswered = stripe->attempt.status == 0 && stripe->attempt.sent;
        doubtful = doubtful || (call->method == STRIPE_WRITE &&
                                (unanswered || stripe->attempt.status >= 500));
        if (stripe_answer_is_rate_limit(&stripe->attempt, &answer)) {
            governor_refused(&stripe->governor);
        }
        uint32_t random = 0;
        digest_random(&random, sizeof(random));
        int64_t wait_ms = stripe_answer_wait_ms(&stripe->attempt, tries, random);
        if (!stripe_answer_repeats(&stripe->attempt, call->method, tries) ||
            !pause_within(wait_ms, call->deadline_ms)) {
            outcome = stripe_answer_judge(&stripe->attempt, call->method, &answer, fault);
            break;
        }
        json_free(answer.document);
        answer = (struct stripe_answer){0};
        outcome = wait_for_turn(stripe, call, fault);
    }
    /* An earlier try of this call may have happened unseen; that the key has no leave by now
     * says nothing of it. */
    bool unsaid = outcome == OUTCOME_LATER ||
                  (outcome == OUTCOME_NEVER && answer.status == FORBIDDEN);
    if (unsaid && doubtful) {
        outcome = OUTCOME_UNSURE;
        fault->neighbour = NULL;
    }
    curl_slist_free_all(call->headers);
    if (outcome == OUTCOME_DONE || (outcome == OUTCOME_NEVER && answer.status > 0)) {
        if (outcome == OUTCOME_NEVER) {
            json_free(answer.document);
            answer.document = NULL;
        }
        *out_answer = answer;
    } else {
        json_free(answer.document);
    }
    return outcome;
}

/* Before the first try, and before each further one. */
static enum outcome wait_for_turn(struct stripe *stripe,
                                  struct call *call,
                                  struct fault *fault)
{
    int64_t left_ms = call->deadline_ms - LEAST_TRY_MS - clock_mono_ms(&clock_system);
    int64_t most_ms = left_ms < 0                  ? 0
                      : left_ms < GOVERNOR_MOST_MS ? left_ms
                                                   : GOVERNOR_MOST_MS;
    int64_t wait_ms = governor_book(&stripe->governor, call->live, most_ms);
    if (wait_ms > most_ms) {
        enum outcome outcome = fault_set(fault,
                                         OUTCOME_LATER,
                                         "stripe",
                                         429,
                                         "calls to Stripe queue for %lld ms",
                                         (long long)wait_ms);
        fault->retry_after_ms = wait_ms;
        return outcome;
    }
    (void)pause_within(wait_ms, INT64_MAX);
    return OUTCOME_DONE;
}

static void try_once(struct stripe *stripe,
                     const struct call *call,
                     struct stripe_answer *answer,
                     struct fault *fault)
{
    CURL *curl = stripe->curl;
    int64_t begun_ms = clock_mono_ms(&clock_system);
    int64_t left_ms = call->deadline_ms - begun_ms;
    int64_t total_ms = left_ms > LEAST_TRY_MS ? left_ms : LEAST_TRY_MS;
    int64_t connect_ms = stripe->settings->stripe.connect_ms;
    stripe->attempt = (struct stripe_try){0};
    stripe->error[0] = '\0';
    text_clear(&stripe->body);
    curl_easy_setopt(curl, CURLOPT_URL, stripe->url.at);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)total_ms);
    curl_easy_setopt(curl,
                     CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(connect_ms < total_ms ? connect_ms : total_ms));
    CURLcode code = curl_easy_perform(curl);
    long sent_bytes = 0;
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent_bytes);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    struct stripe_try *attempt = &stripe->attempt;
    attempt->sent = sent_bytes > 0;
    attempt->garbled = stripe->body.full;
    if (code == CURLE_OK || attempt->garbled) {
        attempt->status = status;
    } else {
        attempt->detail = stripe->error[0] ? stripe->error : curl_easy_strerror(code);
    }
    *answer = (struct stripe_answer){.status = attempt->status};
    answer->request_id = arena_span(call->arena, span_of(attempt->request_id));
    if (attempt->status > 0 && !attempt->garbled) {
        attempt->garbled =
            json_parse(text_span(&stripe->body), &answer->document, fault) !=
            OUTCOME_DONE;
    }
    if (attempt->status >= 400) {
        stripe_answer_error(answer->document, call->arena, answer);
    }
    log_debug("stripe_call",
              LOG_TEXT("path", call->path),
              LOG_NUMBER("status", attempt->status),
              LOG_TEXT("request_id", attempt->request_id),
              LOG_NUMBER("took_ms", clock_mono_ms(&clock_system) - begun_ms),
              LOG_TEXT("curl", stripe->error));
}

/* An interim answer (100, 103) comes first with a status line of its own, which starts
 * the headers anew. */
static size_t on_header(char *bytes, size_t size, size_t count, void *argument)
{
    struct stripe *stripe = argument;
    struct span line = {bytes, size * count};
    if (span_starts(line, "HTTP/")) {
        stripe->attempt = (struct stripe_try){0};
    }
    stripe_answer_header(&stripe->attempt, line);
    return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *argument)
{
    struct stripe *stripe = argument;
    text_add(&stripe->body, (struct span){bytes, size * count});
    return stripe->body.full ? 0 : size * count; /* 0 ends the transfer */
}

/* "Expect:" takes curl's own Expect header away: Stripe's edge does not answer it. */
static struct curl_slist *make_headers(enum stripe_method method,
                                       struct span account,
                                       struct span idempotency_key,
                                       struct arena *arena)
{
    struct curl_slist *headers = NULL;
    headers = add_header(headers, "Stripe-Version: " STRIPE_VERSION);
    headers = add_header(headers, "Expect:");
    if (account.len > 0) {
        headers =
            add_header(headers,
                       arena_format(arena, "Stripe-Account: %.*s", SPAN_ARGS(account)));
    }
    if (method == STRIPE_WRITE) {
        headers = add_header(headers, "Content-Type: application/x-www-form-urlencoded");
        headers = add_header(
            headers,
            arena_format(arena, "Idempotency-Key: %.*s", SPAN_ARGS(idempotency_key)));
    }
    return headers;
}

static struct curl_slist *add_header(struct curl_slist *headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(headers, line);
    if (!longer) {
        abort();
    }
    return longer;
}

/* False, at once, when the wait would leave no time for a try. */
static bool pause_within(int64_t wait_ms, int64_t deadline_ms)
{
    int64_t now_ms = clock_mono_ms(&clock_system);
    if (wait_ms > deadline_ms - LEAST_TRY_MS - now_ms) {
        return false;
    }
    struct timespec left = {(time_t)(wait_ms / 1000), (long)(wait_ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    return true;
}

/* Keys name their mode: sk_live_..., rk_test_... (docs.stripe.com/keys). One that names
 * none is left to Stripe to judge. */
static bool is_of_mode(struct span key, bool livemode)
{
    bool live = span_starts(key, "sk_live_") || span_starts(key, "rk_live_");
    bool test = span_starts(key, "sk_test_") || span_starts(key, "rk_test_");
    return livemode ? !test : !live;
}
