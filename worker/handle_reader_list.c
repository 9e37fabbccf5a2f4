/* SPDX-License-Identifier: MIT
 * reader.list: an amicale's readers, brought up to date first. When Stripe does not answer
 * the rows are shown as they are, and the answer says that it is not fresh. */
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "worker/amicale.h"
#include "worker/asks.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/listed.h"
#include "worker/reader.h"

enum { ANSWER_BYTES = 56 * 1024 };

/* A reader that Stripe listed, printed. */
struct found {
    struct span printed;
    struct found *next;
};

struct listing {
    struct arena *arena;
    struct found *first;
};

static enum outcome refresh(struct asked *asked,
                            const struct amicale *amicale,
                            bool *out_fresh,
                            struct fault *fault);
static bool keep_found(const struct cJSON *object, void *context);
static enum outcome apply_all(struct handling *handling,
                              const struct found *first,
                              const struct sql_rows *known,
                              struct fault *fault);
static enum outcome apply_one(struct event_work *work,
                              const struct found *found,
                              const struct sql_rows *known,
                              bool *listed,
                              struct fault *fault);
static enum outcome mark_removed(struct handling *handling,
                                 const struct sql_rows *known,
                                 const bool *listed,
                                 struct fault *fault);
static enum outcome say(struct asked *asked,
                        const struct amicale *amicale,
                        bool fresh,
                        struct answer *answer,
                        struct fault *fault);

enum outcome handle_reader_list(struct asked *asked,
                                struct answer *out_answer,
                                struct handled *out_handled,
                                struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct amicale amicale;
    bool fresh = true;
    enum outcome outcome = amicale_of_ask(asked, out_answer, &amicale, fault);
    if (outcome != OUTCOME_DONE || amicale.id == 0) {
        return outcome;
    }
    if (amicale.location.len > 0) {
        outcome = refresh(asked, &amicale, &fresh, fault);
    }
    return outcome == OUTCOME_DONE ? say(asked, &amicale, fresh, out_answer, fault)
                                   : outcome;
}

/* Which revision the rows have is read before Stripe is asked: a row that an event changes
 * meanwhile stays as the event left it. */
static enum outcome refresh(struct asked *asked,
                            const struct amicale *amicale,
                            bool *out_fresh,
                            struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct listing listing = {.arena = handling->arena};
    const struct listed readers = {.path = "/v1/terminal/readers",
                                   .query = {{"location", amicale->location}},
                                   .query_count = 1,
                                   .live = true};
    struct sql_rows known;
    enum outcome outcome = mariadb_run(
        handling->db,
        "SELECT stripe_reader_id, revision FROM terminal_readers WHERE location = ?"
        " AND stripe_reader_id IS NOT NULL",
        SQL_VALUES(SQL_SPAN(amicale->location)),
        handling->arena,
        &known,
        fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct stripe_answer refusal = {0};
    outcome = listed_walk(handling, &readers, keep_found, &listing, &refusal, fault);
    if (outcome == OUTCOME_NEVER && amicale_location_is_gone(&refusal)) {
        /* No reader stands where no location is. */
        listing.first = NULL;
        outcome =
            amicale_forget_location(handling, amicale->id, amicale->location, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    if (outcome != OUTCOME_DONE) {
        *out_fresh = false;
        return OUTCOME_DONE;
    }
    outcome = mariadb_begin(handling->db, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = apply_all(handling, listing.first, &known, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(handling->db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(handling->db);
    }
    return outcome;
}

static bool keep_found(const struct cJSON *object, void *context)
{
    struct listing *listing = context;
    struct found *found = ARENA_NEW(listing->arena, struct found);
    found->printed = json_print(object, listing->arena);
    found->next = listing->first;
    listing->first = found;
    return true;
}

static enum outcome apply_all(struct handling *handling,
                              const struct found *first,
                              const struct sql_rows *known,
                              struct fault *fault)
{
    struct event_work work = {
        .handling = handling,
        .event = {.livemode = handling->settings->stripe.livemode},
        .result = "recorded",
    };
    bool *listed = ARENA_ARRAY(handling->arena, bool, known->count + 1);
    enum outcome outcome = OUTCOME_DONE;
    for (const struct found *found = first; outcome == OUTCOME_DONE && found;
         found = found->next) {
        outcome = apply_one(&work, found, known, listed, fault);
    }
    return outcome == OUTCOME_DONE ? mark_removed(handling, known, listed, fault)
                                   : outcome;
}

static enum outcome apply_one(struct event_work *work,
                              const struct found *found,
                              const struct sql_rows *known,
                              bool *listed,
                              struct fault *fault)
{
    struct cJSON *object = NULL;
    int64_t revision = EVENT_NEW_ROW;
    enum outcome outcome = json_parse(found->printed, &object, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    for (size_t i = 0; i < known->count; i++) {
        if (span_equal(sql_text(known, i, 0), json_string(object, "id"))) {
            revision = sql_i64(known, i, 1);
            listed[i] = true;
        }
    }
    outcome = reader_apply(work, object, revision, fault);
    json_free(object);
    return outcome;
}

/* A reader that was taken away from its location at Stripe has no event. */
static enum outcome mark_removed(struct handling *handling,
                                 const struct sql_rows *known,
                                 const bool *listed,
                                 struct fault *fault)
{
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < known->count; i++) {
        if (listed[i]) {
            continue;
        }
        outcome = mariadb_run(
            handling->db,
            "UPDATE terminal_readers SET status = 'removed', revision = revision + 1"
            " WHERE stripe_reader_id = ? AND revision = ? AND status <> 'removed'",
            SQL_VALUES(SQL_SPAN(sql_text(known, i, 0)), SQL_I64(sql_i64(known, i, 1))),
            handling->arena,
            NULL,
            fault);
    }
    return outcome;
}

static enum outcome say(struct asked *asked,
                        const struct amicale *amicale,
                        bool fresh,
                        struct answer *answer,
                        struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT " READER_COLUMNS " FROM terminal_readers"
                    " WHERE amicale_id = ? AND stripe_reader_id IS NOT NULL"
                    " AND status <> 'removed' ORDER BY id LIMIT 100",
                    SQL_VALUES(SQL_I64(amicale->id)),
                    handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct text text;
    text_init(&text, ANSWER_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_open(&json, "readers", '[');
    for (size_t i = 0; i < rows.count; i++) {
        reader_put(&json, NULL, &rows, i);
    }
    json_close(&json, ']');
    json_put_bool(&json, "fresh", fresh);
    json_close(&json, '}');
    bool full = text.full;
    answer_say(answer, 200, arena_span(handling->arena, text_span(&text)));
    text_done(&text);
    return full ? fault_set(fault, OUTCOME_NEVER, "reader", 0, "too many readers")
                : OUTCOME_DONE;
}
