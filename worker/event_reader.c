/* SPDX-License-Identifier: MIT
 * terminal.reader.*: what a reader last did, and when it was last seen; and readers that
 * Stripe lists, in the same rows. */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/payment_row.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/mirror.h"
#include "worker/reader.h"

enum { FACTS = 10 };

static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault);
static struct sql_value text_fact(const struct cJSON *object,
                                  const char *path,
                                  size_t most);
static enum outcome adopt_reader(struct event_work *work,
                                 struct span id,
                                 const struct cJSON *object,
                                 const struct sql_value *facts,
                                 bool *out_adopted,
                                 struct fault *fault);
static enum outcome note_seen(struct event_work *work,
                              const struct mirror_row *reader,
                              int64_t seen_ms,
                              struct fault *fault);
static int64_t seen_ms_of(const struct event_work *work, const struct cJSON *object);
static enum outcome find_amicale(struct event_work *work,
                                 const struct mirror_row *reader,
                                 struct fault *fault);

static const struct mirror reader_mirror = {
    .collection = "/v1/terminal/readers",
    .fact_count = FACTS,
    .select = "SELECT id, revision, last_event_id, last_event_created, label, location,"
              " status, device_type, serial_number, last_action, last_action_status,"
              " last_failure_code, last_failure_message, livemode, amicale_id"
              " FROM terminal_readers WHERE stripe_reader_id = ? FOR UPDATE",
    .update = "UPDATE terminal_readers SET revision = revision + 1, last_event_id = ?,"
              " last_event_created = ?, label = ?, location = ?, status = ?,"
              " device_type = ?, serial_number = ?, last_action = ?,"
              " last_action_status = ?, last_failure_code = ?, last_failure_message = ?,"
              " livemode = ? WHERE id = ?",
    .touch = "UPDATE terminal_readers SET revision = revision + 1, last_event_id = ?,"
             " last_event_created = ? WHERE id = ?",
    .insert = "INSERT INTO terminal_readers (label, location, status, device_type,"
              " serial_number, last_action, last_action_status, last_failure_code,"
              " last_failure_message, livemode, stripe_reader_id, last_event_id,"
              " last_event_created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
              " ON DUPLICATE KEY UPDATE revision = revision",
    .facts = read_facts,
    .adopt = adopt_reader,
};

enum outcome event_reader_apply(struct event_work *work, struct fault *fault)
{
    struct mirror_row reader;
    enum outcome outcome = mirror_apply(work,
                                        &reader_mirror,
                                        work->event.object_id,
                                        work->told,
                                        &reader,
                                        fault);
    if (outcome != OUTCOME_DONE || work->wanted.path || reader.id == 0) {
        return outcome;
    }
    outcome = note_seen(work, &reader, work->event.created_s * 1000, fault);
    if (outcome == OUTCOME_DONE && reader.made) {
        return find_amicale(work, &reader, fault);
    }
    size_t amicale = MIRROR_FIRST_FACT + FACTS;
    if (outcome == OUTCOME_DONE && !sql_is_null(&reader.rows, 0, amicale)) {
        work->amicale_id = sql_i64(&reader.rows, 0, amicale);
    }
    return outcome;
}

static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault)
{
    struct span id = {0};
    enum outcome outcome = event_must_string(object, "id", 255, &id, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    const struct cJSON *action = json_at(object, "action");
    size_t i = 0;
    facts[i++] = text_fact(object, "label", 255);
    facts[i++] = sql_optional(event_id_at(object, "location"));
    facts[i++] = text_fact(object, "status", 32);
    facts[i++] = text_fact(object, "device_type", 64);
    facts[i++] = sql_optional(event_cut(json_string(object, "serial_number"), 255));
    facts[i++] = sql_optional(event_cut(json_string(action, "type"), 64));
    facts[i++] = sql_optional(event_cut(json_string(action, "status"), 32));
    facts[i++] = sql_optional(event_cut(json_string(action, "failure_code"), 100));
    facts[i++] = sql_optional(event_cut(json_string(action, "failure_message"), 500));
    facts[i++] = SQL_I64(work->event.livemode);
    return OUTCOME_DONE;
}

/* A column that is never NULL. */
static struct sql_value text_fact(const struct cJSON *object,
                                  const char *path,
                                  size_t most)
{
    struct span text = event_cut(json_string(object, path), most);
    return text.len > 0 ? SQL_SPAN(text) : SQL_STRING("");
}

/* The row that we wrote before asking Stripe for the reader, when this is before the answer
 * or the answer itself. */
static enum outcome adopt_reader(struct event_work *work,
                                 struct span id,
                                 const struct cJSON *object,
                                 const struct sql_value *facts,
                                 bool *out_adopted,
                                 struct fault *fault)
{
    (void)facts; /* the ids say it all */
    struct arena *arena = work->handling->arena;
    struct sql_rows rows;
    int64_t row_id = 0;
    int64_t amicale_id = 0;
    if (span_to_i64(json_string(object, "metadata.reader_id"), &row_id) &&
        span_to_i64(json_string(object, "metadata.amicale_id"), &amicale_id)) {
        enum outcome outcome =
            mariadb_run(work->handling->db,
                        "UPDATE terminal_readers SET stripe_reader_id = ?"
                        " WHERE id = ? AND amicale_id = ? AND stripe_reader_id IS NULL",
                        SQL_VALUES(SQL_SPAN(id), SQL_I64(row_id), SQL_I64(amicale_id)),
                        arena,
                        &rows,
                        fault);
        *out_adopted = outcome == OUTCOME_DONE && rows.affected == 1;
        return outcome;
    }
    return OUTCOME_DONE;
}

enum outcome reader_apply(struct event_work *work,
                          const struct cJSON *object,
                          int64_t revision,
                          struct fault *fault)
{
    struct sql_rows rows;
    struct mirror_row reader;
    work->event.object_id = json_string(object, "id");
    enum outcome outcome =
        mariadb_run(work->handling->db,
                    "SELECT revision FROM terminal_readers WHERE stripe_reader_id = ?"
                    " FOR UPDATE",
                    SQL_VALUES(SQL_SPAN(work->event.object_id)),
                    work->handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE || (rows.count > 0 && sql_i64(&rows, 0, 0) != revision)) {
        return outcome;
    }
    outcome = mirror_apply_retrieved(work,
                                     &reader_mirror,
                                     work->event.object_id,
                                     object,
                                     &reader,
                                     fault);
    if (outcome != OUTCOME_DONE || reader.id == 0) {
        return outcome;
    }
    outcome = note_seen(work, &reader, seen_ms_of(work, object), fault);
    return outcome == OUTCOME_DONE ? find_amicale(work, &reader, fault) : outcome;
}

void reader_put(struct json_writer *json,
                const char *key,
                const struct sql_rows *rows,
                size_t row)
{
    json_open(json, key, '{');
    json_put_integer(json, "id", sql_i64(rows, row, 0));
    json_put_optional(json, "stripe_reader_id", sql_text(rows, row, 1));
    json_put_string(json, "label", sql_text(rows, row, 2));
    json_put_optional(json, "device_type", sql_text(rows, row, 3));
    json_put_optional(json, "serial_number", sql_text(rows, row, 4));
    json_put_optional(json, "status", sql_text(rows, row, 5));
    json_put_optional(json, "location", sql_text(rows, row, 6));
    json_put_sql_moment(json, "last_seen_at", sql_text(rows, row, 7));
    json_close(json, '}');
}

static enum outcome note_seen(struct event_work *work,
                              const struct mirror_row *reader,
                              int64_t seen_ms,
                              struct fault *fault)
{
    struct sql_value seen = sql_moment(work->handling->arena, seen_ms);
    return mariadb_run(work->handling->db,
                       "UPDATE terminal_readers SET"
                       " last_seen_at = COALESCE(GREATEST(last_seen_at, ?), ?,"
                       " last_seen_at) WHERE id = ?",
                       SQL_VALUES(seen, seen, SQL_I64(reader->id)),
                       work->handling->arena,
                       NULL,
                       fault);
}

/* Later versions of the API say when, in milliseconds; at ours, online is now. */
static int64_t seen_ms_of(const struct event_work *work, const struct cJSON *object)
{
    int64_t now_ms = clock_wall_ms(work->handling->clock);
    int64_t told_ms = 0;
    if (json_integer(object, "last_seen_at", &told_ms) && told_ms > 0) {
        return told_ms < now_ms ? told_ms : now_ms;
    }
    return span_is(json_string(object, "status"), "online") ? now_ms : 0;
}

/* A reader stands at a location, and a location is an amicale's. */
static enum outcome find_amicale(struct event_work *work,
                                 const struct mirror_row *reader,
                                 struct fault *fault)
{
    struct arena *arena = work->handling->arena;
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(work->handling->db,
                    "SELECT id FROM amicales WHERE stripe_location_id = ?",
                    SQL_VALUES(sql_optional(event_id_at(reader->object, "location"))),
                    arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count == 0) {
        return event_finding(work,
                             "unknown_reader",
                             work->event.object_id,
                             0,
                             SPAN(""),
                             "a reader at a location of no amicale",
                             fault);
    }
    work->amicale_id = sql_i64(&rows, 0, 0);
    return mariadb_run(work->handling->db,
                       "UPDATE terminal_readers SET amicale_id = ? WHERE id = ?",
                       SQL_VALUES(SQL_I64(work->amicale_id), SQL_I64(reader->id)),
                       arena,
                       NULL,
                       fault);
}
