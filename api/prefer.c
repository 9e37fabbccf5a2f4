/* SPDX-License-Identifier: MIT
 * Reads Prefer headers. */
#include "api/prefer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static struct span cut_preference(struct span text, struct span *rest);
static bool take_pair(struct span preference, struct span *out_name, char *out_value);
static bool take_value(struct span text, char *out_value);
static bool is_token_char(char c);
static void set_wait(struct prefer *prefer, const char *value);

enum { VALUE_BYTES = 32 }; /* with the NUL; longer ones are no number that counts */

void prefer_read(struct prefer *prefer, struct span header)
{
    while (header.len > 0) {
        struct span name;
        char value[VALUE_BYTES];
        struct span preference = cut_preference(header, &header);
        if (!take_pair(preference, &name, value)) {
            continue;
        }
        if (span_is_any_case(name, "respond-async") && value[0] == '\0') {
            prefer->respond_async = true;
        } else if (span_is_any_case(name, "wait") && !prefer->has_wait) {
            set_wait(prefer, value);
        }
    }
}

int64_t prefer_wait_ms(const struct prefer *prefer, int64_t otherwise_ms)
{
    if (prefer->has_wait) {
        return prefer->wait_s * 1000;
    }
    return prefer->respond_async ? 0 : otherwise_ms;
}

struct span prefer_applied(const struct prefer *prefer, char out[PREFER_APPLIED_BYTES])
{
    if (!prefer->has_wait && !prefer->respond_async) {
        return (struct span){NULL, 0};
    }
    int len = prefer->has_wait ? snprintf(out,
                                          PREFER_APPLIED_BYTES,
                                          "Preference-Applied: wait=%d\r\n",
                                          (int)prefer->wait_s)
                               : snprintf(out,
                                          PREFER_APPLIED_BYTES,
                                          "Preference-Applied: respond-async\r\n");
    assert(len > 0 && len < PREFER_APPLIED_BYTES);
    return (struct span){out, (size_t)len};
}

/* Up to the next comma that is not quoted. */
static struct span cut_preference(struct span text, struct span *rest)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < text.len && (quoted || text.at[i] != ','); i++) {
        if (quoted && text.at[i] == '\\' && i + 1 < text.len) {
            i++;
        } else if (text.at[i] == '"') {
            quoted = !quoted;
        }
    }
    size_t next = i < text.len ? i + 1 : i;
    *rest = (struct span){text.at + next, text.len - next};
    return (struct span){text.at, i};
}

/* token [ "=" word ], and parameters behind a ";" that are not for us. A value that is too
 * long for us is cut, and is no number then. */
static bool take_pair(struct span preference, struct span *out_name, char *out_value)
{
    struct span text = span_trim(preference);
    size_t len = 0;
    while (len < text.len && is_token_char(text.at[len])) {
        len++;
    }
    *out_name = (struct span){text.at, len};
    out_value[0] = '\0';
    text = span_trim((struct span){text.at + len, text.len - len});
    if (len == 0) {
        return false;
    }
    if (text.len == 0 || text.at[0] == ';') {
        return true;
    }
    return text.at[0] == '=' &&
           take_value(span_trim((struct span){text.at + 1, text.len - 1}), out_value);
}

/* A token or a quoted string, then nothing or parameters. */
static bool take_value(struct span text, char *out_value)
{
    size_t at = 0;
    size_t used = 0;
    bool quoted = text.len > 0 && text.at[0] == '"';
    at += quoted ? 1 : 0;
    while (at < text.len && (quoted ? text.at[at] != '"' : is_token_char(text.at[at]))) {
        at += quoted && text.at[at] == '\\' && at + 1 < text.len ? 1 : 0;
        if (used < VALUE_BYTES - 1) {
            out_value[used++] = text.at[at];
        }
        at++;
    }
    out_value[used] = '\0';
    if (quoted && at == text.len) {
        return false; /* its end is missing */
    }
    at += quoted ? 1 : 0;
    struct span rest = span_trim((struct span){text.at + at, text.len - at});
    return rest.len == 0 || rest.at[0] == ';';
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* Digits and nothing else; whoever would wait for longer than we let them waits as long
 * as that. */
static void set_wait(struct prefer *prefer, const char *value)
{
    int64_t wait_s = 0;
    if (value[0] == '\0' || value[strspn(value, "0123456789")] != '\0') {
        return;
    }
    for (const char *at = value; *at != '\0' && wait_s <= PREFER_MOST_WAIT_S; at++) {
        wait_s = wait_s * 10 + (*at - '0');
    }
    prefer->has_wait = true;
    prefer->wait_s = wait_s < PREFER_MOST_WAIT_S ? wait_s : PREFER_MOST_WAIT_S;
}
