/* SPDX-License-Identifier: MIT
 * Reads amicales. */
#include "worker/amicale.h"

#include <assert.h>

#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "common/model/answer.h"
#include "common/model/pii.h"
#include "worker/asks.h"
#include "worker/handlers.h"
#include "worker/unsealed.h"

static enum outcome read_trimmed(struct handling *handling,
                                 const struct sql_rows *rows,
                                 size_t column,
                                 struct span context,
                                 struct span *out_plain,
                                 struct fault *fault);

enum outcome amicale_of_ask(struct asked *asked,
                            struct answer *out_answer,
                            struct amicale *out_amicale,
                            struct fault *fault)
{
    int64_t id = 0;
    struct amicale amicale = {.id = 0};
    enum outcome outcome = OUTCOME_DONE;
    if (json_integer(asked->body, "amicale_id", &id) && asked_may_touch(asked, id)) {
        outcome = amicale_find(asked->handling, id, &amicale, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (amicale.id == 0) {
        answer_refuse(out_answer, PROBLEM_NOT_FOUND, SPAN(""));
    }
    *out_amicale = amicale;
    return OUTCOME_DONE;
}

enum outcome amicale_find(struct handling *handling,
                          int64_t id,
                          struct amicale *out_amicale,
                          struct fault *fault)
{
    struct sql_rows rows;
    *out_amicale = (struct amicale){.id = 0};
    enum outcome outcome = mariadb_run(
        handling->db,
        "SELECT encrypted_name, encrypted_email, adresse1, adresse2, code_postal, ville,"
        " stripe_location_id, location_job_id FROM amicales WHERE id = ?",
        SQL_VALUES(SQL_I64(id)),
        handling->arena,
        &rows,
        fault);
    if (outcome != OUTCOME_DONE || rows.count == 0) {
        return outcome;
    }
    out_amicale->id = id;
    out_amicale->adresse1 = span_trim(sql_text(&rows, 0, 2));
    out_amicale->adresse2 = span_trim(sql_text(&rows, 0, 3));
    out_amicale->code_postal = span_trim(sql_text(&rows, 0, 4));
    out_amicale->ville = span_trim(sql_text(&rows, 0, 5));
    out_amicale->location = sql_text(&rows, 0, 6);
    out_amicale->location_job = sql_text(&rows, 0, 7);
    outcome = read_trimmed(handling,
                           &rows,
                           0,
                           SPAN("amicales.encrypted_name"),
                           &out_amicale->name,
                           fault);
    if (outcome == OUTCOME_DONE) {
        outcome = read_trimmed(handling,
                               &rows,
                               1,
                               SPAN("amicales.encrypted_email"),
                               &out_amicale->email,
                               fault);
    }
    if (outcome == OUTCOME_DONE && !pii_is_address(out_amicale->email)) {
        out_amicale->email = SPAN("");
    }
    return outcome;
}

static enum outcome read_trimmed(struct handling *handling,
                                 const struct sql_rows *rows,
                                 size_t column,
                                 struct span context,
                                 struct span *out_plain,
                                 struct fault *fault)
{
    struct span plain = SPAN("");
    enum outcome outcome = unsealed_text(handling, rows, column, context, &plain, fault);
    if (outcome == OUTCOME_DONE) {
        *out_plain = span_trim(plain);
    }
    return outcome;
}

bool amicale_refuse_missing(const struct amicale_need *needed,
                            size_t count,
                            struct answer *answer)
{
    assert(count <= ANSWER_FIELDS);
    answer_refuse(answer, PROBLEM_AMICALE_INCOMPLETE, SPAN(""));
    for (size_t i = 0; i < count; i++) {
        if (needed[i].value.len == 0) {
            answer->fields[answer->field_count++] =
                (struct answer_field){span_of(needed[i].field), FIELD_MISSING};
        }
    }
    return answer->field_count > 0;
}

bool amicale_location_is_gone(const struct stripe_answer *refusal)
{
    return span_is(refusal->error_code, "resource_missing") &&
           span_is(refusal->error_param, "location");
}

/* Another job may have put a newer one in its place. */
enum outcome amicale_forget_location(struct handling *handling,
                                     int64_t amicale_id,
                                     struct span location,
                                     struct fault *fault)
{
    return mariadb_run(handling->db,
                       "UPDATE amicales SET stripe_location_id = NULL,"
                       " location_job_id = NULL WHERE id = ? AND stripe_location_id = ?",
                       SQL_VALUES(SQL_I64(amicale_id), SQL_SPAN(location)),
                       handling->arena,
                       NULL,
                       fault);
}
