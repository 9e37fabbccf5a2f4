/* SPDX-License-Identifier: MIT
 * Walks Stripe's balance transactions and events, and writes them down page by page. */
#include "worker/books_mirror.h"

#include <string.h>

#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "worker/books_run.h"
#include "worker/books_transaction.h"
#include "worker/crash_point.h"
#include "worker/events.h"
#include "worker/handlers.h"

enum {
    MOST_PAGES = 100000, /* ten million movements */
    PAGE_ARENA_BYTES = 32 << 20,
    ROWS_BYTES = 1 << 20, /* a hundred rows and their names */
    CURSOR_BYTES = 256,
    SLICE_MS = 24 * 3600 * 1000,
    MOST_QUERY = 5,
};

struct walk;

/* What is done with a page. The arena goes with it. */
typedef enum outcome (*page_fn)(struct walk *walk,
                                const struct cJSON *page,
                                struct arena *arena,
                                struct fault *fault);

/* A list of Stripe's from its newest object to its oldest. */
struct walk {
    struct handling *handling;
    const char *path;
    struct span account;
    struct stripe_param query[MOST_QUERY];
    size_t query_count;
    page_fn take;
    int64_t run_id;
};

static enum outcome walk_list(struct walk *walk,
                              struct stripe_answer *out_refusal,
                              struct fault *fault);
static enum outcome walk_page(struct walk *walk,
                              char cursor[CURSOR_BYTES],
                              struct arena *arena,
                              bool *out_more,
                              struct stripe_answer *out_refusal,
                              struct fault *fault);
static bool find_cursor(const struct cJSON *page, char cursor[CURSOR_BYTES]);
static enum outcome write_rows(struct walk *walk,
                               const struct cJSON *page,
                               struct arena *arena,
                               struct fault *fault);
static enum outcome attribute_slice(struct handling *handling,
                                    struct books_window slice,
                                    struct fault *fault);
static enum outcome mark_rows(struct walk *walk,
                              const struct cJSON *page,
                              struct arena *arena,
                              struct fault *fault);
static void put_id(struct json_writer *json, struct span id);
static struct span seconds(struct arena *arena, int64_t at_ms);

enum outcome books_mirror_copy(struct handling *handling,
                               const struct books_copy *copy,
                               struct stripe_answer *out_refusal,
                               struct fault *fault)
{
    struct arena *arena = handling->arena;
    struct walk walk = {
        .handling = handling,
        .path = "/v1/balance_transactions",
        .account = copy->account,
        .query = {{"created[gte]", seconds(arena, copy->window.from_ms)},
                  {"created[lt]", seconds(arena, copy->window.to_ms)},
                  {"expand[]", SPAN("data.source")}},
        .query_count = 3,
        .take = write_rows,
        .run_id = copy->run_id,
    };
    if (copy->type.len > 0) {
        walk.query[walk.query_count++] = (struct stripe_param){"type", copy->type};
    }
    return walk_list(&walk, out_refusal, fault);
}

static enum outcome walk_list(struct walk *walk,
                              struct stripe_answer *out_refusal,
                              struct fault *fault)
{
    char cursor[CURSOR_BYTES] = "";
    struct arena arena;
    arena_init(&arena, PAGE_ARENA_BYTES);
    bool more = true;
    enum outcome outcome = OUTCOME_DONE;
    for (int page = 0; outcome == OUTCOME_DONE && more; page++) {
        if (page == MOST_PAGES) {
            outcome = fault_set(fault, OUTCOME_LATER, "books", 0, "the list has no end");
            break;
        }
        outcome = walk_page(walk, cursor, &arena, &more, out_refusal, fault);
        arena_reset(&arena);
        CRASH_POINT("books_page");
    }
    arena_done(&arena);
    return outcome;
}

static enum outcome walk_page(struct walk *walk,
                              char cursor[CURSOR_BYTES],
                              struct arena *arena,
                              bool *out_more,
                              struct stripe_answer *out_refusal,
                              struct fault *fault)
{
    struct handling *handling = walk->handling;
    struct stripe_param query[MOST_QUERY + 2] = {{"limit", SPAN("100")}};
    struct stripe_answer answer = {0};
    size_t count = 1;
    for (size_t i = 0; i < walk->query_count; i++) {
        query[count++] = walk->query[i];
    }
    if (cursor[0] != '\0') {
        query[count++] = (struct stripe_param){"starting_after", span_of(cursor)};
    }
    enum outcome outcome = stripe_get(handling->stripe,
                                      walk->path,
                                      query,
                                      count,
                                      walk->account,
                                      false,
                                      arena,
                                      &answer,
                                      fault);
    if (outcome != OUTCOME_DONE) {
        if (outcome == OUTCOME_NEVER && out_refusal) {
            *out_refusal = (struct stripe_answer){.status = answer.status};
        }
        return outcome;
    }
    handling->answered |= NEIGHBOUR_STRIPE;
    outcome = walk->take(walk, answer.document, arena, fault);
    *out_more =
        json_is_true(answer.document, "has_more") && find_cursor(answer.document, cursor);
    json_free(answer.document);
    return outcome;
}

static bool find_cursor(const struct cJSON *page, char cursor[CURSOR_BYTES])
{
    struct span last = SPAN("");
    for (const struct cJSON *object = json_first(page, "data"); object;
         object = json_next(object)) {
        last = event_id_at(object, "id");
    }
    if (last.len == 0 || last.len >= CURSOR_BYTES) {
        return false;
    }
    memcpy(cursor, last.at, last.len);
    cursor[last.len] = '\0';
    return true;
}

/* What was found out later about a row is kept when Stripe does not say it. */
static enum outcome write_rows(struct walk *walk,
                               const struct cJSON *page,
                               struct arena *arena,
                               struct fault *fault)
{
    struct text rows;
    int64_t count = 0;
    enum outcome outcome = OUTCOME_DONE;
    text_init(&rows, ROWS_BYTES);
    struct json_writer json = json_writer(&rows);
    json_open(&json, NULL, '[');
    for (const struct cJSON *object = json_first(page, "data");
         object && outcome == OUTCOME_DONE;
         object = json_next(object)) {
        struct books_transaction row;
        outcome = books_transaction_read(object, &row, fault);
        if (outcome == OUTCOME_DONE) {
            row.account = walk->account;
            books_transaction_write(&row, &json);
            count++;
        }
    }
    json_close(&json, ']');
    if (outcome == OUTCOME_DONE && rows.full) {
        outcome = fault_set(fault, OUTCOME_NEVER, "books", 0, "a page is too long");
    }
    if (outcome == OUTCOME_DONE && count > 0) {
        outcome = mariadb_run(
            walk->handling->db,
            "INSERT INTO balance_transactions (stripe_balance_transaction_id, account,"
            " type, category, amount, fee, net, currency, source_id, source_object,"
            " source_status, source_currency, source_amount, source_taken, source_back,"
            " source_of_id, stripe_charge_id, stripe_payment_intent_id, "
            "destination_account_id,"
            " amicale_id, is_stirred, stripe_created)"
            " SELECT page.id, page.account, page.type, page.category, page.amount,"
            " page.fee, page.net, page.currency, page.source_id, page.source_object,"
            " page.source_status, page.source_currency, page.source_amount, "
            "page.source_taken,"
            " page.source_back, page.source_of_id, page.charge, page.payment_intent,"
            " page.destination, stripe_accounts.amicale_id, FALSE,"
            " FROM_UNIXTIME(page.created)"
            " FROM JSON_TABLE(?, '$[*]' "
            "COLUMNS ("
            " id VARCHAR(255) PATH '$.id', account VARCHAR(255) PATH '$.account', type "
            "VARCHAR(64) PATH '$.type',"
            " category VARCHAR(64) PATH '$.category', amount BIGINT PATH '$.amount',"
            " fee BIGINT PATH '$.fee', net BIGINT PATH '$.net',"
            " currency CHAR(3) PATH '$.currency', created BIGINT PATH '$.created',"
            " source_id VARCHAR(255) PATH '$.source_id',"
            " source_object VARCHAR(64) PATH '$.source_object',"
            " source_status VARCHAR(32) PATH '$.source_status',"
            " source_currency CHAR(3) PATH '$.source_currency',"
            " source_amount BIGINT PATH '$.source_amount',"
            " source_taken BIGINT PATH '$.source_taken',"
            " source_back BIGINT PATH '$.source_back',"
            " source_of_id VARCHAR(255) PATH '$.source_of_id',"
            " charge VARCHAR(255) PATH '$.charge',"
            " payment_intent VARCHAR(255) PATH '$.payment_intent',"
            " destination VARCHAR(255) PATH '$.destination')) AS page"
            " LEFT JOIN stripe_accounts ON stripe_accounts.stripe_account_id ="
            " IF(page.account = '', page.destination, page.account) WHERE TRUE"
            " ON DUPLICATE KEY UPDATE type = VALUES(type), category = VALUES(category),"
            " amount = VALUES(amount), fee = VALUES(fee), net = VALUES(net),"
            " currency = VALUES(currency), source_id = VALUES(source_id),"
            " source_object = VALUES(source_object),"
            " source_status = VALUES(source_status),"
            " source_currency = VALUES(source_currency),"
            " source_amount = VALUES(source_amount),"
            " source_taken = VALUES(source_taken), source_back = VALUES(source_back),"
            " source_of_id = VALUES(source_of_id),"
            " stripe_charge_id = COALESCE(VALUES(stripe_charge_id),"
            " balance_transactions.stripe_charge_id),"
            " stripe_payment_intent_id ="
            " COALESCE(VALUES(stripe_payment_intent_id),"
            " balance_transactions.stripe_payment_intent_id),"
            " destination_account_id ="
            " COALESCE(VALUES(destination_account_id),"
            " balance_transactions.destination_account_id),"
            " amicale_id = COALESCE(VALUES(amicale_id),"
            " balance_transactions.amicale_id), is_stirred = FALSE,"
            " stripe_created = VALUES(stripe_created)",
            SQL_VALUES(SQL_SPAN(text_span(&rows))),
            arena,
            NULL,
            fault);
    }
    text_done(&rows);
    return outcome == OUTCOME_DONE && count > 0
               ? books_run_checked(walk->handling, walk->run_id, count, fault)
               : outcome;
}

/* By days, so that no statement takes long or locks much. */
enum outcome books_mirror_attribute(struct handling *handling,
                                    struct books_window window,
                                    struct fault *fault)
{
    enum outcome outcome = OUTCOME_DONE;
    int64_t at_ms = window.from_ms;
    while (outcome == OUTCOME_DONE && at_ms < window.to_ms) {
        struct books_window slice = {at_ms, at_ms + SLICE_MS};
        slice = books_window_until(slice, window.to_ms);
        outcome = attribute_slice(handling, slice, fault);
        at_ms = slice.to_ms;
    }
    return outcome;
}

static enum outcome attribute_slice(struct handling *handling,
                                    struct books_window slice,
                                    struct fault *fault)
{
#define OF_SLICE                                                                         \
    " WHERE part.account = '' AND part.stripe_created >= ? AND part.stripe_created < ?"
    /* What was copied just now is not in the statistics of the indexes yet, so the order of
     * the tables is said: of ten thousand rows each would be read for each. */
#define OF_PLATFORM "balance_transactions AS part FORCE INDEX (account)"
    static const char *const steps[] = {
        /* From a reversal or a returned fee to the charge of what it is a part of. */
        "UPDATE " OF_PLATFORM " STRAIGHT_JOIN balance_transactions AS whole"
        " FORCE INDEX (source) ON whole.source_id = part.source_of_id"
        " AND whole.account = '' SET part.stripe_charge_id = "
        "whole.stripe_charge_id" OF_SLICE
        " AND part.stripe_charge_id IS NULL AND whole.stripe_charge_id IS NOT NULL",
        /* From the charge to whose sale it is. */
        "UPDATE " OF_PLATFORM " STRAIGHT_JOIN balance_transactions AS charge"
        " FORCE INDEX (source) ON charge.source_id = part.stripe_charge_id"
        " AND charge.type = 'charge' AND charge.account = '' SET"
        " part.stripe_payment_intent_id = charge.stripe_payment_intent_id,"
        " part.destination_account_id = charge.destination_account_id,"
        " part.amicale_id = charge.amicale_id" OF_SLICE " AND part.type <> 'charge'"
        " AND NOT (part.stripe_payment_intent_id <=> charge.stripe_payment_intent_id"
        " AND part.destination_account_id <=> charge.destination_account_id"
        " AND part.amicale_id <=> charge.amicale_id)",
        /* A charge that is too old to have been copied stands in our own rows. */
        "UPDATE " OF_PLATFORM " STRAIGHT_JOIN payment_intents AS payment"
        " FORCE INDEX (charge) ON payment.stripe_charge_id = part.stripe_charge_id"
        " LEFT JOIN balance_transactions AS charge FORCE INDEX (source)"
        " ON charge.source_id = part.stripe_charge_id AND charge.type = 'charge'"
        " SET part.stripe_payment_intent_id = payment.stripe_payment_intent_id,"
        " part.destination_account_id = payment.destination_account_id,"
        " part.amicale_id = payment.amicale_id" OF_SLICE
        " AND part.type <> 'charge' AND charge.id IS NULL AND part.amicale_id IS NULL",
    };
#undef OF_PLATFORM
#undef OF_SLICE
    enum outcome outcome = OUTCOME_DONE;
    struct arena *arena = handling->arena;
    struct sql_value from = sql_moment(arena, slice.from_ms);
    struct sql_value to = sql_moment(arena, slice.to_ms);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < sizeof(steps) / sizeof(steps[0]);
         i++) {
        outcome =
            mariadb_run(handling->db, steps[i], SQL_VALUES(from, to), arena, NULL, fault);
    }
    return outcome;
}

/* Stripe's moments have whole seconds: what was made in the second before `since_ms` ends
 * is old enough. */
enum outcome books_mirror_stir(struct handling *handling,
                               struct span account,
                               int64_t since_ms,
                               struct stripe_answer *out_refusal,
                               struct fault *fault)
{
    struct walk walk = {
        .handling = handling,
        .path = "/v1/events",
        .account = account,
        .query = {{"created[gte]", seconds(handling->arena, since_ms + 999)}},
        .query_count = 1,
        .take = mark_rows,
    };
    return walk_list(&walk, out_refusal, fault);
}

static enum outcome mark_rows(struct walk *walk,
                              const struct cJSON *page,
                              struct arena *arena,
                              struct fault *fault)
{
#define MARK(column)                                                                     \
    "UPDATE balance_transactions JOIN JSON_TABLE(?, '$[*]'"                              \
    " COLUMNS (id VARCHAR(255) PATH '$')) AS told ON told.id = " column                  \
    " SET is_stirred = TRUE WHERE NOT is_stirred"
    static const char *const marks[] = {
        MARK("source_id"),
        MARK("stripe_charge_id"),
        MARK("stripe_payment_intent_id"),
    };
#undef MARK
    struct text ids;
    enum outcome outcome = OUTCOME_DONE;
    text_init(&ids, ROWS_BYTES);
    struct json_writer json = json_writer(&ids);
    json_open(&json, NULL, '[');
    for (const struct cJSON *event = json_first(page, "data"); event;
         event = json_next(event)) {
        const struct cJSON *object = json_at(event, "data.object");
        put_id(&json, event_id_at(object, "id"));
        put_id(&json, event_id_at(object, "charge"));
        put_id(&json, event_id_at(object, "originating_transaction"));
        put_id(&json, event_id_at(object, "payment_intent"));
    }
    json_close(&json, ']');
    for (size_t i = 0; outcome == OUTCOME_DONE && i < sizeof(marks) / sizeof(marks[0]);
         i++) {
        outcome = mariadb_run(walk->handling->db,
                              marks[i],
                              SQL_VALUES(SQL_SPAN(text_span(&ids))),
                              arena,
                              NULL,
                              fault);
    }
    text_done(&ids);
    return outcome;
}

static void put_id(struct json_writer *json, struct span id)
{
    if (id.len > 0) {
        json_put_string(json, NULL, id);
    }
}

static struct span seconds(struct arena *arena, int64_t at_ms)
{
    return span_of(arena_format(arena, "%lld", (long long)(at_ms / 1000)));
}
