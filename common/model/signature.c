/* SPDX-License-Identifier: MIT
 * Checks Stripe-Signature headers. */
#include "common/model/signature.h"

#include <assert.h>
#include <stdbool.h>

#include "common/base/digest.h"

enum { TIME_DIGITS = 12 };

struct header {
    struct span time; /* as it was written: it is part of what is signed */
    int64_t time_s;
    struct digest v1[SIGNATURE_MOST_V1];
    size_t v1_count;
};

static bool read_header(struct span text, struct header *out_header);
static bool read_time(struct span value, struct header *header);
static bool fits(const struct header *header, struct span body, struct span secret);

static const char *const verdict_names[SIGNATURE_VERDICTS] = {
    [SIGNATURE_GOOD] = "good",
    [SIGNATURE_MISSING] = "missing",
    [SIGNATURE_MALFORMED] = "malformed",
    [SIGNATURE_OLD] = "old",
    [SIGNATURE_FUTURE] = "future",
    [SIGNATURE_WRONG] = "wrong",
};

enum signature_verdict signature_check(struct span header_text,
                                       struct span body,
                                       const struct span *secrets,
                                       size_t secret_count,
                                       int64_t now_s,
                                       int64_t tolerance_s,
                                       size_t *out_which)
{
    struct header header = {.v1_count = 0};
    if (header_text.len == 0) {
        return SIGNATURE_MISSING;
    }
    if (!read_header(header_text, &header)) {
        return SIGNATURE_MALFORMED;
    }
    /* The time goes first: it costs nothing, and it tells nothing that is secret. */
    if (header.time_s < now_s - tolerance_s) {
        return SIGNATURE_OLD;
    }
    if (header.time_s > now_s + tolerance_s) {
        return SIGNATURE_FUTURE;
    }
    for (size_t i = 0; i < secret_count; i++) {
        if (fits(&header, body, secrets[i])) {
            *out_which = i;
            return SIGNATURE_GOOD;
        }
    }
    return SIGNATURE_WRONG;
}

const char *signature_verdict_name(enum signature_verdict verdict)
{
    assert((int)verdict >= 0 && (int)verdict < SIGNATURE_VERDICTS);
    return verdict_names[verdict];
}

/* A v1 that is no lowercase hex of 32 bytes fits nothing, so it is passed over like an
 * unknown scheme; the header is malformed only when no v1 stands in it at all. */
static bool read_header(struct span text, struct header *out_header)
{
    bool has_v1 = false;
    while (text.len > 0) {
        struct span value;
        struct span key = span_cut(span_cut(text, ',', &text), '=', &value);
        if (span_is(key, "t")) {
            if (!read_time(value, out_header)) {
                return false;
            }
        } else if (span_is(key, "v1")) {
            has_v1 = true;
            if (out_header->v1_count < SIGNATURE_MOST_V1 &&
                digest_from_hex(value, &out_header->v1[out_header->v1_count])) {
                out_header->v1_count++;
            }
        } else if (value.len == 0) {
            return false;
        }
    }
    return has_v1 && out_header->time.len > 0;
}

static bool read_time(struct span value, struct header *header)
{
    if (header->time.len > 0 || value.len == 0 || value.len > TIME_DIGITS ||
        value.at[0] == '-' || !span_to_i64(value, &header->time_s)) {
        return false;
    }
    header->time = value;
    return true;
}

static bool fits(const struct header *header, struct span body, struct span secret)
{
    struct digest expected;
    bool found = false;
    if (header->v1_count == 0) {
        return false;
    }
    digest_hmac(secret,
                (const struct span[]){header->time, SPAN("."), body},
                3,
                &expected);
    for (size_t i = 0; i < header->v1_count; i++) {
        found |= digest_equal(&header->v1[i], &expected);
    }
    return found;
}
