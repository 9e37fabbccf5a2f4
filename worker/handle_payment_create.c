/* SPDX-License-Identifier: MIT
 * payment.create: a sale by card. Its row first, then its PaymentIntent, whose secret the
 * phone's SDK collects the card with.
 *
 * A sale is known by its job, and by the pompier's local_id when the phone gave one: the
 * same sale asked for again, from whichever request, is the same row and PaymentIntent. */
#include "common/base/json.h"
#include "common/base/clock.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "common/model/money.h"
#include "worker/apply.h"
#include "worker/asks.h"
#include "worker/handlers.h"
#include "worker/payment_account.h"
#include "worker/payment_ask.h"
#include "worker/payment_send.h"

enum { ABOUT_BYTES = 512 };

/* What is asked for. */
struct wish {
    int64_t amount_minor, amicale_id;
    struct span local_id, receipt_email, capture_method;
};

/* The sale's row. */
struct known {
    int64_t id; /* 0: none */
    bool own; /* this job wrote it */
    int64_t amount_minor, amicale_id;
    struct span intent, status, method, capture_method;
};

static bool read_wish(struct asked *asked, struct wish *wish, struct answer *answer);
static enum outcome find_known(struct asked *asked,
                               const struct wish *wish,
                               struct known *known,
                               struct fault *fault);
static enum outcome select_known(struct asked *asked,
                                 const struct wish *wish,
                                 struct sql_rows *rows,
                                 struct fault *fault);
static bool is_same_sale(struct asked *asked,
                         const struct wish *wish,
                         const struct known *known,
                         struct answer *answer);
static enum outcome prepare(struct asked *asked,
                            const struct wish *wish,
                            struct known *known,
                            struct answer *answer,
                            struct fault *fault);
static enum outcome write_row(struct asked *asked,
                              const struct wish *wish,
                              struct span account,
                              struct known *known,
                              struct fault *fault);
static enum outcome revive_row(struct asked *asked,
                               const struct wish *wish,
                               int64_t payment_id,
                               struct span account,
                               struct fault *fault);
static int64_t fee_of(const struct asked *asked, const struct wish *wish);
static struct sql_value sealed_email(struct asked *asked, const struct wish *wish);
static enum outcome send_sale(struct asked *asked,
                              const struct wish *wish,
                              const struct known *known,
                              struct answer *answer,
                              struct handled *handled,
                              struct fault *fault);
static enum outcome refuse(struct asked *asked,
                           const struct wish *wish,
                           const struct stripe_answer *stripe,
                           struct answer *answer,
                           struct fault *fault);
static enum outcome show_again(struct asked *asked,
                               const struct known *known,
                               struct answer *answer,
                               struct handled *handled,
                               struct fault *fault);

enum outcome handle_payment_create(struct asked *asked,
                                   struct answer *out_answer,
                                   struct handled *out_handled,
                                   struct fault *fault)
{
    struct wish wish;
    struct known known = {0};
    if (!read_wish(asked, &wish, out_answer)) {
        return OUTCOME_DONE;
    }
    enum outcome outcome = find_known(asked, &wish, &known, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (known.id != 0 && !is_same_sale(asked, &wish, &known, out_answer)) {
        return OUTCOME_DONE;
    }
    if (known.intent.len > 0) {
        return show_again(asked, &known, out_answer, out_handled, fault);
    }
    if (known.id == 0 || span_is(known.status, "failed")) {
        outcome = prepare(asked, &wish, &known, out_answer, fault);
        if (outcome != OUTCOME_DONE || known.id == 0) {
            return outcome;
        }
    }
    if (!span_is(known.status, "new")) {
        payment_ask_wrong_state(asked, out_answer, known.status, SPAN("card"));
        return OUTCOME_DONE;
    }
    return send_sale(asked, &wish, &known, out_answer, out_handled, fault);
}

/* The front door has checked the fields; what it cannot know is whose the amicale is. */
static bool read_wish(struct asked *asked, struct wish *wish, struct answer *answer)
{
    *wish = (struct wish){
        .local_id = json_string(asked->body, "local_id"),
        .receipt_email = json_string(asked->body, "receipt_email"),
        .capture_method = json_string(asked->body, "capture_method"),
    };
    if (wish->capture_method.len == 0) {
        wish->capture_method = SPAN("automatic");
    }
    if (!json_integer(asked->body, "amicale_id", &wish->amicale_id) ||
        !asked_may_touch(asked, wish->amicale_id)) {
        answer_refuse(answer, PROBLEM_NOT_FOUND, SPAN(""));
        return false;
    }
    if (!json_integer(asked->body, "amount", &wish->amount_minor) ||
        !money_is_sale(wish->amount_minor)) {
        answer_refuse_field(answer,
                            SPAN("amount"),
                            wish->amount_minor < MONEY_LEAST_MINOR ? FIELD_TOO_SMALL
                                                                   : FIELD_TOO_LARGE);
        return false;
    }
    return true;
}

static enum outcome find_known(struct asked *asked,
                               const struct wish *wish,
                               struct known *known,
                               struct fault *fault)
{
    struct sql_rows rows;
    *known = (struct known){0};
    enum outcome outcome = select_known(asked, wish, &rows, fault);
    if (outcome != OUTCOME_DONE || rows.count == 0) {
        return outcome;
    }
    *known = (struct known){
        .id = sql_i64(&rows, 0, 0),
        .own = sql_i64(&rows, 0, 1) == 1,
        .amount_minor = sql_i64(&rows, 0, 2),
        .amicale_id = sql_i64(&rows, 0, 3),
        .intent = sql_text(&rows, 0, 4),
        .status = sql_text(&rows, 0, 5),
        .method = sql_text(&rows, 0, 6),
        .capture_method = sql_text(&rows, 0, 7),
    };
    return OUTCOME_DONE;
}

/* By the job first: it may have written a row without a local_id. */
static enum outcome select_known(struct asked *asked,
                                 const struct wish *wish,
                                 struct sql_rows *rows,
                                 struct fault *fault)
{
    struct handling *handling = asked->handling;
#define KNOWN(own)                                                                       \
    "SELECT id, " own " AS own, amount, amicale_id, stripe_payment_intent_id, status,"   \
    " payment_method, capture_method FROM payment_intents WHERE "
    return mariadb_run(handling->db,
                       KNOWN("1") "job_id = ? UNION ALL " KNOWN("0") //
                       "pompier_id = ? AND local_id = ? ORDER BY own DESC LIMIT 1",
                       SQL_VALUES(SQL_SPAN(handling->job->id),
                                  SQL_I64(asked->ask.user_id),
                                  sql_optional(wish->local_id)),
                       handling->arena,
                       rows,
                       fault);
#undef KNOWN
}

/* A key that comes again after its answer was forgotten finds its job's row: with another
 * wish it is a key used twice. */
static bool is_same_sale(struct asked *asked,
                         const struct wish *wish,
                         const struct known *known,
                         struct answer *answer)
{
    if (known->amount_minor == wish->amount_minor &&
        known->amicale_id == wish->amicale_id && span_is(known->method, "card") &&
        span_equal(known->capture_method, wish->capture_method)) {
        return true;
    }
    if (known->own) {
        answer_refuse(answer, PROBLEM_IDEMPOTENCY_MISMATCH, SPAN(""));
        return false;
    }
    struct text about;
    text_init(&about, ABOUT_BYTES);
    struct json_writer json = json_writer(&about);
    json_open(&json, NULL, '{');
    json_put_integer(&json, "payment_id", known->id);
    json_put_integer(&json, "amount", known->amount_minor);
    json_put_string(&json, "payment_method", known->method);
    json_put_string(&json, "capture_method", known->capture_method);
    json_close(&json, '}');
    answer_refuse(answer,
                  PROBLEM_LOCAL_ID_CONFLICT,
                  arena_span(asked->handling->arena, text_span(&about)));
    text_done(&about);
    return false;
}

/* The row of a sale that may be sent: a new one, or one that Stripe refused before.
 * known->id stays 0 when the answer says why not. */
static enum outcome prepare(struct asked *asked,
                            const struct wish *wish,
                            struct known *known,
                            struct answer *answer,
                            struct fault *fault)
{
    struct span account = SPAN("");
    int64_t known_id = known->id;
    known->id = 0;
    enum outcome outcome =
        payment_account_find(asked, wish->amicale_id, false, &account, answer, fault);
    if (outcome != OUTCOME_DONE || account.len == 0) {
        return outcome;
    }
    outcome = known_id == 0 ? write_row(asked, wish, account, known, fault)
                            : revive_row(asked, wish, known_id, account, fault);
    if (outcome == OUTCOME_DONE && known->id == 0) {
        outcome = find_known(asked, wish, known, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (known->id == 0 || known->intent.len > 0) {
        return fault_set(fault, OUTCOME_LATER, "payment", 0, "another was faster");
    }
    if (!is_same_sale(asked, wish, known, answer)) {
        known->id = 0; /* another one took the local_id between the two looks */
    }
    return OUTCOME_DONE;
}

/* known->id stays 0 when the job or the local_id has a row already. */
static enum outcome write_row(struct asked *asked,
                              const struct wish *wish,
                              struct span account,
                              struct known *known,
                              struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct arena *arena = handling->arena;
    struct sql_rows rows;
    char day[11];
    const struct sql_value values[] = {
        SQL_I64(wish->amicale_id),
        SQL_I64(asked->ask.user_id),
        SQL_I64(wish->amount_minor),
        SQL_I64(fee_of(asked, wish)),
        sql_optional(wish->local_id),
        SQL_SPAN(wish->capture_method),
        SQL_SPAN(account),
        sealed_email(asked, wish),
        SQL_I64(handling->settings->stripe.livemode),
        sql_moment(arena, asked->ask.at_ms),
        SQL_STRING(clock_paris_day(asked->ask.at_ms, day)),
        SQL_SPAN(handling->job->id),
    };
    enum outcome outcome =
        mariadb_run(handling->db,
                    "INSERT INTO payment_intents (amicale_id, pompier_id, amount,"
                    " status, application_fee, payment_method, local_id,"
                    " capture_method, destination_account_id,"
                    " receipt_email_encrypted, livemode, sold_at, sale_day, job_id)"
                    " VALUES (?, ?, ?, 'new', ?, 'card', ?, ?, ?, ?, ?, ?, ?, ?)"
                    " ON DUPLICATE KEY UPDATE status = status",
                    values,
                    sizeof(values) / sizeof(values[0]),
                    arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE && rows.affected == 1) {
        *known = (struct known){
            .id = rows.insert_id,
            .own = true,
            .amount_minor = wish->amount_minor,
            .amicale_id = wish->amicale_id,
            .status = SPAN("new"),
            .method = SPAN("card"),
            .capture_method = wish->capture_method,
        };
    }
    return outcome;
}

static enum outcome revive_row(struct asked *asked,
                               const struct wish *wish,
                               int64_t payment_id,
                               struct span account,
                               struct fault *fault)
{
    return mariadb_run(
        asked->handling->db,
        "UPDATE payment_intents SET status = 'new',"
        " destination_account_id = ?, application_fee = ?,"
        " last_error_code = NULL, last_error_decline_code = NULL,"
        " last_error_message = NULL WHERE id = ? AND status = 'failed'"
        " AND stripe_payment_intent_id IS NULL",
        SQL_VALUES(SQL_SPAN(account), SQL_I64(fee_of(asked, wish)), SQL_I64(payment_id)),
        asked->handling->arena,
        NULL,
        fault);
}

static int64_t fee_of(const struct asked *asked, const struct wish *wish)
{
    const struct settings *settings = asked->handling->settings;
    return money_fee_minor(wish->amount_minor,
                           settings->books.fee_percent_bp,
                           settings->books.fee_minimum_minor);
}

static struct sql_value sealed_email(struct asked *asked, const struct wish *wish)
{
    if (wish->receipt_email.len == 0) {
        return SQL_NOTHING;
    }
    return SQL_SPAN(seal_seal(asked->handling->pii,
                              SPAN("payment_intents.receipt_email_encrypted"),
                              wish->receipt_email,
                              asked->handling->arena));
}

static enum outcome send_sale(struct asked *asked,
                              const struct wish *wish,
                              const struct known *known,
                              struct answer *answer,
                              struct handled *handled,
                              struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct stripe_answer stripe = {0};
    enum outcome outcome = payment_send(handling, known->id, &stripe, handled, fault);
    if (outcome == OUTCOME_NEVER && stripe.status > 0) {
        return refuse(asked, wish, &stripe, answer, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct span secret = json_string(stripe.document, "client_secret");
    outcome = payment_ask_show_secret(asked, known->id, secret, answer, fault);
    json_free(stripe.document);
    return outcome;
}

/* What Stripe has against the account is told as ours, once it was looked at: the row
 * may be older than what happened to it. */
static enum outcome refuse(struct asked *asked,
                           const struct wish *wish,
                           const struct stripe_answer *stripe,
                           struct answer *answer,
                           struct fault *fault)
{
    struct span account = SPAN("");
    bool of_account =
        span_is(stripe->error_param, "transfer_data[destination]") ||
        span_is(stripe->error_code, "insufficient_capabilities_for_transfer") ||
        span_is(stripe->error_code, "account_invalid");
    if (of_account) {
        enum outcome outcome =
            payment_account_find(asked, wish->amicale_id, true, &account, answer, fault);
        if (outcome != OUTCOME_DONE || account.len == 0) {
            return outcome;
        }
    }
    answer_refused_by_stripe(answer, stripe, asked->handling->arena);
    return OUTCOME_DONE;
}

/* The sale has its PaymentIntent; only Stripe has its secret. */
static enum outcome show_again(struct asked *asked,
                               const struct known *known,
                               struct answer *answer,
                               struct handled *handled,
                               struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct cJSON *intent = NULL;
    enum outcome outcome =
        payment_ask_retrieve(asked, known->intent, &intent, answer, fault);
    if (outcome != OUTCOME_DONE || !intent) {
        return outcome;
    }
    outcome = apply_payment(handling, intent, handled, fault);
    if (outcome == OUTCOME_DONE) {
        struct span secret = json_string(intent, "client_secret");
        outcome = payment_ask_show_secret(asked, known->id, secret, answer, fault);
    }
    json_free(intent);
    return outcome;
}
