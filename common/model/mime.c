/* SPDX-License-Identifier: MIT
 * Header fields, encoded words and quoted-printable. */
#include "common/model/mime.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/model/pii.h"

enum { LINE_BYTES = 76 };

static bool is_plain(struct span value, const char *refused);
static size_t add_encoded_words(struct text *out, struct span value, size_t column);
static size_t character_bytes(struct span rest);
static size_t encoded_bytes(struct span character);
static bool is_safe_in_word(unsigned char byte);
static void add_escaped(struct text *out, unsigned char byte);
static unsigned char readable(unsigned char byte);
static bool must_be_quoted(struct span text, size_t at);

static const struct {
    char byte;
    const char *escaped;
} html[] = {
    {'&', "&amp;"},
    {'<', "&lt;"},
    {'>', "&gt;"},
    {'"', "&quot;"},
    {'\'', "&#39;"},
};

void mime_add_text_field(struct text *out, const char *name, struct span value)
{
    text_add_string(out, name);
    text_add_string(out, ": ");
    size_t column = strlen(name) + 2;
    if (is_plain(value, "") && column + value.len <= LINE_BYTES) {
        text_add(out, value);
    } else {
        add_encoded_words(out, value, column);
    }
    text_add_string(out, "\r\n");
}

void mime_add_mailbox_field(struct text *out,
                            const char *name,
                            struct span display_name,
                            struct span address)
{
    assert(pii_is_address(address));
    text_add_string(out, name);
    text_add_string(out, ": ");
    size_t column = strlen(name) + 2;
    if (display_name.len > 0) {
        /* A phrase of atoms needs no quotes; anything else becomes encoded words. */
        if (is_plain(display_name, "()<>[]:;@\\,.\"=?") &&
            column + display_name.len <= LINE_BYTES) {
            text_add(out, display_name);
            column += display_name.len;
        } else {
            column = add_encoded_words(out, display_name, column);
        }
        text_add_string(out, column + address.len + 3 > LINE_BYTES ? "\r\n " : " ");
    }
    text_add_char(out, '<');
    text_add(out, address);
    text_add_string(out, ">\r\n");
}

void mime_add_date_field(struct text *out, int64_t wall_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan",
                                         "Feb",
                                         "Mar",
                                         "Apr",
                                         "May",
                                         "Jun",
                                         "Jul",
                                         "Aug",
                                         "Sep",
                                         "Oct",
                                         "Nov",
                                         "Dec"};
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    struct tm *converted = gmtime_r(&seconds, &utc);
    assert(converted);
    text_addf(out,
              "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n",
              days[utc.tm_wday],
              utc.tm_mday,
              months[utc.tm_mon],
              utc.tm_year + 1900,
              utc.tm_hour,
              utc.tm_min,
              utc.tm_sec);
}

/* Printable ASCII without white space at its ends and without what looks like an encoded
 * word. */
static bool is_plain(struct span value, const char *refused)
{
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.at[i];
        if (byte < ' ' || byte > '~' || strchr(refused, byte) != NULL ||
            (byte == '=' && i + 1 < value.len && value.at[i + 1] == '?')) {
            return false;
        }
    }
    return value.len == span_trim(value).len;
}

/* Returns the column behind the last word. No word splits a character, and no line of
 * words is longer than 76 bytes (RFC 2047, 2). */
static size_t add_encoded_words(struct text *out, struct span value, size_t column)
{
    static const char opening[] = "=?UTF-8?Q?";
    bool utf8 = span_is_utf8(value);
    bool open = false;
    while (value.len > 0) {
        size_t bytes = utf8 ? character_bytes(value) : 1;
        size_t needed = encoded_bytes((struct span){value.at, bytes});
        if (open && column + needed + 2 > LINE_BYTES) {
            text_add_string(out, "?=\r\n ");
            column = 1;
            open = false;
        }
        if (!open) {
            text_add_string(out, opening);
            column += sizeof(opening) - 1;
            open = true;
        }
        for (size_t i = 0; i < bytes; i++) {
            unsigned char byte = readable((unsigned char)value.at[i]);
            if (!utf8 && byte >= 0x80) {
                byte = '?';
            }
            if (byte == ' ') {
                text_add_char(out, '_');
            } else if (is_safe_in_word(byte)) {
                text_add_char(out, (char)byte);
            } else {
                add_escaped(out, byte);
            }
        }
        column += needed;
        value = (struct span){value.at + bytes, value.len - bytes};
    }
    if (open) {
        text_add_string(out, "?=");
        column += 2;
    }
    return column;
}

static size_t character_bytes(struct span rest)
{
    size_t bytes = 1;
    while (bytes < rest.len && ((unsigned char)rest.at[bytes] & 0xc0) == 0x80) {
        bytes++;
    }
    return bytes;
}

/* At most: an unsafe byte takes three. */
static size_t encoded_bytes(struct span character)
{
    bool short_form =
        character.len == 1 && (character.at[0] == ' ' ||
                               is_safe_in_word(readable((unsigned char)character.at[0])));
    return short_form ? 1 : 3 * character.len;
}

/* RFC 2047, 5, (3): what may stand for itself even in a phrase. */
static bool is_safe_in_word(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') ||
           (byte != '\0' && strchr("!*+-/", byte) != NULL);
}

static void add_escaped(struct text *out, unsigned char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    char escaped[3] = {'=', digits[byte >> 4], digits[byte & 15]};
    text_add(out, (struct span){escaped, sizeof(escaped)});
}

/* Control characters would end a line or hide in it. */
static unsigned char readable(unsigned char byte)
{
    return byte < ' ' || byte == 0x7f ? ' ' : byte;
}

void mime_add_quoted_printable(struct text *out, struct span text)
{
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\n') {
            text_add_string(out, "\r\n");
            column = 0;
            continue;
        }
        bool quoted = must_be_quoted(text, i);
        size_t needed = quoted ? 3 : 1;
        if (column + needed > LINE_BYTES - 1) { /* one place is the soft break's "=" */
            text_add_string(out, "=\r\n");
            column = 0;
        }
        if (quoted) {
            add_escaped(out, readable((unsigned char)text.at[i]));
        } else {
            text_add_char(out, text.at[i]);
        }
        column += needed;
    }
    if (column > 0) {
        text_add_string(out, "\r\n");
    }
}

static bool must_be_quoted(struct span text, size_t at)
{
    char byte = text.at[at];
    if (byte == ' ') { /* at a line's end it would be lost on the way */
        return at + 1 == text.len || text.at[at + 1] == '\n';
    }
    return byte < ' ' || byte > '~' || byte == '=';
}

void mime_add_readable(struct text *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        text_add_char(out, (char)readable((unsigned char)text.at[i]));
    }
}

void mime_add_html(struct text *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = (char)readable((unsigned char)text.at[i]);
        const char *escaped = NULL;
        for (size_t k = 0; k < sizeof(html) / sizeof(html[0]); k++) {
            if (html[k].byte == byte) {
                escaped = html[k].escaped;
            }
        }
        if (escaped) {
            text_add_string(out, escaped);
        } else {
            text_add_char(out, byte);
        }
    }
}
