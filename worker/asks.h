/* SPDX-License-Identifier: MIT
 *
 * asks - jobs that a caller of the front door asked for: what they all share, and the
 * table of them.
 *
 * Owns:    the rows of idempotency_keys; an answer there is sealed with the queue's ring
 *          under the context "idempotency|<user>|<key>"
 * Callers: handlers (the table's rows name handle_ask), handle_<kind>.c
 * Blocks:  as handlers do
 * Faults:  as handlers'; a refusal that the caller can understand is no fault but an
 *          answer, and the job is done
 *
 * handle_ask opens the payload, looks whether the asker still may (a user who was disabled
 * or moved meanwhile is told so), whether the answer is still wanted (ask.until_ms), and
 * whether the Idempotency-Key has its answer already; then it calls the kind's function,
 * and keeps the answer under the key. The function may run again after a crash or a LATER:
 * it must find what it did by the job's id (payment_intents.job_id, refunds.job_id ...)
 * and give the same answer, with the same follow-ups.
 *
 * What has begun is ended: once the job has its row, which counts against others (a
 * refund on its way lessens what is left), nobody's leave is asked any more.
 *
 * An answer that only says "not now" or "not you" (answer_is_passing) is not kept: the key
 * is free again.
 */
#ifndef WORKER_ASKS_H
#define WORKER_ASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/model/answer.h"
#include "common/model/ask.h"

struct cJSON;
struct handled;
struct handling;
struct stripe_answer;

/* One ask being worked on. */
struct asked {
    struct handling *handling;
    struct ask ask;
    const struct cJSON *body; /* of ask.body; json_integer(body, "amount", &n) ... */
};

typedef enum outcome (*ask_fn)(struct asked *asked,
                               struct answer *out_answer,
                               struct handled *out_handled, /* for follow-ups */
                               struct fault *fault);

struct ask_row {
    const char *kind;
    ask_fn run;
    const char *begun; /* a SELECT with the job's id as its value: a row when the job has
                          begun and must be ended, whoever asked. NULL: it never must */
};
extern const struct ask_row asks[];
extern const size_t asks_count;

/* A handle_fn. */
enum outcome handle_ask(struct handling *handling,
                        struct handled *out_handled,
                        struct fault *fault);

/* Whether things of this amicale are the asker's to touch: their own amicale's, or any
 * when their role has none. Whatever is not is refused as NOT_FOUND. */
bool asked_may_touch(const struct asked *asked, int64_t amicale_id);
/* What Stripe refused for good (a NEVER of stripe_get or stripe_post with an HTTP status)
 * as an answer: STRIPE_REFUSED with its code, message and request id in `about`. */
void answer_refused_by_stripe(struct answer *answer,
                              const struct stripe_answer *stripe,
                              struct arena *arena);

/* One function a kind, one file each: handle_<kind>.c. */
#define ASK_FUNCTION(name)                                                               \
    enum outcome name(struct asked *asked,                                               \
                      struct answer *out_answer,                                         \
                      struct handled *out_handled,                                       \
                      struct fault *fault)
ASK_FUNCTION(handle_session_login);
ASK_FUNCTION(handle_session_logout);
ASK_FUNCTION(handle_session_extend);
ASK_FUNCTION(handle_account_create);
ASK_FUNCTION(handle_account_refresh);
ASK_FUNCTION(handle_account_link);
ASK_FUNCTION(handle_location_create);
ASK_FUNCTION(handle_terminal_token);
ASK_FUNCTION(handle_reader_register);
ASK_FUNCTION(handle_reader_list);
ASK_FUNCTION(handle_payment_create);
ASK_FUNCTION(handle_payment_capture);
ASK_FUNCTION(handle_payment_cancel);
ASK_FUNCTION(handle_payment_refund);
ASK_FUNCTION(handle_payment_void);
#undef ASK_FUNCTION

#endif
