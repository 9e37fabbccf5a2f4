/* SPDX-License-Identifier: MIT
 * Accounts, links and locations: who may ask for which, and the jobs that do it. */
#include "api/connect.h"

#include <inttypes.h>
#include <string.h>

#include "api/asking.h"
#include "api/door.h"
#include "api/fields.h"
#include "api/loop.h"
#include "api/problem.h"
#include "api/reader.h"
#include "api/request.h"
#include "api/session.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/account_row.h"
#include "common/link/mariadb.h"
#include "common/model/money.h"

enum { ACCOUNT_BYTES = 255, CONFIG_BYTES = 1024, AMICALE_MOST = 1 << 30 };

/* Which account a path names. */
struct named {
    int64_t amicale_id; /* 0: the account's own name counts */
    struct span account;
};

/* A state that is read at the door. */
struct state {
    const struct session *session;
    struct named named;
    enum problem problem; /* while there is no body */
    struct span body;
};

static void ask_for_amicale(struct request *request,
                            const char *kind,
                            int64_t amicale_id);
static bool read_amicale(struct request *request, int64_t *out_amicale_id);
static bool read_nothing(struct request *request);
static bool read_named(struct request *request, struct named *out_named);
static bool is_account(struct span name);
static struct asking about(struct request *request,
                           const char *kind,
                           const struct named *named);
static enum outcome read_state(struct mariadb *db,
                               struct arena *arena,
                               void *context,
                               struct fault *fault);
static void answer_state(struct request *request,
                         void *context,
                         enum outcome outcome,
                         const struct fault *fault);

void connect_create(struct request *request)
{
    int64_t amicale_id = 0;
    if (read_amicale(request, &amicale_id)) {
        ask_for_amicale(request, "account.create", amicale_id);
    }
}

void connect_location(struct request *request)
{
    int64_t amicale_id = 0;
    if (read_amicale(request, &amicale_id)) {
        ask_for_amicale(request, "location.create", amicale_id);
    }
}

void connect_amicale_location(struct request *request)
{
    int64_t amicale_id = 0;
    if (!read_nothing(request)) {
        return;
    }
    if (!span_to_i64(request->params[0], &amicale_id)) {
        amicale_id = 0;
    }
    ask_for_amicale(request, "location.create", amicale_id);
}

static void ask_for_amicale(struct request *request, const char *kind, int64_t amicale_id)
{
    if (amicale_id <= 0 || !session_may_see(request->session, amicale_id)) {
        request_problem(request, PROBLEM_NOT_FOUND);
        return;
    }
    const struct named named = {.amicale_id = amicale_id};
    struct asking asking = about(request, kind, &named);
    ask(request, &asking);
}

static bool read_amicale(struct request *request, int64_t *out_amicale_id)
{
    static const struct field_rule rules[] = {
        {"amicale_id", FIELD_IS_INTEGER, true, 1, AMICALE_MOST, NULL},
    };
    struct field_value values[1];
    if (!fields_read(request, rules, 1, values)) {
        return false;
    }
    *out_amicale_id = values[0].integer;
    return true;
}

/* A body without members, or none. */
static bool read_nothing(struct request *request)
{
    static const struct field_rule none = {.name = ""};
    struct field_value value;
    return fields_read(request, &none, 0, &value);
}

void connect_status(struct request *request)
{
    static const struct field_rule rules[] = {
        {"fresh", FIELD_IS_CHOICE, false, 0, 0, "0 1"},
    };
    struct field_value fresh;
    struct named named;
    if (!fields_read_query(request, rules, 1, &fresh) || !read_named(request, &named)) {
        return;
    }
    if (fresh.there && span_is(fresh.text, "1")) {
        struct asking asking = about(request, "account.refresh", &named);
        asking.limit = LIMIT_STRIPE;
        asking.keyless = true;
        ask(request, &asking);
        return;
    }
    struct state *state = ARENA_NEW(&request->arena, struct state);
    *state = (struct state){.session = request->session, .named = named};
    reader_ask(request, read_state, answer_state, state);
}

void connect_link(struct request *request)
{
    struct named named;
    if ((request->method == HTTP_POST && !read_nothing(request)) ||
        !read_named(request, &named)) {
        return;
    }
    struct asking asking = about(request, "account.link", &named);
    asking.limit = LIMIT_STRIPE;
    asking.perishable = true;
    asking.keyless = request->method != HTTP_POST;
    ask(request, &asking);
}

/* Of the path's one parameter. False: the request was answered. */
static bool read_named(struct request *request, struct named *out_named)
{
    struct span name = request->params[0];
    struct named named = {.amicale_id = 0};
    bool good = false;
    if (span_to_i64(name, &named.amicale_id)) {
        good =
            named.amicale_id > 0 && session_may_see(request->session, named.amicale_id);
    } else if (is_account(name)) {
        named.account = arena_span(&request->arena, name);
        good = true;
    }
    if (!good) {
        request_problem(request, PROBLEM_NOT_FOUND);
        return false;
    }
    *out_named = named;
    return true;
}

static bool is_account(struct span name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_";
    for (size_t i = 0; i < name.len; i++) {
        if (!memchr(letters, name.at[i], sizeof(letters) - 1)) {
            return false;
        }
    }
    return span_starts(name, "acct_") && name.len <= ACCOUNT_BYTES;
}

static struct asking about(struct request *request,
                           const char *kind,
                           const struct named *named)
{
    struct arena *arena = &request->arena;
    struct asking asking = {.kind = kind};
    if (named->account.len > 0) {
        asking.body = span_of(
            arena_format(arena, "{\"account\":\"%.*s\"}", SPAN_ARGS(named->account)));
        asking.refs[asking.ref_count++] = named->account;
    } else {
        int64_t id = named->amicale_id;
        asking.body = span_of(arena_format(arena, "{\"amicale_id\":%" PRId64 "}", id));
        asking.tenant = span_of(arena_format(arena, "%" PRId64, id));
    }
    return asking;
}

static enum outcome read_state(struct mariadb *db,
                               struct arena *arena,
                               void *context,
                               struct fault *fault)
{
    struct state *state = context;
    struct sql_rows rows;
    enum outcome outcome = account_row_find(db,
                                            state->named.amicale_id,
                                            state->named.account,
                                            arena,
                                            &rows,
                                            fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count == 0 ||
        !session_may_see(state->session, sql_i64(&rows, 0, ACCOUNT_ROW_AMICALE))) {
        state->problem = PROBLEM_NOT_FOUND;
    } else if (sql_is_null(&rows, 0, ACCOUNT_ROW_ACCOUNT)) {
        state->problem = PROBLEM_ACCOUNT_MISSING;
    } else {
        state->body = account_row_status(&rows, arena);
    }
    return OUTCOME_DONE;
}

static void answer_state(struct request *request,
                         void *context,
                         enum outcome outcome,
                         const struct fault *fault)
{
    const struct state *state = context;
    if (outcome != OUTCOME_DONE) {
        reader_failed(request, fault);
    } else if (state->body.len == 0) {
        request_problem(request, state->problem);
    } else {
        request_answer_json(request, 200, state->body);
    }
}

void connect_config(struct request *request)
{
    const struct settings *settings = request->loop->door->settings;
    struct text text;
    text_init(&text, CONFIG_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_string(&json, "publishable_key", span_of(settings->stripe.publishable_key));
    json_put_string(&json, "currency", SPAN("eur"));
    json_put_integer(&json, "amount_min", MONEY_LEAST_MINOR);
    json_put_integer(&json, "amount_max", MONEY_MOST_MINOR);
    json_open(&json, "fee", '{');
    json_put_integer(&json, "percent_bp", settings->books.fee_percent_bp);
    json_put_integer(&json, "minimum", settings->books.fee_minimum_minor);
    json_close(&json, '}');
    json_put_bool(&json, "livemode", settings->stripe.livemode);
    json_close(&json, '}');
    request_answer_json(request, 200, text_span(&text));
    text_done(&text);
}
