/* SPDX-License-Identifier: MIT
 * Spans and growing texts. */
#include "common/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_ascii_word(const unsigned char *at);
static bool make_room(struct text *text, size_t bytes);

struct span span_of(const char *string)
{
    return (struct span){string, string ? strlen(string) : 0};
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool span_is(struct span span, const char *string)
{
    return span_equal(span, span_of(string));
}

bool span_is_any_case(struct span span, const char *string)
{
    return span.len == strlen(string) &&
           (span.len == 0 || strncasecmp(span.at, string, span.len) == 0);
}

bool span_starts(struct span span, const char *prefix)
{
    size_t len = strlen(prefix);
    return span.len >= len && (len == 0 || memcmp(span.at, prefix, len) == 0);
}

struct span span_trim(struct span span)
{
    while (span.len > 0 && (span.at[0] == ' ' || span.at[0] == '\t')) {
        span.at++;
        span.len--;
    }
    while (span.len > 0 &&
           (span.at[span.len - 1] == ' ' || span.at[span.len - 1] == '\t')) {
        span.len--;
    }
    return span;
}

struct span span_cut(struct span span, char separator, struct span *rest)
{
    const char *found = span.len ? memchr(span.at, separator, span.len) : NULL;
    if (!found) {
        *rest = (struct span){span.len ? span.at + span.len : span.at, 0};
        return span;
    }
    size_t before = (size_t)(found - span.at);
    *rest = (struct span){found + 1, span.len - before - 1};
    return (struct span){span.at, before};
}

bool span_to_i64(struct span span, int64_t *out_number)
{
    bool negative = span.len > 0 && span.at[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == span.len) {
        return false;
    }
    int64_t number = 0;
    for (; i < span.len; i++) {
        if (span.at[i] < '0' || span.at[i] > '9') {
            return false;
        }
        int digit = span.at[i] - '0';
        if (__builtin_mul_overflow(number, (int64_t)10, &number) ||
            __builtin_add_overflow(number,
                                   (int64_t)(negative ? -digit : digit),
                                   &number)) {
            return false;
        }
    }
    *out_number = number;
    return true;
}

bool span_is_utf8(struct span span)
{
    const unsigned char *at = (const unsigned char *)span.at;
    size_t i = 0;
    while (i < span.len) {
        /* Eight bytes at once as long as they are plain ASCII, which most text is. */
        if (span.len - i >= sizeof(uint64_t) && is_ascii_word(at + i)) {
            i += sizeof(uint64_t);
            continue;
        }
        unsigned char lead = at[i];
        if (lead == 0) {
            return false;
        }
        if (lead < 0x80) {
            i++;
            continue;
        }
        size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || span.len - i <= more) {
            return false;
        }
        /* The second byte's range shuts out overlong forms, surrogates and > U+10FFFF
         * (RFC 3629, section 4). */
        unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (at[i + 1] < low || at[i + 1] > high) {
            return false;
        }
        for (size_t k = 2; k <= more; k++) {
            if ((at[i + k] & 0xC0) != 0x80) {
                return false;
            }
        }
        i += more + 1;
    }
    return true;
}

/* Whether none of eight bytes is NUL or has its high bit set: subtracting 1 from each
 * borrows into the high bit of those that are NUL. */
static bool is_ascii_word(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return ((word | (word - 0x0101010101010101U)) & 0x8080808080808080U) == 0;
}

void text_init(struct text *text, size_t ceiling_bytes)
{
    *text = (struct text){.ceiling = ceiling_bytes};
}

void text_done(struct text *text)
{
    free(text->at);
    *text = (struct text){.ceiling = text->ceiling};
}

void text_wipe(struct text *text)
{
    if (text->at) {
        explicit_bzero(text->at, text->room);
    }
    text_done(text);
}

void text_clear(struct text *text)
{
    text->len = 0;
    text->full = false;
    if (text->at) {
        text->at[0] = '\0';
    }
}

void text_add(struct text *text, struct span span)
{
    size_t fits = text->ceiling - text->len;
    size_t take = span.len < fits ? span.len : fits;
    if (take < span.len) {
        text->full = true;
    }
    if (!make_room(text, take)) {
        return;
    }
    if (take > 0) {
        memcpy(text->at + text->len, span.at, take);
    }
    text_grown(text, take);
}

void text_add_string(struct text *text, const char *string)
{
    text_add(text, span_of(string));
}

void text_add_char(struct text *text, char byte)
{
    text_add(text, (struct span){&byte, 1});
}

void text_add_i64(struct text *text, int64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)number);
    text_add(text, (struct span){digits, (size_t)len});
}

void text_addf(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_addv(text, format, args);
    va_end(args);
}

void text_addv(struct text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    char small[256];
    int len = vsnprintf(small, sizeof(small), format, args);
    assert(len >= 0);
    if ((size_t)len < sizeof(small)) {
        text_add(text, (struct span){small, (size_t)len});
    } else {
        char *large = malloc((size_t)len + 1);
        if (!large) {
            abort();
        }
        vsnprintf(large, (size_t)len + 1, format, again);
        text_add(text, (struct span){large, (size_t)len});
        free(large);
    }
    va_end(again);
}

char *text_grow(struct text *text, size_t bytes)
{
    if (bytes > text->ceiling - text->len) {
        text->full = true;
        return NULL;
    }
    return make_room(text, bytes) ? text->at + text->len : NULL;
}

void text_grown(struct text *text, size_t bytes)
{
    assert(text->len + bytes < text->room);
    text->len += bytes;
    text->at[text->len] = '\0';
}

struct span text_span(const struct text *text)
{
    return (struct span){text->at, text->len};
}

/* Makes sure that `bytes` more and a NUL fit. Growing doubles; out of memory aborts:
 * the lease runs out and the job comes back. */
static bool make_room(struct text *text, size_t bytes)
{
    assert(text->len <= text->ceiling);
    size_t need = text->len + bytes + 1;
    if (need <= text->room) {
        return true;
    }
    size_t room = text->room ? text->room * 2 : 64;
    if (room > text->ceiling + 1) {
        room = text->ceiling + 1;
    }
    if (room < need) {
        room = need;
    }
    char *at = realloc(text->at, room);
    if (!at) {
        abort();
    }
    text->at = at;
    text->room = room;
    return true;
}
