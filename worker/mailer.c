/* SPDX-License-Identifier: MIT
 * Hands messages to the mail server with libcurl, and reads from how a conversation ended
 * whether the message was taken. */
#include "worker/mailer.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/base/settings.h"
#include "common/model/pii.h"

enum { LINE_BYTES = 512, MASKED_BYTES = 2048 };

/* How far the conversation came: what we last said. */
enum phase { GREETING, HELLO, START_TLS, LOGIN, MAIL_FROM, RCPT_TO, DATA };

struct mailer {
    const struct settings *settings;
    CURL *curl;
    char url[512];
    struct text password;
};

/* One message on its way. */
struct passing {
    struct span rest;
    bool begun; /* curl asked for the message: the server said 354 */
    bool ended; /* curl has all of it, so the final dot may be on its way */
    enum phase phase;
    char line[LINE_BYTES]; /* the server's last refusal */
};

static enum outcome prepare(struct mailer *mailer, struct fault *fault);
static size_t read_message(char *buffer, size_t size, size_t count, void *passing_);
static size_t keep_line(char *line, size_t size, size_t count, void *passing_);
static int note_phase(CURL *curl,
                      curl_infotype type,
                      char *data,
                      size_t len,
                      void *passing_);
static CURLcode converse(struct mailer *mailer,
                         struct passing *passing,
                         struct curl_slist *to,
                         struct span message);
static bool is_worth_another(struct mailer *mailer, const struct passing *passing);
static enum outcome judge(struct mailer *mailer,
                          const struct passing *passing,
                          CURLcode code,
                          struct fault *fault);
static enum outcome judge_answer(const struct passing *passing,
                                 long answer,
                                 struct fault *fault);
static enum outcome unreachable(enum mailer_fault which,
                                const char *what,
                                const char *why,
                                struct fault *fault);

static const struct {
    const char *verb;
    enum phase phase;
} verbs[] = {
    {"EHLO", HELLO},
    {"HELO", HELLO},
    {"STARTTLS", START_TLS},
    {"AUTH", LOGIN},
    {"MAIL", MAIL_FROM},
    {"RCPT", RCPT_TO},
    {"DATA", DATA},
};

enum outcome mailer_open(const struct settings *settings,
                         struct mailer **out_mailer,
                         struct fault *fault)
{
    struct mailer *mailer = calloc(1, sizeof(*mailer));
    if (!mailer || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        abort();
    }
    mailer->settings = settings;
    text_init(&mailer->password, LINE_BYTES);
    mailer->curl = curl_easy_init();
    if (!mailer->curl) {
        abort();
    }
    enum outcome outcome = OUTCOME_DONE;
    if (settings->mail.username && settings->mail.username[0] != '\0') {
        outcome =
            settings_read_secret(settings->mail.password_file, &mailer->password, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = prepare(mailer, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mailer_close(mailer);
        return outcome;
    }
    *out_mailer = mailer;
    return OUTCOME_DONE;
}

/* The path of an smtp URL is the name that EHLO says. */
static enum outcome prepare(struct mailer *mailer, struct fault *fault)
{
    const struct settings *settings = mailer->settings;
    bool implicit = strcmp(settings->mail.tls, "implicit") == 0;
    bool starttls = strcmp(settings->mail.tls, "starttls") == 0;
    bool v6 = strchr(settings->mail.host, ':') != NULL;
    int len = snprintf(mailer->url,
                       sizeof(mailer->url),
                       "%s://%s%s%s:%lld/%s",
                       implicit ? "smtps" : "smtp",
                       v6 ? "[" : "",
                       settings->mail.host,
                       v6 ? "]" : "",
                       (long long)settings->mail.port,
                       settings->mail.message_id_domain);
    if (len < 0 || (size_t)len >= sizeof(mailer->url)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "mailer",
                         0,
                         "mail.host is too long to be one");
    }
    CURL *curl = mailer->curl;
    curl_easy_setopt(curl, CURLOPT_URL, mailer->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* not the environment's either */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)settings->mail.connect_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)settings->mail.total_ms);
    curl_easy_setopt(curl,
                     CURLOPT_USE_SSL,
                     (long)(starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (settings->mail.ca_file && settings->mail.ca_file[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, settings->mail.ca_file);
    }
    if (mailer->password.len > 0) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, settings->mail.username);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, mailer->password.at);
    }
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep_line);
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, note_phase);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L); /* for note_phase; prints nothing */
    return OUTCOME_DONE;
}

void mailer_close(struct mailer *mailer)
{
    if (!mailer) {
        return;
    }
    curl_easy_cleanup(mailer->curl);
    text_wipe(&mailer->password);
    free(mailer);
    curl_global_cleanup();
}

enum outcome mailer_send(struct mailer *mailer,
                         const char *from,
                         const char *to,
                         struct span message,
                         struct fault *fault)
{
    /* They go into MAIL FROM and RCPT TO as they stand. */
    assert(pii_is_address(span_of(from)) && pii_is_address(span_of(to)));
    struct curl_slist *recipients = curl_slist_append(NULL, to);
    if (!recipients) {
        abort();
    }
    curl_easy_setopt(mailer->curl, CURLOPT_MAIL_FROM, from);
    struct passing passing;
    CURLcode code = converse(mailer, &passing, recipients, message);
    if (code != CURLE_OK && is_worth_another(mailer, &passing)) {
        curl_easy_setopt(mailer->curl, CURLOPT_FRESH_CONNECT, 1L);
        code = converse(mailer, &passing, recipients, message);
        curl_easy_setopt(mailer->curl, CURLOPT_FRESH_CONNECT, 0L);
    }
    enum outcome outcome = judge(mailer, &passing, code, fault);
    curl_easy_setopt(mailer->curl, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(recipients);
    return outcome;
}

static CURLcode converse(struct mailer *mailer,
                         struct passing *passing,
                         struct curl_slist *to,
                         struct span message)
{
    *passing = (struct passing){.rest = message, .phase = GREETING};
    CURL *curl = mailer->curl;
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(curl, CURLOPT_READDATA, passing);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, passing);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, passing);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)message.len);
    return curl_easy_perform(curl);
}

static size_t read_message(char *buffer, size_t size, size_t count, void *passing_)
{
    struct passing *passing = passing_;
    size_t room = size * count;
    size_t bytes = passing->rest.len < room ? passing->rest.len : room;
    passing->begun = true;
    if (bytes > 0) {
        memcpy(buffer, passing->rest.at, bytes);
        passing->rest.at += bytes;
        passing->rest.len -= bytes;
    }
    /* curl may add the final dot to the last bytes without asking once more. */
    passing->ended = passing->rest.len == 0;
    return bytes;
}

static size_t keep_line(char *line, size_t size, size_t count, void *passing_)
{
    struct passing *passing = passing_;
    size_t len = size * count;
    if (len == 0 || (line[0] != '4' && line[0] != '5')) {
        return len; /* such as the answer to QUIT, which follows a refusal */
    }
    size_t kept = len < sizeof(passing->line) - 1 ? len : sizeof(passing->line) - 1;
    memcpy(passing->line, line, kept);
    while (kept > 0 &&
           (passing->line[kept - 1] == '\r' || passing->line[kept - 1] == '\n')) {
        kept--;
    }
    passing->line[kept] = '\0';
    return len;
}

/* Looks at the verb of what we say and at nothing else: the rest may be a password. */
static int note_phase(CURL *curl,
                      curl_infotype type,
                      char *data,
                      size_t len,
                      void *passing_)
{
    (void)curl;
    struct passing *passing = passing_;
    for (size_t i = 0;
         type == CURLINFO_HEADER_OUT && i < sizeof(verbs) / sizeof(verbs[0]);
         i++) {
        size_t verb = strlen(verbs[i].verb);
        if (len >= verb && strncmp(data, verbs[i].verb, verb) == 0) {
            passing->phase = verbs[i].phase;
        }
    }
    return 0;
}

/* A kept connection may have died unseen; nothing was sent on it that counts. */
static bool is_worth_another(struct mailer *mailer, const struct passing *passing)
{
    long fresh = 1;
    long answer = 0;
    curl_easy_getinfo(mailer->curl, CURLINFO_NUM_CONNECTS, &fresh);
    curl_easy_getinfo(mailer->curl, CURLINFO_RESPONSE_CODE, &answer);
    return fresh == 0 && !passing->begun && answer < 400;
}

static enum outcome judge(struct mailer *mailer,
                          const struct passing *passing,
                          CURLcode code,
                          struct fault *fault)
{
    long answer = 0;
    curl_easy_getinfo(mailer->curl, CURLINFO_RESPONSE_CODE, &answer);
    if (code == CURLE_OK || (passing->ended && answer >= 200 && answer < 300)) {
        return OUTCOME_DONE; /* what fails behind the answer does not take it back */
    }
    const char *why = curl_easy_strerror(code);
    if (answer >= 400 && passing->phase >= MAIL_FROM) {
        return judge_answer(passing, answer, fault);
    }
    if (passing->ended) {
        return fault_set(fault,
                         OUTCOME_UNSURE,
                         "mailer",
                         MAILER_LOST_ANSWER,
                         "the message was sent and its answer is lost: %s",
                         why);
    }
    if (code == CURLE_LOGIN_DENIED || passing->phase == LOGIN) {
        return unreachable(MAILER_AUTH, "the mail server refuses our login", why, fault);
    }
    if (passing->phase == START_TLS || code == CURLE_USE_SSL_FAILED ||
        code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
        code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM) {
        return unreachable(MAILER_TLS, "no TLS with the mail server", why, fault);
    }
    return unreachable(MAILER_UNREACHABLE, "no way to the mail server", why, fault);
}

/* The server answered: 421 is about itself, 530 and its like about our login (RFC 4954,
 * 6), the others about this message. What it says may name the buyer. */
static enum outcome judge_answer(const struct passing *passing,
                                 long answer,
                                 struct fault *fault)
{
    struct text masked;
    text_init(&masked, MASKED_BYTES);
    pii_mask_text(span_of(passing->line), &masked);
    enum outcome outcome = fault_set(fault,
                                     answer < 500 ? OUTCOME_LATER : OUTCOME_NEVER,
                                     "mailer",
                                     (int)answer,
                                     "the mail server answered: %s",
                                     masked.len > 0 ? masked.at : "");
    text_done(&masked);
    bool login = answer == 530 || answer == 534 || answer == 535 || answer == 538;
    if (answer == 421 || login) {
        outcome = OUTCOME_LATER;
        fault->neighbour = "smtp";
        fault->code = login ? MAILER_AUTH : fault->code;
    }
    return outcome;
}

static enum outcome unreachable(enum mailer_fault which,
                                const char *what,
                                const char *why,
                                struct fault *fault)
{
    enum outcome outcome =
        fault_set(fault, OUTCOME_LATER, "mailer", (int)which, "%s: %s", what, why);
    fault->neighbour = "smtp";
    return outcome;
}
