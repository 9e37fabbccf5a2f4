/* SPDX-License-Identifier: MIT
 * account.create: the Stripe account of an amicale, made once, or found.
 *
 * The row comes first, and a unique key lets an amicale be served by one row at a time
 * (serves_amicale_id): whoever comes second finds it and goes on with the same
 * Idempotency-Key. An event that outruns the answer makes the row its account's
 * (event_account.c). A row of which Stripe refused the account for good belongs to no job
 * any more, and the next one takes it over: it looks before it sends anything, since a
 * refusal says nothing of an earlier call whose answer was lost. A row that was deauthorized serves nobody, so
 * a new one can be made beside it.
 *
 * At 2024-06-20 type=express stands for an account whose fees and losses are the
 * platform's and whose papers Stripe collects. Its payout schedule, statement descriptor
 * and terms of service are Stripe's to ask, so `settings` and `tos_acceptance` are not
 * sent. */
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/account_row.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "worker/amicale.h"
#include "worker/apply.h"
#include "worker/asks.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/listed.h"
#include "worker/send_once.h"

/* company[name] and address lines have 100 and 200 characters at Stripe. */
enum { NAME_BYTES = 100, LINE_BYTES = 200, MOST_FORM = 20, MOST_LOOKS = 3 };
enum { CLOCKS_DIFFER_S = 3600 };

/* The row of the account that serves the amicale. */
struct account {
    int64_t id; /* 0: none */
    struct span stripe_id; /* empty: Stripe has not answered */
    struct span job_id; /* empty: none, or one that Stripe refused */
    int64_t made_s; /* when the row was written */
};

static enum outcome find_or_make_row(struct asked *asked,
                                     const struct amicale *amicale,
                                     struct account *account,
                                     struct fault *fault);
static enum outcome find_row(struct asked *asked,
                             const struct amicale *amicale,
                             struct account *account,
                             struct fault *fault);
static enum outcome make_row(struct asked *asked,
                             const struct amicale *amicale,
                             struct fault *fault);
static enum outcome take_row(struct asked *asked,
                             const struct account *account,
                             struct fault *fault);
static enum outcome make_account(struct asked *asked,
                                 const struct amicale *amicale,
                                 const struct account *account,
                                 struct answer *answer,
                                 bool *out_made,
                                 struct fault *fault);
static size_t write_form(struct asked *asked,
                         const struct amicale *amicale,
                         const struct account *account,
                         struct stripe_param *form);
static void add(struct stripe_param *form,
                size_t *count,
                const char *name,
                struct span value);
static enum outcome find_account(struct handling *handling,
                                 const void *context,
                                 struct cJSON **out_object,
                                 struct fault *fault);
static enum outcome keep_account(struct asked *asked,
                                 const struct account *account,
                                 struct cJSON *object,
                                 struct fault *fault);
static enum outcome release_row(struct asked *asked,
                                const struct account *account,
                                struct fault *fault);
static enum outcome say(struct asked *asked,
                        const struct amicale *amicale,
                        bool created,
                        struct answer *answer,
                        struct fault *fault);

/* What find_account matches. */
struct sought {
    struct span amicale_id;
    struct span account_id;
    struct span since; /* in seconds: no account of the row is older */
};

enum outcome handle_account_create(struct asked *asked,
                                   struct answer *out_answer,
                                   struct handled *out_handled,
                                   struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct amicale amicale;
    struct account account = {.id = 0};
    bool made = true;
    enum outcome outcome = amicale_of_ask(asked, out_answer, &amicale, fault);
    if (outcome != OUTCOME_DONE || amicale.id == 0) {
        return outcome;
    }
    outcome = find_row(asked, &amicale, &account, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (account.stripe_id.len == 0) {
        const struct amicale_need needed[] = {{"name", amicale.name},
                                              {"email", amicale.email}};
        if (amicale_refuse_missing(needed, 2, out_answer)) {
            return OUTCOME_DONE;
        }
        outcome = find_or_make_row(asked, &amicale, &account, fault);
    }
    if (outcome == OUTCOME_DONE && account.stripe_id.len == 0) {
        outcome = make_account(asked, &amicale, &account, out_answer, &made, fault);
    }
    if (outcome != OUTCOME_DONE || !made) {
        return outcome;
    }
    bool created = span_equal(account.job_id, asked->handling->job->id);
    return say(asked, &amicale, created, out_answer, fault);
}

static enum outcome find_or_make_row(struct asked *asked,
                                     const struct amicale *amicale,
                                     struct account *account,
                                     struct fault *fault)
{
    for (int look = 0; look < MOST_LOOKS; look++) {
        enum outcome outcome = find_row(asked, amicale, account, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        if (account->id > 0 && (account->stripe_id.len > 0 || account->job_id.len > 0)) {
            return OUTCOME_DONE;
        }
        outcome = account->id == 0 ? make_row(asked, amicale, fault)
                                   : take_row(asked, account, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    return fault_set(fault, OUTCOME_LATER, "account", 0, "its row comes and goes");
}

static enum outcome find_row(struct asked *asked,
                             const struct amicale *amicale,
                             struct account *account,
                             struct fault *fault)
{
    struct sql_rows rows;
    *account = (struct account){.id = 0};
    enum outcome outcome =
        mariadb_run(asked->handling->db,
                    "SELECT id, stripe_account_id, job_id,"
                    " CAST(UNIX_TIMESTAMP(created_at) AS SIGNED) FROM stripe_accounts"
                    " WHERE serves_amicale_id = ?",
                    SQL_VALUES(SQL_I64(amicale->id)),
                    asked->handling->arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE && rows.count > 0) {
        *account = (struct account){.id = sql_i64(&rows, 0, 0),
                                    .stripe_id = sql_text(&rows, 0, 1),
                                    .job_id = sql_text(&rows, 0, 2),
                                    .made_s = sql_i64(&rows, 0, 3)};
    }
    return outcome;
}

/* The unique keys decide. A job that comes again after its account has left gives its old
 * row up: a row serves one account. */
static enum outcome make_row(struct asked *asked,
                             const struct amicale *amicale,
                             struct fault *fault)
{
    struct handling *handling = asked->handling;
    enum outcome outcome = mariadb_run(handling->db,
                                       "UPDATE stripe_accounts SET job_id = NULL"
                                       " WHERE job_id = ? AND serves_amicale_id IS NULL",
                                       SQL_VALUES(SQL_SPAN(handling->job->id)),
                                       handling->arena,
                                       NULL,
                                       fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    return mariadb_run(handling->db,
                       "INSERT INTO stripe_accounts (amicale_id, job_id, livemode)"
                       " VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE job_id = job_id",
                       SQL_VALUES(SQL_I64(amicale->id),
                                  SQL_SPAN(handling->job->id),
                                  SQL_I64(handling->settings->stripe.livemode)),
                       handling->arena,
                       NULL,
                       fault);
}

/* Step 1 is a rest (send_plan.h), here one that is over: send_once looks, then sends. */
static enum outcome take_row(struct asked *asked,
                             const struct account *account,
                             struct fault *fault)
{
    struct handling *handling = asked->handling;
    return mariadb_run(handling->db,
                       "UPDATE stripe_accounts SET job_id = ?, send_step = 1,"
                       " first_sent_at = CURRENT_TIMESTAMP(3) - INTERVAL 1 DAY"
                       " WHERE id = ? AND job_id IS NULL AND stripe_account_id IS NULL",
                       SQL_VALUES(SQL_SPAN(handling->job->id), SQL_I64(account->id)),
                       handling->arena,
                       NULL,
                       fault);
}

/* *out_made stays false when Stripe refused, and the answer says so. */
static enum outcome make_account(struct asked *asked,
                                 const struct amicale *amicale,
                                 const struct account *account,
                                 struct answer *answer,
                                 bool *out_made,
                                 struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct stripe_param form[MOST_FORM];
    size_t count = write_form(asked, amicale, account, form);
    const struct sought sought = {
        .amicale_id = form[count - 2].value,
        .account_id = form[count - 1].value,
        .since = span_of(arena_format(handling->arena,
                                      "%lld",
                                      (long long)(account->made_s - CLOCKS_DIFFER_S))),
    };
    const struct send send = {
        .select_marks =
            "SELECT " SEND_MOMENT("first_sent_at") ", send_step"
                                                   " FROM stripe_accounts WHERE id = ?",
        .update_marks = "UPDATE stripe_accounts SET first_sent_at = ?, send_step = ?"
                        " WHERE id = ? AND stripe_account_id IS NULL",
        .row_id = account->id,
        .job_id = account->job_id,
        .path = "/v1/accounts",
        .form = form,
        .form_count = count,
        .live = true,
        .find = find_account,
        .find_context = &sought,
    };
    struct stripe_answer made = {0};
    enum outcome outcome = send_once(handling, &send, &made, fault);
    if (outcome == OUTCOME_DONE) {
        *out_made = true;
        return keep_account(asked, account, made.document, fault);
    }
    *out_made = false;
    if (outcome != OUTCOME_NEVER || made.status < 400) {
        return outcome;
    }
    answer_refused_by_stripe(answer, &made, handling->arena);
    return release_row(asked, account, fault);
}

static size_t write_form(struct asked *asked,
                         const struct amicale *amicale,
                         const struct account *account,
                         struct stripe_param *form)
{
    struct arena *arena = asked->handling->arena;
    size_t n = 0;
    add(form, &n, "type", SPAN("express"));
    add(form, &n, "country", SPAN("FR"));
    add(form, &n, "email", amicale->email);
    add(form, &n, "business_type", SPAN("non_profit"));
    add(form, &n, "company[name]", event_cut(amicale->name, NAME_BYTES));
    add(form, &n, "company[address][line1]", event_cut(amicale->adresse1, LINE_BYTES));
    add(form, &n, "company[address][line2]", event_cut(amicale->adresse2, LINE_BYTES));
    add(form, &n, "company[address][postal_code]", amicale->code_postal);
    add(form, &n, "company[address][city]", event_cut(amicale->ville, NAME_BYTES));
    add(form, &n, "company[address][country]", SPAN("FR"));
    add(form,
        &n,
        "business_profile[product_description]",
        SPAN("Vente de calendriers des pompiers"));
    /* Charitable and social service organizations. */
    add(form, &n, "business_profile[mcc]", SPAN("8398"));
    add(form, &n, "capabilities[card_payments][requested]", SPAN("true"));
    add(form, &n, "capabilities[transfers][requested]", SPAN("true"));
    add(form,
        &n,
        "metadata[amicale_id]",
        span_of(arena_format(arena, "%lld", (long long)amicale->id)));
    add(form,
        &n,
        "metadata[account_id]",
        span_of(arena_format(arena, "%lld", (long long)account->id)));
    return n;
}

/* What is empty is left out: Stripe asks for it. */
static void add(struct stripe_param *form,
                size_t *count,
                const char *name,
                struct span value)
{
    if (value.len > 0) {
        form[(*count)++] = (struct stripe_param){name, value};
    }
}

/* Our row's number is in the metadata: an older account of the amicale is another's. */
static enum outcome find_account(struct handling *handling,
                                 const void *context,
                                 struct cJSON **out_object,
                                 struct fault *fault)
{
    const struct sought *sought = context;
    const struct listed accounts = {.path = "/v1/accounts",
                                    .query = {{"created[gte]", sought->since}},
                                    .query_count = 1,
                                    .live = true};
    const struct listed_mark marks[LISTED_MARKS] = {
        {"metadata.amicale_id", sought->amicale_id},
        {"metadata.account_id", sought->account_id},
    };
    return listed_find(handling, &accounts, marks, out_object, fault);
}

/* An event may have been first: then it is the same account. The object is given. */
static enum outcome keep_account(struct asked *asked,
                                 const struct account *account,
                                 struct cJSON *object,
                                 struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct span id = arena_span(handling->arena, json_string(object, "id"));
    if (!event_is_id(id)) {
        json_free(object);
        return fault_set(fault, OUTCOME_NEVER, "account", 0, "the account has no id");
    }
    enum outcome outcome = mariadb_run(handling->db,
                                       "UPDATE stripe_accounts SET stripe_account_id = ?"
                                       " WHERE id = ? AND stripe_account_id IS NULL",
                                       SQL_VALUES(SQL_SPAN(id), SQL_I64(account->id)),
                                       handling->arena,
                                       NULL,
                                       fault);
    if (outcome != OUTCOME_DONE) {
        json_free(object);
        return outcome;
    }
    outcome = apply_account(handling, id, object, fault);
    json_free(object);
    return outcome;
}

static enum outcome release_row(struct asked *asked,
                                const struct account *account,
                                struct fault *fault)
{
    return mariadb_run(asked->handling->db,
                       "UPDATE stripe_accounts SET job_id = NULL WHERE id = ?"
                       " AND job_id = ? AND stripe_account_id IS NULL",
                       SQL_VALUES(SQL_I64(account->id), SQL_SPAN(account->job_id)),
                       asked->handling->arena,
                       NULL,
                       fault);
}

static enum outcome say(struct asked *asked,
                        const struct amicale *amicale,
                        bool created,
                        struct answer *answer,
                        struct fault *fault)
{
    enum { ANSWER_BYTES = 1024 };
    struct sql_rows rows;
    struct handling *handling = asked->handling;
    enum outcome outcome = account_row_find(handling->db,
                                            amicale->id,
                                            SPAN(""),
                                            handling->arena,
                                            &rows,
                                            fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count == 0 || sql_is_null(&rows, 0, ACCOUNT_ROW_ACCOUNT)) {
        /* It left while we made it. */
        answer_refuse(answer, PROBLEM_ACCOUNT_MISSING, SPAN(""));
        return OUTCOME_DONE;
    }
    struct text text;
    text_init(&text, ANSWER_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    account_row_put(&json, &rows);
    json_put_bool(&json, "created", created);
    json_close(&json, '}');
    answer_say(answer, 200, arena_span(handling->arena, text_span(&text)));
    text_done(&text);
    return OUTCOME_DONE;
}
