/* SPDX-License-Identifier: MIT
 * terminal.reader.*: what a reader last did, and when it was last seen. */
#include "common/base/json.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/mirror.h"

enum { FACTS = 10 };

static enum outcome read_facts(struct event_work *work,
                               const struct cJSON *object,
                               struct sql_value *facts,
                               struct fault *fault);
static struct sql_value text_fact(const struct cJSON *object,
                                  const char *path,
                                  size_t most);
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
    outcome = mariadb_run(
        work->handling->db,
        "UPDATE terminal_readers SET last_seen_at = GREATEST(COALESCE(last_seen_at, ?), "
        "?)"
        " WHERE id = ?",
        SQL_VALUES(sql_moment(work->handling->arena, work->event.created_s * 1000),
                   sql_moment(work->handling->arena, work->event.created_s * 1000),
                   SQL_I64(reader.id)),
        work->handling->arena,
        NULL,
        fault);
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
