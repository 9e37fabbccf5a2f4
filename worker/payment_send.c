/* SPDX-License-Identifier: MIT
 * The form of a PaymentIntent, and what becomes of it. */
#include "worker/payment_send.h"

#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/calendar.h"
#include "worker/apply.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/listed.h"
#include "worker/send_once.h"
#include "worker/unsealed.h"

enum { METADATA_VALUE_BYTES = 500 }; /* Stripe counts characters: never more than bytes */
enum { MOST_PARAMS = 16, CLOCK_SKEW_S = 300 };
enum { ERROR_CODE_BYTES = 100, ERROR_MESSAGE_BYTES = 500 };

/* What the row says, and what is made of it. */
struct sale {
    int64_t id;
    struct span job_id;
    int64_t amount_minor;
    struct span currency;
    struct span capture_method;
    struct span destination;
    int64_t fee_minor;
    struct span local_id;
    int64_t pompier_id, amicale_id, sold_ms, written_ms;
    struct span pompier_name;
    struct span id_text;
    struct stripe_param form[MOST_PARAMS];
    size_t form_count;
};

static enum outcome read_sale(struct handling *handling,
                              int64_t payment_id,
                              struct sale *sale,
                              struct fault *fault);
static bool is_live(const struct handling *handling);
static void fill_form(struct handling *handling, struct sale *sale);
static void add(struct sale *sale, const char *name, struct span value);
static struct span number(struct handling *handling, int64_t value);
static enum outcome find(struct handling *handling,
                         const void *context,
                         struct cJSON **out_object,
                         struct fault *fault);
static enum outcome keep_refusal(struct handling *handling,
                                 const struct sale *sale,
                                 const struct stripe_answer *answer,
                                 struct fault *fault);

enum outcome payment_send(struct handling *handling,
                          int64_t payment_id,
                          struct stripe_answer *out_answer,
                          struct handled *out_handled,
                          struct fault *fault)
{
    struct sale sale = {.id = payment_id};
    struct stripe_answer answer = {0};
    enum outcome outcome = read_sale(handling, payment_id, &sale, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    fill_form(handling, &sale);
    /* A row that was canceled, or that an event brought its PaymentIntent, wants none. */
    const struct send send = {
        .select_marks =
            "SELECT " SEND_MOMENT("first_sent_at") ", send_step"
                                                   " FROM payment_intents WHERE id = ?",
        .update_marks = "UPDATE payment_intents SET first_sent_at = ?, send_step = ?"
                        " WHERE id = ? AND status = 'new'"
                        " AND stripe_payment_intent_id IS NULL",
        .row_id = payment_id,
        .job_id = sale.job_id,
        .path = "/v1/payment_intents",
        .form = sale.form,
        .form_count = sale.form_count,
        .live = is_live(handling),
        .find = find,
        .find_context = &sale,
    };
    outcome = send_once(handling, &send, &answer, fault);
    if (outcome == OUTCOME_NEVER && answer.status > 0) {
        outcome = keep_refusal(handling, &sale, &answer, fault);
        *out_answer = answer;
        return outcome;
    }
    if (outcome == OUTCOME_DONE) {
        outcome = apply_payment(handling, answer.document, out_handled, fault);
    }
    if (outcome == OUTCOME_DONE) {
        *out_answer = answer;
    } else {
        json_free(answer.document);
    }
    return outcome;
}

#define MOMENTS SEND_MOMENT("sold_at") ", " SEND_MOMENT("payment_intents.created_at")

static enum outcome read_sale(struct handling *handling,
                              int64_t payment_id,
                              struct sale *sale,
                              struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT job_id, amount, currency, capture_method,"
                    " destination_account_id, application_fee, local_id, pompier_id,"
                    " payment_intents.amicale_id, " MOMENTS ","
                    " encrypted_name FROM payment_intents"
                    " LEFT JOIN users ON users.id = pompier_id"
                    " WHERE payment_intents.id = ?",
                    SQL_VALUES(SQL_I64(payment_id)),
                    handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count != 1 || sql_is_null(&rows, 0, 0) || sql_is_null(&rows, 0, 4)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "payment",
                         0,
                         "the row has no job, or no account to pay to");
    }
    sale->job_id = sql_text(&rows, 0, 0);
    sale->amount_minor = sql_i64(&rows, 0, 1);
    sale->currency = sql_text(&rows, 0, 2);
    sale->capture_method = sql_text(&rows, 0, 3);
    sale->destination = sql_text(&rows, 0, 4);
    sale->fee_minor = sql_i64(&rows, 0, 5);
    sale->local_id = sql_text(&rows, 0, 6);
    sale->pompier_id = sql_i64(&rows, 0, 7);
    sale->amicale_id = sql_i64(&rows, 0, 8);
    sale->sold_ms = sql_i64(&rows, 0, 9);
    sale->written_ms = sql_i64(&rows, 0, 10);
    sale->id_text = number(handling, payment_id);
    return unsealed_text(handling,
                         &rows,
                         11,
                         SPAN("users.encrypted_name"),
                         &sale->pompier_name,
                         fault);
}

/* Whether somebody waits: what phones hand over later lets those go before. */
static bool is_live(const struct handling *handling)
{
    return handling->job->kind->lane == LANE_LIVE;
}

static void fill_form(struct handling *handling, struct sale *sale)
{
    int year = calendar_year(sale->sold_ms, handling->settings->books.calendar_year);
    struct span year_text = number(handling, year);
    add(sale, "amount", number(handling, sale->amount_minor));
    add(sale, "currency", sale->currency);
    add(sale, "payment_method_types[0]", SPAN("card_present"));
    add(sale, "capture_method", sale->capture_method);
    add(sale, "transfer_data[destination]", sale->destination);
    if (sale->fee_minor > 0) {
        add(sale, "application_fee_amount", number(handling, sale->fee_minor));
    }
    add(sale,
        "description",
        span_of(arena_format(handling->arena, "Calendrier des pompiers %d", year)));
    add(sale, "metadata[payment_id]", sale->id_text);
    if (sale->local_id.len > 0) {
        add(sale, "metadata[local_id]", sale->local_id);
    }
    add(sale, "metadata[pompier_id]", number(handling, sale->pompier_id));
    if (sale->pompier_name.len > 0) {
        add(sale,
            "metadata[pompier_name]",
            event_cut(sale->pompier_name, METADATA_VALUE_BYTES));
    }
    add(sale, "metadata[amicale_id]", number(handling, sale->amicale_id));
    add(sale, "metadata[calendrier_annee]", year_text);
}

static void add(struct sale *sale, const char *name, struct span value)
{
    sale->form[sale->form_count++] = (struct stripe_param){name, value};
}

static struct span number(struct handling *handling, int64_t value)
{
    return span_of(arena_format(handling->arena, "%lld", (long long)value));
}

/* What a lost call may have made: newer than our row, which its metadata names. sold_at
 * may be another clock's, and long past. */
static enum outcome find(struct handling *handling,
                         const void *context,
                         struct cJSON **out_object,
                         struct fault *fault)
{
    const struct sale *sale = context;
    const struct listed listed = {
        .path = "/v1/payment_intents",
        .query = {{"created[gte]",
                   number(handling, sale->written_ms / 1000 - CLOCK_SKEW_S)}},
        .query_count = 1,
        .live = is_live(handling),
    };
    const struct listed_mark marks[LISTED_MARKS] = {
        {"metadata.payment_id", sale->id_text},
        {"currency", sale->currency},
        {"amount", number(handling, sale->amount_minor)},
    };
    return listed_find(handling, &listed, marks, out_object, fault);
}

/* Nothing was made: when the sale is tried once more, it is with a new key. */
static enum outcome keep_refusal(struct handling *handling,
                                 const struct sale *sale,
                                 const struct stripe_answer *answer,
                                 struct fault *fault)
{
    struct fault refusal = *fault;
    struct sql_value values[] = {
        sql_optional(event_cut(answer->error_code, ERROR_CODE_BYTES)),
        sql_optional(event_cut(answer->decline_code, ERROR_CODE_BYTES)),
        sql_optional(event_cut(answer->error_message, ERROR_MESSAGE_BYTES)),
        SQL_I64(sale->id),
    };
    enum outcome outcome =
        mariadb_run(handling->db,
                    "UPDATE payment_intents SET status = 'failed', last_error_code = ?,"
                    " last_error_decline_code = ?, last_error_message = ?,"
                    " first_sent_at = NULL, send_step = send_step + 2"
                    " WHERE id = ? AND status = 'new'"
                    " AND stripe_payment_intent_id IS NULL",
                    values,
                    sizeof(values) / sizeof(values[0]),
                    handling->arena,
                    NULL,
                    fault);
    if (outcome == OUTCOME_DONE) {
        *fault = refusal;
        outcome = OUTCOME_NEVER;
    }
    return outcome;
}
