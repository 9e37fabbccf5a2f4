/* SPDX-License-Identifier: MIT
 *
 * text - bytes that are looked at (struct span) and bytes that grow (struct text).
 *
 * Owns:    the buffer of a struct text, from text_init to text_done
 * Callers: every room
 * Blocks:  never
 * Faults:  none; a text that would pass its ceiling keeps what fits and sets `full`,
 *          which the caller checks once at the end
 */
#ifndef COMMON_BASE_TEXT_H
#define COMMON_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"

/* Bytes that somebody else owns; not NUL-terminated, may hold any byte. `at` may be NULL
 * when `len` is 0. */
struct span {
    const char *at;
    size_t len;
};

#define SPAN(literal) ((struct span){"" literal, sizeof(literal) - 1})
/* For printf's "%.*s": SPAN_ARGS(span) */
#define SPAN_ARGS(span) (int)(span).len, (span).at

struct span span_of(const char *string); /* NULL gives an empty span */
bool span_equal(struct span a, struct span b);
bool span_is(struct span span, const char *string);
bool span_is_any_case(struct span span, const char *string); /* of ASCII letters */
bool span_starts(struct span span, const char *prefix);
struct span span_trim(struct span span); /* spaces and tabs off both ends */
/* Up to the first `separator`; *rest is what follows it (empty when there was none). */
struct span span_cut(struct span span, char separator, struct span *rest);
/* Digits with an optional minus, nothing else; false when it is not so or overflows. */
bool span_to_i64(struct span span, int64_t *out_number);
/* Whether the bytes are valid UTF-8 without NUL. */
bool span_is_utf8(struct span span);

/* Bytes that grow up to a hard ceiling. Zeroed is not valid: use text_init. */
struct text {
    char *at; /* always NUL-terminated behind len, once anything was added */
    size_t len; /* bytes, without the NUL */
    size_t room; /* bytes allocated */
    size_t ceiling; /* most bytes that it may ever hold */
    bool full; /* something did not fit: what it holds is not the whole */
};

void text_init(struct text *text, size_t ceiling_bytes);
void text_done(struct text *text); /* safe twice */
void text_wipe(struct text *text); /* text_done, with the bytes overwritten first */
void text_clear(struct text *text); /* empty again, memory kept */
void text_add(struct text *text, struct span span);
void text_add_string(struct text *text, const char *string);
void text_add_char(struct text *text, char byte);
void text_add_i64(struct text *text, int64_t number);
void text_addf(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_addv(struct text *text, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Room for `bytes` more at the returned place (text_grown tells how many were used);
 * NULL and `full` when that would pass the ceiling. */
char *text_grow(struct text *text, size_t bytes);
void text_grown(struct text *text, size_t bytes);
struct span text_span(const struct text *text);

#endif
