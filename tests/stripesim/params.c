/* SPDX-License-Identifier: MIT
 * Checking a call's parameters against its route's table. */
#include "tests/stripesim/params.h"

#include <stdlib.h>
#include <string.h>

#include "tests/stripesim/call.h"

enum { MOST_CHARACTERS = 5000 };

static bool refuse_unknown(struct call *call, const struct param *table);
static const struct param *row_of(const struct param *table, struct span name);
static bool check_missing(struct call *call, const struct param *row);
static bool has_part(const struct call *call, struct span group);
static bool check_value(struct call *call,
                        const struct param *row,
                        const struct form_entry *entry);
static bool refuse(struct call *call,
                   const char *code,
                   const char *param,
                   const char *what,
                   struct span value);
static bool check_string(struct call *call,
                         const struct param *row,
                         struct span value,
                         const char *name);
static bool is_email(struct span value);
static bool check_url(struct call *call, struct span value, const char *name);
static bool check_integer(struct call *call,
                          const struct param *row,
                          struct span value,
                          const char *name);
static bool check_choice(struct call *call,
                         const struct param *row,
                         struct span value,
                         const char *name);

bool params_check(struct call *call, const struct param *table)
{
    if (!refuse_unknown(call, table)) {
        return false;
    }
    for (const struct param *row = table; row->pattern; row++) {
        if (!check_missing(call, row)) {
            return false;
        }
    }
    for (size_t i = 0; i < call->form.count; i++) {
        const struct form_entry *entry = &call->form.entries[i];
        if (!check_value(call, row_of(table, entry->name), entry)) {
            return false;
        }
    }
    return true;
}

bool params_truth(struct span value, bool *out_truth)
{
    static const struct {
        const char *word;
        bool truth;
    } words[] = {{"true", true}, {"True", true}, {"false", false}, {"False", false}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (span_is(value, words[i].word)) {
            if (out_truth) {
                *out_truth = words[i].truth;
            }
            return true;
        }
    }
    return false;
}

/* All of them are named in one answer. */
static bool refuse_unknown(struct call *call, const struct param *table)
{
    struct text names;
    text_init(&names, 4096);
    const char *first = NULL;
    int count = 0;
    for (size_t i = 0; i < call->form.count; i++) {
        struct span name = call->form.entries[i].name;
        if (!row_of(table, name)) {
            text_addf(&names, "%s%.*s", count++ ? ", " : "", SPAN_ARGS(name));
            first = first ? first : arena_copy(&call->arena, name);
        }
    }
    if (count > 0) {
        call_refuse(call,
                    &(struct refusal){.code = "parameter_unknown", .param = first},
                    "Received unknown parameter%s: %s",
                    count > 1 ? "s" : "",
                    names.at);
    }
    text_done(&names);
    return count == 0;
}

static const struct param *row_of(const struct param *table, struct span name)
{
    for (const struct param *row = table; row->pattern; row++) {
        if (form_fits(name, row->pattern)) {
            return row;
        }
    }
    return NULL;
}

/* A part of a hash is missing only where the hash is there. */
static bool check_missing(struct call *call, const struct param *row)
{
    struct span rest;
    struct span parent = span_cut(span_of(row->pattern), '[', &rest);
    bool is_group = row->kind == PARAM_HASH || row->kind == PARAM_LIST;
    if (!row->required || form_find(&call->form, row->pattern) ||
        (rest.len > 0 && !has_part(call, parent)) ||
        (is_group && has_part(call, span_of(row->pattern)))) {
        return true;
    }
    call_refuse(call,
                &(struct refusal){.code = "parameter_missing", .param = row->pattern},
                "Missing required param: %s.",
                row->pattern);
    return false;
}

static bool has_part(const struct call *call, struct span group)
{
    for (size_t i = 0; i < call->form.count; i++) {
        struct span name = call->form.entries[i].name;
        if (name.len > group.len && name.at[group.len] == '[' &&
            memcmp(name.at, group.at, group.len) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_value(struct call *call,
                        const struct param *row,
                        const struct form_entry *entry)
{
    const char *name = arena_copy(&call->arena, entry->name);
    struct span value = entry->value;
    if (row->kind == PARAM_ANY || (value.len == 0 && row->may_be_empty)) {
        return true;
    }
    if (value.len == 0 && row->kind != PARAM_INTEGER && row->kind != PARAM_HASH &&
        row->kind != PARAM_LIST) {
        call_refuse(call,
                    &(struct refusal){.code = "parameter_invalid_empty", .param = name},
                    "You passed an empty string for '%s'. We assume empty values are an "
                    "attempt to unset a parameter; however '%s' cannot be unset. You "
                    "should remove '%s' from your request or supply a non-empty value.",
                    name,
                    name,
                    name);
        return false;
    }
    switch (row->kind) {
    case PARAM_STRING:
        return check_string(call, row, value, name);
    case PARAM_INTEGER:
        return check_integer(call, row, value, name);
    case PARAM_BOOL:
        return params_truth(value, NULL) || refuse(call, NULL, name, "boolean: ", value);
    case PARAM_CHOICE:
        return check_choice(call, row, value, name);
    case PARAM_EMAIL:
        return is_email(value) ||
               refuse(call, "email_invalid", name, "email address: ", value);
    case PARAM_URL:
        return check_url(call, value, name);
    case PARAM_HASH:
        return refuse(call, NULL, name, "object", SPAN(""));
    case PARAM_LIST:
        return refuse(call, NULL, name, "array", SPAN(""));
    case PARAM_ANY:
        return true;
    }
    abort();
}

/* Always false. */
static bool refuse(struct call *call,
                   const char *code,
                   const char *param,
                   const char *what,
                   struct span value)
{
    call_refuse(call,
                &(struct refusal){.code = code, .param = param},
                "Invalid %s%.*s",
                what,
                SPAN_ARGS(value));
    return false;
}

static bool check_string(struct call *call,
                         const struct param *row,
                         struct span value,
                         const char *name)
{
    int64_t most = row->most > 0 ? row->most : MOST_CHARACTERS;
    int64_t count = (int64_t)form_characters(value);
    if (count > most) {
        call_refuse(call,
                    &(struct refusal){.param = name},
                    "Invalid string: %.*s; must be at most %lld characters",
                    SPAN_ARGS(value),
                    (long long)most);
    }
    return count <= most;
}

/* Something, one @, and a domain with a dot inside. */
static bool is_email(struct span value)
{
    struct span domain;
    struct span user = span_cut(value, '@', &domain);
    struct span rest;
    struct span host = span_cut(domain, '.', &rest);
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.at[i] <= ' ' || value.at[i] == ',') {
            return false;
        }
    }
    return user.len > 0 && host.len > 0 && rest.len > 0 &&
           !memchr(domain.at, '@', domain.len) && value.at[value.len - 1] != '.';
}

static bool check_url(struct call *call, struct span value, const char *name)
{
    struct span rest = value;
    bool good = span_starts(value, "http://") || span_starts(value, "https://");
    for (int slashes = 0; slashes < 2; slashes++) {
        span_cut(rest, '/', &rest);
    }
    struct span after;
    good = good && span_cut(rest, '/', &after).len > 0;
    for (size_t i = 0; i < value.len; i++) {
        good = good && (unsigned char)value.at[i] > ' ';
    }
    if (!good) {
        call_refuse(call,
                    &(struct refusal){.code = "url_invalid", .param = name},
                    "Not a valid URL");
    }
    return good;
}

static bool check_integer(struct call *call,
                          const struct param *row,
                          struct span value,
                          const char *name)
{
    struct refusal refusal = {.code = "parameter_invalid_integer", .param = name};
    int64_t number;
    if (!span_to_i64(value, &number)) {
        call_refuse(call, &refusal, "Invalid integer: %.*s", SPAN_ARGS(value));
        return false;
    }
    if (row->least == 0 && row->most == 0) {
        return true;
    }
    if (number < row->least) {
        call_refuse(call,
                    &refusal,
                    "This value must be greater than or equal to %lld.",
                    (long long)row->least);
        return false;
    }
    if (number > row->most) {
        call_refuse(call,
                    &refusal,
                    "This value must be less than or equal to %lld.",
                    (long long)row->most);
        return false;
    }
    return true;
}

static bool check_choice(struct call *call,
                         const struct param *row,
                         struct span value,
                         const char *name)
{
    struct text list;
    text_init(&list, 1024);
    bool found = false;
    int count = 0;
    struct span rest = span_of(row->choices);
    while (rest.len > 0 && !found) {
        struct span choice = span_cut(rest, ' ', &rest);
        found = span_equal(choice, value);
        text_addf(&list,
                  "%s%.*s",
                  count == 0     ? ""
                  : rest.len > 0 ? ", "
                  : count == 1   ? " or "
                                 : ", or ",
                  SPAN_ARGS(choice));
        count++;
    }
    if (!found) {
        call_refuse(call,
                    &(struct refusal){.param = name},
                    "Invalid %s: must be one of %s",
                    name,
                    list.at);
    }
    text_done(&list);
    return found;
}
