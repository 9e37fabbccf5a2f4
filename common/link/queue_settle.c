/* SPDX-License-Identifier: MIT
 * What came of a job: settle. */
#include "common/link/queue.h"

#include <assert.h>

#include "common/base/json.h"
#include "common/link/queue_wire.h"

enum { FIXED_ARGUMENTS = 11, NOTE_BYTES = 8 * 1024 };

static void put_settlement(struct wire *wire, const struct settlement *settlement);
static void put_fault(struct wire *wire, const struct fault *fault);
static void put_note(struct wire *wire, const struct settlement *settlement);

struct command queue_settle(struct arena *arena,
                            struct partition partition,
                            const struct settlement *settlements,
                            size_t count)
{
    assert(count >= 1 && count <= SETTLE_MOST);
    size_t arguments = 1;
    for (size_t i = 0; i < count; i++) {
        arguments += FIXED_ARGUMENTS;
        for (size_t k = 0; k < settlements[i].follow_up_count; k++) {
            arguments += wire_job_size(&settlements[i].follow_ups[k]);
        }
    }
    struct wire wire = wire_call(arena, "settle", partition, arguments);
    wire_put_i64(&wire, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        put_settlement(&wire, &settlements[i]);
    }
    return wire_end(&wire);
}

enum outcome queue_read_settle(const struct reply *reply,
                               size_t count,
                               struct settled *out_settled,
                               struct fault *fault)
{
    assert(count <= SETTLE_MOST);
    struct settled settled[SETTLE_MOST] = {0};
    struct reader reader = reader_of(reply);
    for (size_t i = 0; i < count; i++) {
        settled[i].verdict =
            (enum settle_verdict)reader_between(&reader, SETTLE_DONE, SETTLE_GONE);
        struct span state = reader_text(&reader);
        settled[i].run_at_ms = reader_integer(&reader);
        bool named = job_state_find(state, &settled[i].state);
        if (named != (settled[i].verdict == SETTLE_DONE)) {
            reader.bad = true;
        }
    }
    enum outcome outcome = reader_end(&reader, "settle", fault);
    for (size_t i = 0; i < count && outcome == OUTCOME_DONE; i++) {
        out_settled[i] = settled[i];
    }
    return outcome;
}

static void put_settlement(struct wire *wire, const struct settlement *settlement)
{
    const struct fault *fault = settlement->fault;
    assert((settlement->outcome == OUTCOME_DONE) == (fault == NULL));
    assert(settlement->delay_ms >= 0 && settlement->result.len <= UINT32_MAX);
    wire_put(wire, settlement->job->id);
    wire_put_i64(wire, settlement->job->token);
    wire_put_string(wire, outcome_name(settlement->outcome));
    wire_put_i64(wire, settlement->delay_ms);
    wire_put_string(wire, settlement->deferred ? "1" : "0");
    bool tells = settlement->deferred && fault && !settlement->echoes;
    wire_put_string(wire, tells ? fault->neighbour : NULL);
    wire_put_neighbours(wire, settlement->answered);
    put_fault(wire, fault);
    put_note(wire, settlement);
    wire_put(wire, settlement->result);
    wire_put_i64(wire, (int64_t)settlement->follow_up_count);
    for (size_t i = 0; i < settlement->follow_up_count; i++) {
        wire_put_job(wire, &settlement->follow_ups[i]);
    }
}

/* "stripe 3: the connection was refused" */
static void put_fault(struct wire *wire, const struct fault *fault)
{
    wire_put_string(wire,
                    fault ? arena_format(wire->arena,
                                         "%s %d: %s",
                                         fault->module,
                                         fault->code,
                                         fault->text)
                          : "");
}

/* The attempt's line in the job's history, without the braces: the script puts the moment
 * in front of it. */
static void put_note(struct wire *wire, const struct settlement *settlement)
{
    const struct fault *fault = settlement->fault;
    struct text text;
    text_init(&text, NOTE_BYTES);
    struct json_writer json = json_writer(&text);
    json_put_string(&json, "worker", settlement->worker);
    json_put_string(&json, "outcome", span_of(outcome_name(settlement->outcome)));
    json_put_integer(&json, "took_ms", settlement->took_ms);
    if (fault) {
        json_put_bool(&json, "deferred", settlement->deferred);
        json_put_string(&json, "module", span_of(fault->module));
        json_put_integer(&json, "code", fault->code);
        json_put_string(&json, "text", span_of(fault->text));
    }
    assert(!text.full);
    wire_put(wire, arena_span(wire->arena, text_span(&text)));
    text_done(&text);
}
