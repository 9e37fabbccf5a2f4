/* SPDX-License-Identifier: MIT
 * Makes locations, and keeps their marks. After a refusal for good, and once the location
 * is gone from Stripe, the marks are free for the next job, which looks before it sends
 * anything: a refusal says nothing of an earlier call whose answer was lost. */
#include "worker/location.h"

#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "worker/amicale.h"
#include "worker/asks.h"
#include "worker/crash_point.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/listed.h"
#include "worker/send_once.h"

enum { MOST_FORM = 8, NAME_BYTES = 1000 };

static enum outcome take_marks(struct asked *asked,
                               struct amicale *amicale,
                               struct fault *fault);
static enum outcome make_location(struct asked *asked,
                                  struct amicale *amicale,
                                  struct answer *refusal,
                                  struct fault *fault);
static size_t write_form(struct asked *asked,
                         const struct amicale *amicale,
                         struct stripe_param *form);
static enum outcome find_location(struct handling *handling,
                                  const void *context,
                                  struct cJSON **out_object,
                                  struct fault *fault);
static enum outcome keep_location(struct asked *asked,
                                  struct amicale *amicale,
                                  const struct cJSON *object,
                                  struct fault *fault);
static enum outcome free_marks(struct asked *asked,
                               const struct amicale *amicale,
                               struct fault *fault);

enum outcome location_ensure(struct asked *asked,
                             struct amicale *amicale,
                             struct answer *out_refusal,
                             struct fault *fault)
{
    if (amicale->location.len > 0) {
        return OUTCOME_DONE;
    }
    const struct amicale_need needed[] = {{"name", amicale->name},
                                          {"adresse1", amicale->adresse1},
                                          {"code_postal", amicale->code_postal},
                                          {"ville", amicale->ville}};
    if (amicale_refuse_missing(needed, 4, out_refusal)) {
        return OUTCOME_DONE;
    }
    enum outcome outcome = take_marks(asked, amicale, fault);
    if (outcome == OUTCOME_DONE && amicale->location.len == 0) {
        outcome = make_location(asked, amicale, out_refusal, fault);
    }
    return outcome;
}

/* Whoever takes them first names the job; whoever comes second goes on with its key. Marks
 * that were used become a rest that is over (send_plan.h): send_once looks, then sends. */
static enum outcome take_marks(struct asked *asked,
                               struct amicale *amicale,
                               struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        handling->db,
        "UPDATE amicales SET location_job_id = ?,"
        " location_send_step = IF(location_first_sent_at IS NULL, 0, 1),"
        " location_first_sent_at = IF(location_first_sent_at IS NULL, NULL,"
        " CURRENT_TIMESTAMP(3) - INTERVAL 1 DAY)"
        " WHERE id = ? AND location_job_id IS NULL AND stripe_location_id IS NULL",
        SQL_VALUES(SQL_SPAN(handling->job->id), SQL_I64(amicale->id)),
        handling->arena,
        NULL,
        fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    outcome = mariadb_run(
        handling->db,
        "SELECT stripe_location_id, location_job_id FROM amicales WHERE id = ?",
        SQL_VALUES(SQL_I64(amicale->id)),
        handling->arena,
        &rows,
        fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count == 0 || (sql_is_null(&rows, 0, 0) && sql_is_null(&rows, 0, 1))) {
        return fault_set(fault, OUTCOME_LATER, "location", 0, "its marks come and go");
    }
    amicale->location = sql_text(&rows, 0, 0);
    amicale->location_job = sql_text(&rows, 0, 1);
    return OUTCOME_DONE;
}

/* No location when Stripe refused, and the refusal says so. */
static enum outcome make_location(struct asked *asked,
                                  struct amicale *amicale,
                                  struct answer *refusal,
                                  struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct stripe_param form[MOST_FORM];
    size_t count = write_form(asked, amicale, form);
    const struct send send = {
        .select_marks =
            "SELECT " SEND_MOMENT("location_first_sent_at") ", location_send_step"
                                                            " FROM amicales WHERE id = ?",
        .update_marks = "UPDATE amicales SET location_first_sent_at = ?,"
                        " location_send_step = ? WHERE id = ?"
                        " AND stripe_location_id IS NULL",
        .row_id = amicale->id,
        .job_id = amicale->location_job,
        .path = "/v1/terminal/locations",
        .form = form,
        .form_count = count,
        .live = true,
        .find = find_location,
        .find_context = &form[count - 1].value,
    };
    struct stripe_answer made = {0};
    enum outcome outcome = send_once(handling, &send, &made, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = keep_location(asked, amicale, made.document, fault);
        json_free(made.document);
        return outcome;
    }
    if (outcome != OUTCOME_NEVER || made.status < 400) {
        return outcome;
    }
    answer_refused_by_stripe(refusal, &made, handling->arena);
    return free_marks(asked, amicale, fault);
}

/* metadata[amicale_id] stands last: find_location looks for it. */
static size_t write_form(struct asked *asked,
                         const struct amicale *amicale,
                         struct stripe_param *form)
{
    struct arena *arena = asked->handling->arena;
    struct span id = span_of(arena_format(arena, "%lld", (long long)amicale->id));
    size_t n = 0;
    form[n++] =
        (struct stripe_param){"display_name", event_cut(amicale->name, NAME_BYTES)};
    form[n++] = (struct stripe_param){"address[line1]", amicale->adresse1};
    if (amicale->adresse2.len > 0) {
        form[n++] = (struct stripe_param){"address[line2]", amicale->adresse2};
    }
    form[n++] = (struct stripe_param){"address[postal_code]", amicale->code_postal};
    form[n++] = (struct stripe_param){"address[city]", amicale->ville};
    form[n++] = (struct stripe_param){"address[country]", SPAN("FR")};
    form[n++] = (struct stripe_param){"metadata[amicale_id]", id};
    return n;
}

static enum outcome find_location(struct handling *handling,
                                  const void *context,
                                  struct cJSON **out_object,
                                  struct fault *fault)
{
    const struct span *amicale_id = context;
    const struct listed locations = {.path = "/v1/terminal/locations", .live = true};
    const struct listed_mark marks[LISTED_MARKS] = {
        {"metadata.amicale_id", *amicale_id},
    };
    return listed_find(handling, &locations, marks, out_object, fault);
}

/* Two jobs with one key get the same location, and the first writes it down. */
static enum outcome keep_location(struct asked *asked,
                                  struct amicale *amicale,
                                  const struct cJSON *object,
                                  struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct span id = json_string(object, "id");
    if (!event_is_id(id)) {
        return fault_set(fault, OUTCOME_NEVER, "location", 0, "the location has no id");
    }
    amicale->location = arena_span(handling->arena, id);
    enum outcome outcome = mariadb_run(
        handling->db,
        "UPDATE amicales SET stripe_location_id = COALESCE(stripe_location_id, ?)"
        " WHERE id = ?",
        SQL_VALUES(SQL_SPAN(amicale->location), SQL_I64(amicale->id)),
        handling->arena,
        NULL,
        fault);
    CRASH_POINT("applied");
    return outcome;
}

static enum outcome free_marks(struct asked *asked,
                               const struct amicale *amicale,
                               struct fault *fault)
{
    return mariadb_run(asked->handling->db,
                       "UPDATE amicales SET location_job_id = NULL WHERE id = ?"
                       " AND location_job_id = ? AND stripe_location_id IS NULL",
                       SQL_VALUES(SQL_I64(amicale->id), SQL_SPAN(amicale->location_job)),
                       asked->handling->arena,
                       NULL,
                       fault);
}
