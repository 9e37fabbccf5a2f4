/* SPDX-License-Identifier: MIT
 * location.create: the Terminal location of an amicale, made or found. */
#include "common/base/json.h"
#include "common/model/answer.h"
#include "worker/amicale.h"
#include "worker/asks.h"
#include "worker/handlers.h"
#include "worker/location.h"

static void say(struct asked *asked,
                const struct amicale *amicale,
                struct answer *answer);

enum outcome handle_location_create(struct asked *asked,
                                    struct answer *out_answer,
                                    struct handled *out_handled,
                                    struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct amicale amicale;
    enum outcome outcome = amicale_of_ask(asked, out_answer, &amicale, fault);
    if (outcome != OUTCOME_DONE || amicale.id == 0) {
        return outcome;
    }
    outcome = location_ensure(asked, &amicale, out_answer, fault);
    if (outcome == OUTCOME_DONE && amicale.location.len > 0) {
        say(asked, &amicale, out_answer);
    }
    return outcome;
}

static void say(struct asked *asked, const struct amicale *amicale, struct answer *answer)
{
    enum { ANSWER_BYTES = 1024 };
    struct handling *handling = asked->handling;
    struct text text;
    text_init(&text, ANSWER_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_integer(&json, "amicale_id", amicale->id);
    json_put_string(&json, "location_id", amicale->location);
    json_put_bool(&json, "created", span_equal(amicale->location_job, handling->job->id));
    json_close(&json, '}');
    answer_say(answer, 200, arena_span(handling->arena, text_span(&text)));
    text_done(&text);
}
