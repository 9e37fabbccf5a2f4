/* SPDX-License-Identifier: MIT
 * Which phones take cards by themselves. */
#include "common/model/device.h"

#include <string.h>
#include <strings.h>

enum { MOST_DIGITS = 6 };

static enum device_verdict judge_iphone(struct span name);
static enum device_verdict judge_generation(int64_t generation);
static enum device_verdict judge_sold_as(struct span name);
static bool is_certified(const struct device *device,
                         const struct device_certified *certified);
static bool is_either(struct span given, const struct device_certified *certified);
static bool take_number(struct span *rest, int64_t *out_number);
static bool same(struct span a, struct span b);
static bool begins(struct span span, const char *prefix);

/* --- versions ---------------------------------------------------------------------- */

bool device_read_version(struct span text, struct device_version *out_version)
{
    struct device_version version = {.parts = {0}};
    struct span rest = span_trim(text);
    for (size_t i = 0; i < DEVICE_VERSION_PARTS; i++) {
        if (!take_number(&rest, &version.parts[i])) {
            return false;
        }
        if (rest.len == 0) {
            *out_version = version;
            return true;
        }
        if (rest.at[0] != '.') {
            return false;
        }
        rest = (struct span){rest.at + 1, rest.len - 1};
    }
    return false;
}

int device_compare_versions(const struct device_version *a,
                            const struct device_version *b)
{
    for (size_t i = 0; i < DEVICE_VERSION_PARTS; i++) {
        if (a->parts[i] != b->parts[i]) {
            return a->parts[i] < b->parts[i] ? -1 : 1;
        }
    }
    return 0;
}

/* --- iOS --------------------------------------------------------------------------- */

enum device_verdict device_check_ios(const struct device *device,
                                     const struct device_version *least)
{
    enum device_verdict verdict = judge_iphone(span_trim(device->identifier));
    if (verdict == DEVICE_UNKNOWN) {
        verdict = judge_iphone(span_trim(device->model));
    }
    if (verdict == DEVICE_SUPPORTED &&
        device_compare_versions(&device->system, least) < 0) {
        verdict = DEVICE_SYSTEM_TOO_OLD;
    }
    return verdict;
}

static enum device_verdict judge_iphone(struct span name)
{
    static const char *const others[] =
        {"iPad", "iPod", "Watch", "AppleTV", "AudioAccessory", "RealityDevice", "Mac"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (begins(name, others[i])) {
            return DEVICE_NO_PHONE;
        }
    }
    if (!begins(name, "iPhone")) {
        return DEVICE_UNKNOWN;
    }
    struct span rest = {name.at + strlen("iPhone"), name.len - strlen("iPhone")};
    if (rest.len > 0 && rest.at[0] == ' ') {
        return judge_sold_as(span_trim(rest));
    }
    int64_t generation = 0;
    int64_t variant = 0;
    if (!take_number(&rest, &generation) || rest.len == 0 || rest.at[0] != ',') {
        return DEVICE_UNKNOWN;
    }
    rest = (struct span){rest.at + 1, rest.len - 1};
    return take_number(&rest, &variant) && rest.len == 0 ? judge_generation(generation)
                                                         : DEVICE_UNKNOWN;
}

static enum device_verdict judge_generation(int64_t generation)
{
    return generation >= DEVICE_LEAST_IPHONE ? DEVICE_SUPPORTED : DEVICE_TOO_OLD;
}

/* The number that a phone is sold under is one behind its generation (iPhone 11 is
 * iPhone12,1), and so far there is none between 8 and 11 but for X: from 11 on all can.
 * A letter may follow the number ("6s", "16e"). */
static enum device_verdict judge_sold_as(struct span name)
{
    struct span rest;
    int64_t number = 0;
    struct span first = span_cut(name, ' ', &rest);
    if (same(first, SPAN("XS")) || same(first, SPAN("XR"))) {
        return DEVICE_SUPPORTED;
    }
    if (same(first, SPAN("X")) && rest.len == 0) {
        return DEVICE_TOO_OLD;
    }
    if (!take_number(&first, &number) || first.len > 1 ||
        (first.len == 1 && strchr("sceSCE", first.at[0]) == NULL)) {
        return DEVICE_UNKNOWN;
    }
    return number >= DEVICE_LEAST_IPHONE ? DEVICE_SUPPORTED : DEVICE_TOO_OLD;
}

/* --- Android ----------------------------------------------------------------------- */

/* Several rows may fit a model that is sold in variants: one that fits is enough. */
enum device_verdict device_check_android(const struct device *device,
                                         const struct device_certified *certified,
                                         size_t count,
                                         int64_t *out_least_android)
{
    bool found = false;
    int64_t least = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_certified(device, &certified[i]) &&
            (!found || certified[i].least_android < least)) {
            found = true;
            least = certified[i].least_android;
        }
    }
    if (!found) {
        return DEVICE_NOT_CERTIFIED;
    }
    if (device->system.parts[0] < least) {
        *out_least_android = least;
        return DEVICE_SYSTEM_TOO_OLD;
    }
    return DEVICE_SUPPORTED;
}

static bool is_certified(const struct device *device,
                         const struct device_certified *certified)
{
    return same(span_trim(device->manufacturer), certified->manufacturer) &&
           (is_either(span_trim(device->model), certified) ||
            is_either(span_trim(device->identifier), certified));
}

static bool is_either(struct span given, const struct device_certified *certified)
{
    return given.len > 0 &&
           (same(given, certified->model) || same(given, certified->identifier));
}

/* --- pieces ------------------------------------------------------------------------ */

/* The digits at the front. False when there are none, or more than any number here has. */
static bool take_number(struct span *rest, int64_t *out_number)
{
    size_t digits = 0;
    int64_t number = 0;
    while (digits < rest->len && rest->at[digits] >= '0' && rest->at[digits] <= '9' &&
           digits <= MOST_DIGITS) {
        number = number * 10 + (rest->at[digits] - '0');
        digits++;
    }
    if (digits == 0 || digits > MOST_DIGITS) {
        return false;
    }
    *rest = (struct span){rest->at + digits, rest->len - digits};
    *out_number = number;
    return true;
}

static bool same(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

static bool begins(struct span span, const char *prefix)
{
    size_t len = strlen(prefix);
    return span.len >= len && strncasecmp(span.at, prefix, len) == 0;
}
