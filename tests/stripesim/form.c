/* SPDX-License-Identifier: MIT
 * Form decoding. */
#include "tests/stripesim/form.h"

#include <stdlib.h>
#include <string.h>

static bool add_pair(struct form *form, struct span pair, struct arena *arena);
static bool unescape(struct span text, struct arena *arena, struct span *out);
static int hex_digit(char byte);
static bool is_name(struct span name);
static bool is_push(struct span name);
static struct form_entry *same_name(const struct form *form, struct span name);

enum outcome form_decode(struct form *form,
                         struct span text,
                         struct arena *arena,
                         struct fault *fault)
{
    if (!form->entries) {
        form->entries = ARENA_ARRAY(arena, struct form_entry, FORM_MOST_ENTRIES);
    }
    struct span rest = text;
    while (rest.len > 0) {
        struct span pair = span_cut(rest, '&', &rest);
        if (pair.len > 0 && !add_pair(form, pair, arena)) {
            return fault_set(fault, OUTCOME_NEVER, "form", 1, "this is not a form");
        }
    }
    return OUTCOME_DONE;
}

const struct form_entry *form_find(const struct form *form, const char *name)
{
    return same_name(form, span_of(name));
}

struct span form_value(const struct form *form, const char *name)
{
    const struct form_entry *entry = form_find(form, name);
    return entry ? entry->value : (struct span){"", 0};
}

const struct form_entry *form_element(const struct form *form,
                                      const char *name,
                                      size_t *at,
                                      struct span *out_key)
{
    size_t len = strlen(name);
    for (; *at < form->count; (*at)++) {
        const struct form_entry *entry = &form->entries[*at];
        if (span_starts(entry->name, name) && entry->name.len > len &&
            entry->name.at[len] == '[') {
            struct span inside = {entry->name.at + len + 1, entry->name.len - len - 1};
            struct span ignored;
            *out_key = span_cut(inside, ']', &ignored);
            (*at)++;
            return entry;
        }
    }
    return NULL;
}

size_t form_characters(struct span value)
{
    size_t count = 0;
    for (size_t i = 0; i < value.len; i++) {
        count += ((unsigned char)value.at[i] & 0xc0) == 0x80 ? 0 : 1;
    }
    return count;
}

bool form_fits(struct span name, const char *pattern)
{
    const char *star = strstr(pattern, "[*");
    if (!star) {
        return span_is(name, pattern);
    }
    size_t len = (size_t)(star - pattern);
    if (name.len < len + 2 || memcmp(name.at, pattern, len) != 0 || name.at[len] != '[') {
        return false;
    }
    if (star[2] == '*') {
        return true;
    }
    struct span rest;
    span_cut((struct span){name.at + len, name.len - len}, ']', &rest);
    return rest.len == 0;
}

static bool add_pair(struct form *form, struct span pair, struct arena *arena)
{
    struct span raw_value;
    struct span raw_name = span_cut(pair, '=', &raw_value);
    struct form_entry entry;
    if (!unescape(raw_name, arena, &entry.name) ||
        !unescape(raw_value, arena, &entry.value) || !is_name(entry.name)) {
        return false;
    }
    struct form_entry *known = is_push(entry.name) ? NULL : same_name(form, entry.name);
    if (known) {
        known->value = entry.value;
        return true;
    }
    if (form->count == FORM_MOST_ENTRIES) {
        return false;
    }
    form->entries[form->count++] = entry;
    return true;
}

static bool unescape(struct span text, struct arena *arena, struct span *out)
{
    char *at = arena_take(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.at[i];
        if (byte == '%') {
            int high = i + 2 < text.len ? hex_digit(text.at[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.at[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            byte = (char)(high * 16 + low);
            i += 2;
        } else if (byte == '+') {
            byte = ' ';
        }
        at[len++] = byte;
    }
    *out = (struct span){at, len};
    return span_is_utf8(*out);
}

static int hex_digit(char byte)
{
    static const char digits[] = "0123456789abcdef";
    bool is_letter = (byte >= 'A' && byte <= 'F');
    const char *found = byte ? strchr(digits, is_letter ? byte + 32 : byte) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* word, then any number of [word], the word in brackets possibly empty. */
static bool is_name(struct span name)
{
    size_t i = 0;
    while (i < name.len && name.at[i] != '[' && name.at[i] != ']') {
        i++;
    }
    if (i == 0) {
        return false;
    }
    int segments = 0;
    while (i < name.len) {
        const char *close = memchr(name.at + i, ']', name.len - i);
        if (name.at[i] != '[' || !close || ++segments > FORM_MOST_SEGMENTS ||
            memchr(name.at + i + 1, '[', (size_t)(close - name.at) - i - 1)) {
            return false;
        }
        i = (size_t)(close - name.at) + 1;
    }
    return true;
}

static bool is_push(struct span name)
{
    return name.len >= 2 && name.at[name.len - 2] == '[' && name.at[name.len - 1] == ']';
}

static struct form_entry *same_name(const struct form *form, struct span name)
{
    for (size_t i = 0; i < form->count; i++) {
        if (span_equal(form->entries[i].name, name)) {
            return &form->entries[i];
        }
    }
    return NULL;
}
