/* SPDX-License-Identifier: MIT
 * Checking a call's parameters against its route's table. */
#include "tests/stripesim/params.h"

#include <string.h>

#include "tests/stripesim/call.h"

static bool refuse_unknown(struct call *call, const struct param *table);
static const struct param *row_of(const struct param *table, struct span name);
static bool check_missing(struct call *call, const struct param *row);
static bool check_value(struct call *call,
                        const struct param *row,
                        const struct form_entry *entry);
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

static bool check_missing(struct call *call, const struct param *row)
{
    if (!row->required || form_find(&call->form, row->pattern)) {
        return true;
    }
    call_refuse(call,
                &(struct refusal){.code = "parameter_missing", .param = row->pattern},
                "Missing required param: %s.",
                row->pattern);
    return false;
}

static bool check_value(struct call *call,
                        const struct param *row,
                        const struct form_entry *entry)
{
    const char *name = arena_copy(&call->arena, entry->name);
    if (row->kind == PARAM_ANY || (entry->value.len == 0 && row->may_be_empty)) {
        return true;
    }
    if (entry->value.len == 0 && row->kind != PARAM_INTEGER) {
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
    if (row->kind == PARAM_INTEGER) {
        return check_integer(call, row, entry->value, name);
    }
    if (row->kind == PARAM_BOOL && !params_truth(entry->value, NULL)) {
        call_refuse(call,
                    &(struct refusal){.param = name},
                    "Invalid boolean: %.*s",
                    SPAN_ARGS(entry->value));
        return false;
    }
    return row->kind != PARAM_CHOICE || check_choice(call, row, entry->value, name);
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
    struct span rest = span_of(row->choices);
    while (rest.len > 0 && !found) {
        struct span choice = span_cut(rest, ' ', &rest);
        found = span_equal(choice, value);
        text_addf(&list,
                  "%s%.*s",
                  list.len == 0  ? ""
                  : rest.len > 0 ? ", "
                                 : ", or ",
                  SPAN_ARGS(choice));
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
