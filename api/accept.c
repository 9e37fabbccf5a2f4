/* SPDX-License-Identifier: MIT
 * Reads lists of wishes and weighs them. */
#include "api/accept.h"

enum { MOST = 1000, NOT_NAMED = -1 };

static bool next_wish(struct span *list, struct span *out_range, int *out_weight);
static int weight_of(struct span parameters);
static int thousandths(struct span value);
static void heed(int *weight, int to);

/* The larger of the two weights wins (RFC 9110, section 12.5.4); at a tie, which is also
 * when neither is named, it is French. */
bool accept_prefers_english(struct span accept_language)
{
    int french = NOT_NAMED;
    int english = NOT_NAMED;
    int other = NOT_NAMED;
    struct span range;
    int weight;
    while (next_wish(&accept_language, &range, &weight)) {
        struct span primary = span_cut(range, '-', &(struct span){NULL, 0});
        if (span_is_any_case(primary, "fr")) {
            heed(&french, weight);
        } else if (span_is_any_case(primary, "en")) {
            heed(&english, weight);
        } else if (span_is_any_case(range, "*")) {
            heed(&other, weight);
        }
    }
    french = french == NOT_NAMED ? other : french;
    english = english == NOT_NAMED ? other : english;
    return english > 0 && english > french;
}

/* It must be named: who takes anything gets what is simplest. */
bool accept_prefers_stream(struct span accept)
{
    int stream = NOT_NAMED;
    int json = NOT_NAMED;
    struct span range;
    int weight;
    while (next_wish(&accept, &range, &weight)) {
        if (span_is_any_case(range, "text/event-stream")) {
            heed(&stream, weight);
        } else if (span_is_any_case(range, "application/json")) {
            heed(&json, weight);
        }
    }
    return stream > 0 && stream >= json;
}

static bool next_wish(struct span *list, struct span *out_range, int *out_weight)
{
    if (list->len == 0) {
        return false;
    }
    struct span parameters;
    struct span wish = span_cut(*list, ',', list);
    *out_range = span_trim(span_cut(wish, ';', &parameters));
    *out_weight = weight_of(parameters);
    return true;
}

/* In thousandths; of "charset=utf-8;q=0.8" it is 800. */
static int weight_of(struct span parameters)
{
    while (parameters.len > 0) {
        struct span value;
        struct span name = span_cut(span_cut(parameters, ';', &parameters), '=', &value);
        if (span_is_any_case(span_trim(name), "q")) {
            return thousandths(span_trim(value));
        }
    }
    return MOST;
}

static int thousandths(struct span value)
{
    if (value.len == 0 || value.len > sizeof("0.123") - 1 ||
        (value.at[0] != '0' && value.at[0] != '1') ||
        (value.len > 1 && value.at[1] != '.')) {
        return 0;
    }
    int sum = (value.at[0] - '0') * MOST;
    int worth = MOST / 10;
    for (size_t i = 2; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') {
            return 0;
        }
        sum += worth * (value.at[i] - '0');
        worth /= 10;
    }
    return sum < MOST ? sum : MOST;
}

static void heed(int *weight, int to)
{
    *weight = to > *weight ? to : *weight;
}
