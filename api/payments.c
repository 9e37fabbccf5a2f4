/* SPDX-License-Identifier: MIT
 * Fields of payments, checked and put into jobs. */
#include "api/payments.h"

#include <inttypes.h>
#include <string.h>

#include "api/asking.h"
#include "api/fields.h"
#include "api/problem.h"
#include "api/request.h"
#include "api/session.h"
#include "common/base/json.h"
#include "common/model/money.h"
#include "common/model/pii.h"

enum {
    NAME_BYTES = 255, /* of a PaymentIntent */
    LOCAL_ID_BYTES = 64,
    REASON_BYTES = 500,
    BODY_BYTES = 8 * 1024,
    AMICALE_MOST = 1 << 30,
    AMOUNT_MOST_MINOR = 99999999, /* Stripe's; what is left is the job's to say */
};

static void ask_about(struct request *request,
                      const char *kind,
                      const struct field_rule *rules,
                      size_t count);
static bool is_payment(struct span name);
static struct span write_body(struct request *request,
                              struct span payment,
                              const struct field_rule *rules,
                              const struct field_value *values,
                              size_t count);

void payments_create(struct request *request)
{
    enum { AMOUNT, AMICALE, LOCAL_ID, EMAIL, CAPTURE, COUNT };
    static const struct field_rule rules[COUNT] = {
        [AMOUNT] =
            {"amount", FIELD_IS_INTEGER, true, MONEY_LEAST_MINOR, MONEY_MOST_MINOR, NULL},
        [AMICALE] = {"amicale_id", FIELD_IS_INTEGER, true, 1, AMICALE_MOST, NULL},
        [LOCAL_ID] = {"local_id", FIELD_IS_NAME, false, 1, LOCAL_ID_BYTES, NULL},
        [EMAIL] = {"receipt_email", FIELD_IS_EMAIL, false, 1, PII_ADDRESS_BYTES, NULL},
        [CAPTURE] = {"capture_method", FIELD_IS_CHOICE, false, 0, 0, "automatic manual"},
    };
    struct field_value values[COUNT];
    if (!fields_read(request, rules, COUNT, values)) {
        return;
    }
    if (!session_may_see(request->session, values[AMICALE].integer)) {
        request_problem(request, PROBLEM_NOT_FOUND);
        return;
    }
    const struct asking asking = {
        .kind = "payment.create",
        .body = write_body(request, SPAN(""), rules, values, COUNT),
        .refs = {values[LOCAL_ID].text},
        .ref_count = 1,
        .limit = LIMIT_INTENTS,
    };
    ask(request, &asking);
}

void payments_capture(struct request *request)
{
    static const struct field_rule rules[] = {
        {"amount", FIELD_IS_INTEGER, false, MONEY_LEAST_MINOR, AMOUNT_MOST_MINOR, NULL},
    };
    ask_about(request, "payment.capture", rules, 1);
}

void payments_cancel(struct request *request)
{
    static const struct field_rule rules[] = {
        {"reason",
         FIELD_IS_CHOICE,
         false,
         0,
         0,
         "duplicate fraudulent requested_by_customer abandoned"},
    };
    ask_about(request, "payment.cancel", rules, 1);
}

void payments_refund(struct request *request)
{
    static const struct field_rule rules[] = {
        {"amount", FIELD_IS_INTEGER, false, MONEY_LEAST_MINOR, AMOUNT_MOST_MINOR, NULL},
        {"reason",
         FIELD_IS_CHOICE,
         false,
         0,
         0,
         "duplicate fraudulent requested_by_customer"},
    };
    ask_about(request, "payment.refund", rules, 2);
}

void payments_void(struct request *request)
{
    static const struct field_rule rules[] = {
        {"reason", FIELD_IS_WORDS, true, 1, REASON_BYTES, NULL},
    };
    ask_about(request, "payment.void", rules, 1);
}

static void ask_about(struct request *request,
                      const char *kind,
                      const struct field_rule *rules,
                      size_t count)
{
    struct field_value values[FIELDS_MOST];
    struct span payment = arena_span(&request->arena, request->params[0]);
    if (!is_payment(payment)) {
        request_problem(request, PROBLEM_NOT_FOUND);
        return;
    }
    if (!fields_read(request, rules, count, values)) {
        return;
    }
    bool stripes = span_starts(payment, "pi_");
    const struct asking asking = {
        .kind = kind,
        .body = write_body(request, payment, rules, values, count),
        .refs = {stripes ? payment : SPAN("")},
        .ref_count = 1,
    };
    ask(request, &asking);
}

/* pi_ and letters and digits, or a decimal number. Nothing else names a payment. */
static bool is_payment(struct span name)
{
    int64_t id = 0;
    if (span_to_i64(name, &id)) {
        return id > 0;
    }
    if (!span_starts(name, "pi_") || name.len > NAME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.at[i];
        bool good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                    (byte >= '0' && byte <= '9') || byte == '_';
        if (!good) {
            return false;
        }
    }
    return true;
}

/* What is there, in the order of the rules: the same request makes the same body. */
static struct span write_body(struct request *request,
                              struct span payment,
                              const struct field_rule *rules,
                              const struct field_value *values,
                              size_t count)
{
    struct text body;
    text_init(&body, BODY_BYTES);
    struct json_writer json = json_writer(&body);
    json_open(&json, NULL, '{');
    if (payment.len > 0) {
        json_put_string(&json, "payment", payment);
    }
    for (size_t i = 0; i < count; i++) {
        if (!values[i].there) {
            continue;
        }
        if (rules[i].type == FIELD_IS_INTEGER) {
            json_put_integer(&json, rules[i].name, values[i].integer);
        } else {
            json_put_string(&json, rules[i].name, values[i].text);
        }
    }
    json_close(&json, '}');
    struct span written = arena_span(&request->arena, text_span(&body));
    text_wipe(&body);
    return written;
}
