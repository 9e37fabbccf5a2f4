/* SPDX-License-Identifier: MIT
 *
 * signature - whether a webhook's Stripe-Signature header fits its body.
 *
 * Owns:    nothing; pure
 * Callers: the front door (webhook), tests
 * Blocks:  never
 * Units:   seconds of wall time
 *
 *   Stripe-Signature: t=1732269900,v1=5257a8...,v1=...,v0=...
 *
 * v1 is the lowercase hex HMAC-SHA256 over "<t>.<raw body>" with the whole "whsec_..."
 * text as key (docs.stripe.com/webhooks#verify-manually). Any v1 may fit any secret; v0
 * and schemes that are not known are passed over. Values are compared in constant time.
 */
#ifndef COMMON_MODEL_SIGNATURE_H
#define COMMON_MODEL_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

enum signature_verdict {
    SIGNATURE_GOOD,
    SIGNATURE_MISSING, /* the header is empty */
    SIGNATURE_MALFORMED, /* no t, two t, no v1, or a part that is not key=value */
    SIGNATURE_OLD, /* t is more than the tolerance before now */
    SIGNATURE_FUTURE, /* t is more than the tolerance after now */
    SIGNATURE_WRONG, /* no v1 fits any secret */
};
enum { SIGNATURE_VERDICTS = SIGNATURE_WRONG + 1, SIGNATURE_MOST_V1 = 8 };

/* out_which: which of the secrets it was; written on SIGNATURE_GOOD only. */
enum signature_verdict signature_check(struct span header,
                                       struct span body,
                                       const struct span *secrets,
                                       size_t secret_count,
                                       int64_t now_s,
                                       int64_t tolerance_s,
                                       size_t *out_which);
/* "good", "missing", "malformed", "old", "future", "wrong": for counters and logs. */
const char *signature_verdict_name(enum signature_verdict verdict);

#endif
