/* SPDX-License-Identifier: MIT
 * reader.register: a card reader, from the code that it shows, at its amicale's location.
 * The row comes first and waits for the reader: the answer, or an event of the reader that
 * is quicker, finds it by metadata.reader_id. A row whose reader Stripe refused, or that had
 * a row already (it is moved, or comes back), stays without one, and is shown to nobody. */
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "worker/amicale.h"
#include "worker/asks.h"
#include "worker/crash_point.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/listed.h"
#include "worker/reader.h"
#include "worker/send_once.h"

enum { MOST_FORM = 5, ANSWER_BYTES = 4 * 1024 };

/* What find_reader matches. */
struct sought {
    struct span location;
    struct span reader_id;
    struct span amicale_id;
};

static enum outcome make_row(struct asked *asked,
                             const struct amicale *amicale,
                             struct sql_rows *rows,
                             struct fault *fault);
static enum outcome register_reader(struct asked *asked,
                                    const struct amicale *amicale,
                                    const struct sql_rows *rows,
                                    struct answer *answer,
                                    struct span *out_reader,
                                    struct fault *fault);
static enum outcome find_reader(struct handling *handling,
                                const void *context,
                                struct cJSON **out_object,
                                struct fault *fault);
static enum outcome keep_reader(struct handling *handling,
                                int64_t row_id,
                                const struct cJSON *object,
                                struct fault *fault);
static enum outcome find_older_row(struct handling *handling,
                                   int64_t row_id,
                                   const struct cJSON *object,
                                   int64_t *out_revision,
                                   struct fault *fault);
static enum outcome say(struct asked *asked,
                        struct span reader,
                        struct answer *answer,
                        struct fault *fault);

enum outcome handle_reader_register(struct asked *asked,
                                    struct answer *out_answer,
                                    struct handled *out_handled,
                                    struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct amicale amicale;
    struct sql_rows rows;
    enum outcome outcome = amicale_of_ask(asked, out_answer, &amicale, fault);
    if (outcome != OUTCOME_DONE || amicale.id == 0) {
        return outcome;
    }
    const struct amicale_need needed[] = {{"location", amicale.location}};
    if (amicale_refuse_missing(needed, 1, out_answer)) {
        return OUTCOME_DONE;
    }
    outcome = make_row(asked, &amicale, &rows, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct span reader = sql_text(&rows, 0, 1);
    if (reader.len == 0) {
        outcome = register_reader(asked, &amicale, &rows, out_answer, &reader, fault);
    }
    return outcome == OUTCOME_DONE && reader.len > 0
               ? say(asked, reader, out_answer, fault)
               : outcome;
}

/* Of this job: its columns are the row's id, the reader's, and the location. */
static enum outcome make_row(struct asked *asked,
                             const struct amicale *amicale,
                             struct sql_rows *rows,
                             struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct span label = json_string(asked->body, "label");
    enum outcome outcome = mariadb_run(
        handling->db,
        "INSERT INTO terminal_readers (amicale_id, label, location, livemode, job_id)"
        " VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE job_id = job_id",
        SQL_VALUES(SQL_I64(amicale->id),
                   label.len > 0 ? SQL_SPAN(label) : SQL_STRING(""),
                   SQL_SPAN(amicale->location),
                   SQL_I64(handling->settings->stripe.livemode),
                   SQL_SPAN(handling->job->id)),
        handling->arena,
        NULL,
        fault);
    if (outcome == OUTCOME_DONE) {
        outcome =
            mariadb_run(handling->db,
                        "SELECT id, stripe_reader_id, location FROM terminal_readers"
                        " WHERE job_id = ?",
                        SQL_VALUES(SQL_SPAN(handling->job->id)),
                        handling->arena,
                        rows,
                        fault);
    }
    if (outcome == OUTCOME_DONE && rows->count == 0) {
        return fault_set(fault, OUTCOME_LATER, "reader", 0, "its row comes and goes");
    }
    return outcome;
}

/* *out_reader stays empty when Stripe refused, and the answer says so. */
static enum outcome register_reader(struct asked *asked,
                                    const struct amicale *amicale,
                                    const struct sql_rows *rows,
                                    struct answer *answer,
                                    struct span *out_reader,
                                    struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct arena *arena = handling->arena;
    struct span label = json_string(asked->body, "label");
    const struct sought sought = {
        .location = sql_text(rows, 0, 2),
        .reader_id = span_of(arena_format(arena, "%lld", (long long)sql_i64(rows, 0, 0))),
        .amicale_id = span_of(arena_format(arena, "%lld", (long long)amicale->id)),
    };
    struct stripe_param form[MOST_FORM] = {
        {"registration_code", json_string(asked->body, "registration_code")},
        {"location", sought.location},
        {"metadata[amicale_id]", sought.amicale_id},
        {"metadata[reader_id]", sought.reader_id},
        {"label", label},
    };
    const struct send send = {
        .select_marks =
            "SELECT " SEND_MOMENT("first_sent_at") ", send_step"
                                                   " FROM terminal_readers WHERE id = ?",
        .update_marks = "UPDATE terminal_readers SET first_sent_at = ?, send_step = ?"
                        " WHERE id = ? AND stripe_reader_id IS NULL",
        .row_id = sql_i64(rows, 0, 0),
        .job_id = handling->job->id,
        .path = "/v1/terminal/readers",
        .form = form,
        .form_count = label.len > 0 ? MOST_FORM : MOST_FORM - 1,
        .live = true,
        .find = find_reader,
        .find_context = &sought,
    };
    struct stripe_answer made = {0};
    enum outcome outcome = send_once(handling, &send, &made, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = keep_reader(handling, send.row_id, made.document, fault);
        *out_reader = arena_span(arena, json_string(made.document, "id"));
        json_free(made.document);
        return outcome;
    }
    if (outcome != OUTCOME_NEVER || made.status < 400) {
        return outcome;
    }
    if (amicale_location_is_gone(&made)) {
        const struct amicale_need gone = {"location", SPAN("")};
        (void)amicale_refuse_missing(&gone, 1, answer);
        return amicale_forget_location(handling, amicale->id, sought.location, fault);
    }
    answer_refused_by_stripe(answer, &made, arena);
    return OUTCOME_DONE;
}

static enum outcome find_reader(struct handling *handling,
                                const void *context,
                                struct cJSON **out_object,
                                struct fault *fault)
{
    const struct sought *sought = context;
    const struct listed readers = {.path = "/v1/terminal/readers",
                                   .query = {{"location", sought->location}},
                                   .query_count = 1,
                                   .live = true};
    const struct listed_mark marks[LISTED_MARKS] = {
        {"metadata.reader_id", sought->reader_id},
        {"metadata.amicale_id", sought->amicale_id},
    };
    return listed_find(handling, &readers, marks, out_object, fault);
}

static enum outcome keep_reader(struct handling *handling,
                                int64_t row_id,
                                const struct cJSON *object,
                                struct fault *fault)
{
    struct event_work work = {
        .handling = handling,
        .event = {.livemode = handling->settings->stripe.livemode},
        .result = "recorded",
    };
    int64_t revision = EVENT_NEW_ROW;
    enum outcome outcome = mariadb_begin(handling->db, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = find_older_row(handling, row_id, object, &revision, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = reader_apply(&work, object, revision, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(handling->db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(handling->db);
        return outcome;
    }
    CRASH_POINT("applied");
    return OUTCOME_DONE;
}

/* A row that the reader had before says where it was: the answer is newer. Our own row has
 * the reader when an event was quicker, and then says what the event did. */
static enum outcome find_older_row(struct handling *handling,
                                   int64_t row_id,
                                   const struct cJSON *object,
                                   int64_t *out_revision,
                                   struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT revision FROM terminal_readers"
                    " WHERE stripe_reader_id = ? AND id <> ? FOR UPDATE",
                    SQL_VALUES(SQL_SPAN(json_string(object, "id")), SQL_I64(row_id)),
                    handling->arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE && rows.count > 0) {
        *out_revision = sql_i64(&rows, 0, 0);
    }
    return outcome;
}

static enum outcome say(struct asked *asked,
                        struct span reader,
                        struct answer *answer,
                        struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        handling->db,
        "SELECT " READER_COLUMNS " FROM terminal_readers WHERE stripe_reader_id = ?",
        SQL_VALUES(SQL_SPAN(reader)),
        handling->arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE && rows.count == 0) {
        return fault_set(fault, OUTCOME_LATER, "reader", 0, "its row comes and goes");
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct text text;
    text_init(&text, ANSWER_BYTES);
    struct json_writer json = json_writer(&text);
    reader_put(&json, NULL, &rows, 0);
    answer_say(answer, 200, arena_span(handling->arena, text_span(&text)));
    text_done(&text);
    return OUTCOME_DONE;
}
