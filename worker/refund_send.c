/* SPDX-License-Identifier: MIT
 * The form of a refund, and what becomes of it. */
#include "worker/refund_send.h"

#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "worker/apply.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/listed.h"
#include "worker/retrieve.h"
#include "worker/send_once.h"

enum { MOST_PARAMS = 8, REASON_BYTES = 64 };

/* What the rows say, and what is made of it. */
struct giving {
    int64_t id;
    struct span job_id, intent, made; /* made: the refund's id, once it is known */
    struct span currency, id_text, amount_text;
    struct stripe_param form[MOST_PARAMS];
    size_t form_count;
};

static enum outcome read_giving(struct handling *handling,
                                int64_t refund_id,
                                struct giving *giving,
                                struct fault *fault);
static void fill_form(struct handling *handling,
                      const struct sql_rows *rows,
                      struct giving *giving);
static void add(struct giving *giving, const char *name, struct span value);
static enum outcome send_giving(struct handling *handling,
                                const struct giving *giving,
                                struct stripe_answer *answer,
                                struct fault *fault);
static enum outcome find(struct handling *handling,
                         const void *context,
                         struct cJSON **out_object,
                         struct fault *fault);
static enum outcome keep_refusal(struct handling *handling,
                                 const struct giving *giving,
                                 const struct stripe_answer *answer,
                                 struct fault *fault);

enum outcome refund_send(struct handling *handling,
                         int64_t refund_id,
                         struct stripe_answer *out_answer,
                         struct handled *out_handled,
                         struct fault *fault)
{
    struct giving giving = {.id = refund_id};
    struct stripe_answer answer = {0};
    enum outcome outcome = read_giving(handling, refund_id, &giving, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    /* An event, or an earlier attempt, may have brought the row its refund. */
    outcome =
        giving.made.len > 0
            ? retrieve_object(handling, "/v1/refunds", giving.made, true, &answer, fault)
            : send_giving(handling, &giving, &answer, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = apply_refund(handling, answer.document, out_handled, fault);
        json_free(answer.document);
    }
    *out_answer = answer;
    out_answer->document = NULL;
    return outcome;
}

static enum outcome read_giving(struct handling *handling,
                                int64_t refund_id,
                                struct giving *giving,
                                struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT refunds.job_id, stripe_payment_intent_id, stripe_refund_id,"
                    " refunds.amount, refunds.currency, refunds.reason,"
                    " destination_account_id IS NOT NULL, application_fee > 0,"
                    " payment_intents.id FROM refunds"
                    " JOIN payment_intents ON payment_intents.id = refunds.payment_id"
                    " WHERE refunds.id = ?",
                    SQL_VALUES(SQL_I64(refund_id)),
                    handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count != 1 || sql_is_null(&rows, 0, 0) || sql_is_null(&rows, 0, 1)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "refund",
                         0,
                         "the row has no job, or no payment that Stripe knows");
    }
    giving->job_id = sql_text(&rows, 0, 0);
    giving->intent = sql_text(&rows, 0, 1);
    giving->made = sql_text(&rows, 0, 2);
    giving->amount_text =
        span_of(arena_format(handling->arena, "%lld", (long long)sql_i64(&rows, 0, 3)));
    giving->currency = sql_text(&rows, 0, 4);
    giving->id_text =
        span_of(arena_format(handling->arena, "%lld", (long long)refund_id));
    fill_form(handling, &rows, giving);
    return OUTCOME_DONE;
}

/* What was paid out to the amicale comes back from it, and the platform's fee with it. */
static void fill_form(struct handling *handling,
                      const struct sql_rows *rows,
                      struct giving *giving)
{
    struct arena *arena = handling->arena;
    add(giving, "payment_intent", giving->intent);
    add(giving, "amount", giving->amount_text);
    if (!sql_is_null(rows, 0, 5)) {
        add(giving, "reason", sql_text(rows, 0, 5));
    }
    if (sql_i64(rows, 0, 6) == 1) {
        add(giving, "reverse_transfer", SPAN("true"));
    }
    if (sql_i64(rows, 0, 7) == 1) {
        add(giving, "refund_application_fee", SPAN("true"));
    }
    add(giving, "metadata[refund_id]", giving->id_text);
    add(giving,
        "metadata[payment_id]",
        span_of(arena_format(arena, "%lld", (long long)sql_i64(rows, 0, 8))));
}

static void add(struct giving *giving, const char *name, struct span value)
{
    giving->form[giving->form_count++] = (struct stripe_param){name, value};
}

static enum outcome send_giving(struct handling *handling,
                                const struct giving *giving,
                                struct stripe_answer *answer,
                                struct fault *fault)
{
    const struct send send = {
        .select_marks =
            "SELECT " SEND_MOMENT("first_sent_at") ", send_step"
                                                   " FROM refunds WHERE id = ?",
        .update_marks = "UPDATE refunds SET first_sent_at = ?, send_step = ?"
                        " WHERE id = ? AND status = 'new' AND stripe_refund_id IS NULL",
        .row_id = giving->id,
        .job_id = giving->job_id,
        .path = "/v1/refunds",
        .form = giving->form,
        .form_count = giving->form_count,
        .live = true,
        .find = find,
        .find_context = giving,
    };
    enum outcome outcome = send_once(handling, &send, answer, fault);
    if (outcome == OUTCOME_NEVER && answer->status > 0) {
        outcome = keep_refusal(handling, giving, answer, fault);
    }
    return outcome;
}

static enum outcome find(struct handling *handling,
                         const void *context,
                         struct cJSON **out_object,
                         struct fault *fault)
{
    const struct giving *giving = context;
    const struct listed listed = {
        .path = "/v1/refunds",
        .query = {{"payment_intent", giving->intent}},
        .query_count = 1,
        .live = true,
    };
    const struct listed_mark marks[LISTED_MARKS] = {
        {"metadata.refund_id", giving->id_text},
        {"currency", giving->currency},
        {"amount", giving->amount_text},
    };
    return listed_find(handling, &listed, marks, out_object, fault);
}

/* Nothing was given back: when it is tried once more, it is with a new key. */
static enum outcome keep_refusal(struct handling *handling,
                                 const struct giving *giving,
                                 const struct stripe_answer *answer,
                                 struct fault *fault)
{
    struct fault refusal = *fault;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "UPDATE refunds SET status = 'failed', failure_reason = ?,"
                    " first_sent_at = NULL, send_step = send_step + 2 WHERE id = ?"
                    " AND status = 'new' AND stripe_refund_id IS NULL",
                    SQL_VALUES(sql_optional(event_cut(answer->error_code, REASON_BYTES)),
                               SQL_I64(giving->id)),
                    handling->arena,
                    NULL,
                    fault);
    if (outcome == OUTCOME_DONE) {
        *fault = refusal;
        outcome = OUTCOME_NEVER;
    }
    return outcome;
}
