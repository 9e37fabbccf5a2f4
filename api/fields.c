/* SPDX-License-Identifier: MIT
 * Bodies and queries against their tables. */
#include "api/fields.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api/field_detail.h"
#include "api/http.h"
#include "api/problem.h"
#include "api/request.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/model/pii.h"

enum { NAME_TOLD_BYTES = 100 };

/* What is wrong so far. */
struct complaints {
    struct problem_field list[FIELDS_MOST];
    const struct field_rule *rules[FIELDS_MOST]; /* that were broken; NULL: unknown */
    size_t count;
};

static const struct field_rule *find_rule(const struct field_rule *rules,
                                          size_t count,
                                          struct span name);
static void complain(struct complaints *complaints,
                     const struct field_rule *rule,
                     struct span field,
                     enum field_code code);
static void complain_unknown(struct request *request,
                             struct complaints *complaints,
                             struct span name);
static void check_required(const struct field_rule *rules,
                           size_t count,
                           const struct field_value *values,
                           struct complaints *complaints);
static bool conclude(struct request *request, struct complaints *complaints);
static struct span without_margins(const struct field_rule *rule, struct span text);
static bool check_integer(const struct field_rule *rule,
                          int64_t number,
                          enum field_code *out_code);
static bool check_text(const struct field_rule *rule,
                       struct span text,
                       enum field_code *out_code);
static bool has_control(struct span text);
static bool is_name(struct span text);
static bool is_choice(const char *choices, struct span text);
static bool is_day(struct span text);
static bool is_moment(struct span text, int64_t *out_ms);
static bool is_intent(struct span text);
static bool decode_percent(struct span raw, struct arena *arena, struct span *out_text);

bool fields_read(struct request *request,
                 const struct field_rule *rules,
                 size_t count,
                 struct field_value *out_values)
{
    struct cJSON *document = NULL;
    struct complaints complaints = {.count = 0};
    struct fault fault;
    assert(count <= FIELDS_MOST);
    struct span body = request->body.len > 0 ? request->body : SPAN("{}");
    memset(out_values, 0, sizeof(*out_values) * count);
    if (json_parse(body, &document, &fault) != OUTCOME_DONE ||
        !json_is_object(document)) {
        json_free(document);
        request_problem(request, PROBLEM_BAD_JSON);
        return false;
    }
    for (const struct cJSON *member = json_first(document, ""); member;
         member = json_next(member)) {
        struct span name = json_key(member);
        if (!find_rule(rules, count, name)) {
            complain_unknown(request, &complaints, name);
        }
    }
    for (size_t i = 0; i < count; i++) {
        enum field_code code = FIELD_WRONG_TYPE;
        if (!fields_read_member(&rules[i], document, &out_values[i], &code)) {
            complain(&complaints, &rules[i], span_of(rules[i].name), code);
        }
        out_values[i].text = arena_span(&request->arena, out_values[i].text);
    }
    json_free(document);
    check_required(rules, count, out_values, &complaints);
    return conclude(request, &complaints);
}

bool fields_read_query(struct request *request,
                       const struct field_rule *rules,
                       size_t count,
                       struct field_value *out_values)
{
    struct complaints complaints = {.count = 0};
    struct span rest = request->query;
    assert(count <= FIELDS_MOST);
    memset(out_values, 0, sizeof(*out_values) * count);
    while (rest.len > 0) {
        struct span raw;
        struct span name = span_cut(span_cut(rest, '&', &rest), '=', &raw);
        enum field_code code = FIELD_BAD_FORMAT;
        if (name.len == 0 && raw.len == 0) {
            continue;
        }
        const struct field_rule *rule = find_rule(rules, count, name);
        if (!rule) {
            complain_unknown(request, &complaints, name);
            continue;
        }
        struct field_value *value = &out_values[rule - rules];
        bool good = !value->there && decode_percent(raw, &request->arena, &value->text);
        if (good && rule->type == FIELD_IS_INTEGER) {
            good = span_to_i64(value->text, &value->integer);
            code = good ? code : FIELD_WRONG_TYPE;
            good = good && check_integer(rule, value->integer, &code);
        } else if (good) {
            value->text = without_margins(rule, value->text);
            good = check_text(rule, value->text, &code);
        }
        value->there = true;
        if (!good) {
            complain(&complaints, rule, span_of(rule->name), code);
        }
    }
    check_required(rules, count, out_values, &complaints);
    return conclude(request, &complaints);
}

void fields_refuse(struct request *request,
                   const char *field,
                   enum field_code code,
                   struct span detail)
{
    const struct problem_field told = {span_of(field), code, detail};
    request_problem_with(request,
                         PROBLEM_INVALID_FIELDS,
                         &told,
                         1,
                         (struct span){NULL, 0},
                         (struct span){NULL, 0});
}

static const struct field_rule *find_rule(const struct field_rule *rules,
                                          size_t count,
                                          struct span name)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(name, rules[i].name)) {
            return &rules[i];
        }
    }
    return NULL;
}

/* Nobody reads more than FIELDS_MOST of them. */
static void complain(struct complaints *complaints,
                     const struct field_rule *rule,
                     struct span field,
                     enum field_code code)
{
    if (complaints->count < FIELDS_MOST) {
        complaints->rules[complaints->count] = rule;
        complaints->list[complaints->count++] =
            (struct problem_field){.field = field, .code = code};
    }
}

/* Its name may be anything, and a megabyte long: the beginning tells which it is. */
static void complain_unknown(struct request *request,
                             struct complaints *complaints,
                             struct span name)
{
    if (complaints->count == FIELDS_MOST) {
        return;
    }
    name = arena_span(&request->arena, fields_cut_name(name, NAME_TOLD_BYTES));
    complain(complaints, NULL, name, FIELD_UNKNOWN);
}

struct span fields_cut_name(struct span name, size_t most)
{
    if (name.len > most) {
        name.len = most;
        while (name.len > 0 && ((unsigned char)name.at[name.len] & 0xc0) == 0x80) {
            name.len--; /* not in the middle of a character */
        }
    }
    return name;
}

static void check_required(const struct field_rule *rules,
                           size_t count,
                           const struct field_value *values,
                           struct complaints *complaints)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i].required && !values[i].there) {
            complain(complaints, &rules[i], span_of(rules[i].name), FIELD_MISSING);
        }
    }
}

static bool conclude(struct request *request, struct complaints *complaints)
{
    if (complaints->count == 0) {
        return true;
    }
    for (size_t i = 0; i < complaints->count; i++) {
        struct problem_field *told = &complaints->list[i];
        if (complaints->rules[i]) {
            told->detail = field_detail(complaints->rules[i],
                                        told->code,
                                        request->english,
                                        &request->arena);
        }
    }
    request_problem_with(request,
                         PROBLEM_INVALID_FIELDS,
                         complaints->list,
                         complaints->count,
                         (struct span){NULL, 0},
                         (struct span){NULL, 0});
    return false;
}

bool fields_read_member(const struct field_rule *rule,
                        const struct cJSON *object,
                        struct field_value *out_value,
                        enum field_code *out_code)
{
    struct field_value value = {.there = json_has(object, rule->name)};
    *out_value = value;
    if (!value.there) {
        return true;
    }
    *out_code = FIELD_WRONG_TYPE;
    if (rule->type == FIELD_IS_INTEGER) {
        return json_integer(object, rule->name, &out_value->integer) &&
               check_integer(rule, out_value->integer, out_code);
    }
    if (!json_is_string(object, rule->name)) {
        return false;
    }
    value.text = without_margins(rule, json_string(object, rule->name));
    if (rule->type == FIELD_IS_MOMENT) {
        *out_code = FIELD_BAD_FORMAT;
        return is_moment(value.text, &out_value->integer);
    }
    *out_value = value;
    return check_text(rule, value.text, out_code);
}

/* Phones' keyboards add a space behind an address. A password is taken as it is. */
static struct span without_margins(const struct field_rule *rule, struct span text)
{
    bool cut = rule->type == FIELD_IS_EMAIL || rule->type == FIELD_IS_WORDS;
    return cut ? span_trim(text) : text;
}

static bool check_integer(const struct field_rule *rule,
                          int64_t number,
                          enum field_code *out_code)
{
    *out_code = number < rule->least ? FIELD_TOO_SMALL : FIELD_TOO_LARGE;
    return number >= rule->least && number <= rule->most;
}

static bool check_text(const struct field_rule *rule,
                       struct span text,
                       enum field_code *out_code)
{
    *out_code = FIELD_BAD_FORMAT;
    switch (rule->type) {
    case FIELD_IS_CHOICE:
        *out_code = FIELD_NOT_A_CHOICE;
        return is_choice(rule->choices, text);
    case FIELD_IS_DAY:
        return is_day(text);
    case FIELD_IS_EMAIL:
        if ((int64_t)text.len <= rule->most) {
            return pii_is_address(text);
        }
        break;
    case FIELD_IS_INTENT:
        if ((int64_t)text.len <= rule->most) {
            return is_intent(text);
        }
        break;
    case FIELD_IS_NAME:
    case FIELD_IS_TEXT:
    case FIELD_IS_WORDS:
        if ((int64_t)text.len < rule->least) {
            *out_code = text.len == 0 ? FIELD_MISSING : FIELD_TOO_SMALL;
            return false;
        }
        if ((int64_t)text.len <= rule->most) {
            return rule->type == FIELD_IS_NAME ? is_name(text) : !has_control(text);
        }
        break;
    case FIELD_IS_INTEGER:
    case FIELD_IS_MOMENT:
        assert(!"numbers have a check of their own");
    }
    *out_code = FIELD_TOO_LONG;
    return false;
}

static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte < 0x20 || byte == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool is_name(struct span text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._:-";
    for (size_t i = 0; i < text.len; i++) {
        if (!memchr(allowed, text.at[i], sizeof(allowed) - 1)) {
            return false;
        }
    }
    return true;
}

static bool is_choice(const char *choices, struct span text)
{
    struct span rest = span_of(choices);
    while (rest.len > 0) {
        if (span_equal(span_cut(rest, ' ', &rest), text)) {
            return true;
        }
    }
    return false;
}

static bool is_day(struct span text)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct span month_day;
    struct span day_text;
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    struct span year_text = span_cut(text, '-', &month_day);
    struct span month_text = span_cut(month_day, '-', &day_text);
    if (text.len != 10 || year_text.len != 4 || month_text.len != 2 ||
        !span_to_i64(year_text, &year) || !span_to_i64(month_text, &month) ||
        !span_to_i64(day_text, &day) || year < 1970 || month < 1 || month > 12) {
        return false;
    }
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day >= 1 && day <= lengths[month - 1] + (leap && month == 2 ? 1 : 0);
}

/* The space that some write instead of the T is left to them. */
static bool is_moment(struct span text, int64_t *out_ms)
{
    return text.len > 10 && text.at[10] != ' ' && clock_parse(text, out_ms);
}

static bool is_intent(struct span text)
{
    bool good = span_starts(text, "pi_") && text.len > 3;
    for (size_t i = 3; good && i < text.len; i++) {
        good = is_name((struct span){text.at + i, 1}) && !strchr(".:-", text.at[i]);
    }
    return good;
}

/* "+" is a space, as forms write it; false when a %XX is none, or not UTF-8 comes out. */
static bool decode_percent(struct span raw, struct arena *arena, struct span *out_text)
{
    char *at = arena_take(arena, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char byte = raw.at[i];
        if (byte == '%') {
            int high = i + 1 < raw.len ? http_hex_digit(raw.at[i + 1]) : -1;
            int low = i + 2 < raw.len ? http_hex_digit(raw.at[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            byte = (char)(high << 4 | low);
            i += 2;
        }
        at[len++] = (char)(byte == '+' && raw.at[i] == '+' ? ' ' : byte);
    }
    *out_text = (struct span){at, len};
    return span_is_utf8(*out_text);
}
