/* SPDX-License-Identifier: MIT
 * Webhook requests of payment_intent.succeeded, all of one length. */
#include "tests/bench/signed_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/hmac.h>

enum { NUMBER_DIGITS = 16, SIGNATURE_DIGITS = 64, REQUEST_BYTES_MOST = 1 << 20 };

/* Stands where a number goes until the first pick. */
static const char NUMBER_MARK[] = "################";
static const char SIGNATURE_MARK[] =
    "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";

static char *make_body(const struct signed_events_options *options, long now_s);
static void put_number(char *at, size_t number);
static void sign(const struct signed_events *events,
                 const char *secret,
                 long now_s,
                 char *out);

void signed_events_init(struct signed_events *events,
                        const struct signed_events_options *options)
{
    long now_s = (long)time(NULL);
    char *body = make_body(options, now_s);
    char *request = malloc(REQUEST_BYTES_MOST);
    char *signatures = malloc(options->count * SIGNATURE_DIGITS);
    if (!request || !signatures) {
        abort();
    }
    int len = snprintf(request,
                       REQUEST_BYTES_MOST,
                       "POST %s HTTP/1.1\r\nHost: %s\r\n"
                       "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
                       "Accept: */*; q=0.5, application/xml\r\n"
                       "Content-Type: application/json; charset=utf-8\r\n"
                       "Cache-Control: no-cache\r\nContent-Length: %zu\r\n"
                       "Stripe-Signature: t=%ld,v1=%s\r\n\r\n%s",
                       options->path,
                       options->host,
                       strlen(body),
                       now_s,
                       SIGNATURE_MARK,
                       body);
    if (len < 0 || len >= REQUEST_BYTES_MOST) {
        abort();
    }
    char *event = strstr(request, NUMBER_MARK);
    *events = (struct signed_events){
        .request = request,
        .request_len = (size_t)len,
        .body_at = (size_t)len - strlen(body),
        .event_at = (size_t)(event - request),
        .payment_at = (size_t)(strstr(event + NUMBER_DIGITS, NUMBER_MARK) - request),
        .signature_at = (size_t)(strstr(request, SIGNATURE_MARK) - request),
        .signatures = signatures,
        .count = options->count,
    };
    for (size_t i = 0; i < events->count; i++) {
        put_number(events->request + events->event_at, i);
        put_number(events->request + events->payment_at, i);
        sign(events, options->secret, now_s, signatures + i * SIGNATURE_DIGITS);
    }
    free(body);
}

static char *make_body(const struct signed_events_options *options, long now_s)
{
    static const char format[] =
        "{\"id\":\"evt_%s%s\",\"object\":\"event\",\"api_version\":\"2024-06-20\","
        "\"created\":%ld,\"livemode\":false,\"pending_webhooks\":1,"
        "\"request\":{\"id\":\"req_bench\",\"idempotency_key\":null},"
        "\"type\":\"payment_intent.succeeded\",\"data\":{\"object\":{"
        "\"id\":\"pi_%s%s\",\"object\":\"payment_intent\",\"amount\":1500,"
        "\"amount_capturable\":0,\"amount_received\":1500,\"application\":null,"
        "\"application_fee_amount\":null,\"canceled_at\":null,"
        "\"capture_method\":\"automatic\",\"confirmation_method\":\"automatic\","
        "\"created\":%ld,\"currency\":\"eur\",\"customer\":null,"
        "\"latest_charge\":\"ch_bench\",\"livemode\":false,\"metadata\":{"
        "\"amicale_id\":\"%s\",\"pompier_id\":\"%s\",\"pompier_name\":\"Camille\","
        "\"calendrier_annee\":\"2027\"},\"on_behalf_of\":null,"
        "\"payment_method_types\":[\"card_present\"],\"receipt_email\":null,"
        "\"status\":\"succeeded\",\"transfer_data\":{\"destination\":\"acct_bench\"},"
        "\"description\":\"%s\"}}}";
    char *body = malloc(REQUEST_BYTES_MOST);
    char *padding = calloc(1, options->body_bytes + 1);
    if (!body || !padding) {
        abort();
    }
    /* The description fills the body up to the wanted length. */
    for (int round = 0; round < 2; round++) {
        int len = snprintf(body,
                           REQUEST_BYTES_MOST,
                           format,
                           options->prefix,
                           NUMBER_MARK,
                           now_s,
                           options->prefix,
                           NUMBER_MARK,
                           now_s,
                           options->amicale,
                           options->pompier,
                           padding);
        if (round == 0 && (size_t)len < options->body_bytes) {
            memset(padding, 'x', options->body_bytes - (size_t)len);
        }
    }
    free(padding);
    return body;
}

static void put_number(char *at, size_t number)
{
    for (int i = NUMBER_DIGITS - 1; i >= 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

static void sign(const struct signed_events *events,
                 const char *secret,
                 long now_s,
                 char *out)
{
    /* "<t>.<body>": the time is written before the body, over the end of the headers, and
     * what stood there is put back. */
    char time_and_dot[32];
    int len = snprintf(time_and_dot, sizeof(time_and_dot), "%ld.", now_s);
    char *start = events->request + events->body_at - len;
    char kept[32];
    memcpy(kept, start, (size_t)len);
    memcpy(start, time_and_dot, (size_t)len);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    HMAC(EVP_sha256(),
         secret,
         (int)strlen(secret),
         (const unsigned char *)start,
         events->request_len - events->body_at + (size_t)len,
         mac,
         &mac_len);
    memcpy(start, kept, (size_t)len);
    for (unsigned i = 0; i < mac_len; i++) {
        out[2 * i] = "0123456789abcdef"[mac[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[mac[i] & 15];
    }
}

void signed_events_pick(struct signed_events *events, size_t number)
{
    put_number(events->request + events->event_at, number);
    put_number(events->request + events->payment_at, number);
    memcpy(events->request + events->signature_at,
           events->signatures + number * SIGNATURE_DIGITS,
           SIGNATURE_DIGITS);
}

void signed_events_done(struct signed_events *events)
{
    free(events->request);
    free(events->signatures);
    *events = (struct signed_events){0};
}
