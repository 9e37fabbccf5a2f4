/* SPDX-License-Identifier: MIT
 * Connection tokens and readers: all of them jobs, since Stripe must be asked. */
#include "api/terminal.h"

#include <inttypes.h>

#include "api/asking.h"
#include "api/fields.h"
#include "api/problem.h"
#include "api/request.h"
#include "api/session.h"
#include "common/base/json.h"

enum { TEXT_BYTES = 200, BODY_BYTES = 4 * 1024, AMICALE_MOST = 1 << 30 };

static bool find_amicale(struct request *request,
                         const struct field_value *given,
                         int64_t *out_amicale_id);
static struct span decimal(struct request *request, int64_t number);

void terminal_token(struct request *request)
{
    static const struct field_rule none = {.name = ""};
    struct field_value value;
    if (!fields_read(request, &none, 0, &value)) {
        return;
    }
    const struct asking asking = {.kind = "terminal.token",
                                  .body = SPAN("{}"),
                                  .limit = LIMIT_STRIPE,
                                  .perishable = true};
    ask(request, &asking);
}

void terminal_register(struct request *request)
{
    enum { CODE, LABEL, AMICALE, FIELDS };
    static const struct field_rule rules[FIELDS] = {
        [CODE] = {"registration_code", FIELD_IS_TEXT, true, 1, TEXT_BYTES, NULL},
        [LABEL] = {"label", FIELD_IS_WORDS, false, 1, TEXT_BYTES, NULL},
        [AMICALE] = {"amicale_id", FIELD_IS_INTEGER, false, 1, AMICALE_MOST, NULL},
    };
    struct field_value values[FIELDS];
    int64_t amicale_id = 0;
    if (!fields_read(request, rules, FIELDS, values) ||
        !find_amicale(request, &values[AMICALE], &amicale_id)) {
        return;
    }
    struct text text;
    text_init(&text, BODY_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_integer(&json, "amicale_id", amicale_id);
    json_put_string(&json, "registration_code", values[CODE].text);
    if (values[LABEL].there) {
        json_put_string(&json, "label", values[LABEL].text);
    }
    json_close(&json, '}');
    const struct asking asking = {.kind = "reader.register",
                                  .body = arena_span(&request->arena, text_span(&text)),
                                  .tenant = decimal(request, amicale_id)};
    text_done(&text);
    ask(request, &asking);
}

void terminal_list(struct request *request)
{
    static const struct field_rule rules[] = {
        {"amicale_id", FIELD_IS_INTEGER, false, 1, AMICALE_MOST, NULL},
    };
    struct field_value given;
    int64_t amicale_id = 0;
    if (!fields_read_query(request, rules, 1, &given) ||
        !find_amicale(request, &given, &amicale_id)) {
        return;
    }
    const struct asking asking = {
        .kind = "reader.list",
        .body = span_of(
            arena_format(&request->arena, "{\"amicale_id\":%" PRId64 "}", amicale_id)),
        .tenant = decimal(request, amicale_id),
        .limit = LIMIT_STRIPE,
        .keyless = true,
    };
    ask(request, &asking);
}

/* The one that is given, else the asker's; who has none must say which. False: the request
 * was answered. */
static bool find_amicale(struct request *request,
                         const struct field_value *given,
                         int64_t *out_amicale_id)
{
    int64_t amicale_id = given->there ? given->integer : request->session->amicale_id;
    if (amicale_id == 0) {
        fields_refuse(request, "amicale_id", FIELD_MISSING, SPAN(""));
        return false;
    }
    if (!session_may_see(request->session, amicale_id)) {
        request_problem(request, PROBLEM_NOT_FOUND);
        return false;
    }
    *out_amicale_id = amicale_id;
    return true;
}

static struct span decimal(struct request *request, int64_t number)
{
    return span_of(arena_format(&request->arena, "%" PRId64, number));
}
