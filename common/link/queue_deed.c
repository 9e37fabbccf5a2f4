/* SPDX-License-Identifier: MIT
 * What operators do: retry, discard, pause and resume, each with its audit job. */
#include "common/link/queue.h"

#include "common/link/queue_wire.h"

static struct command act(struct arena *arena,
                          struct partition partition,
                          const char *script,
                          const char *verb,
                          struct span what,
                          const struct deed *deed);

struct command queue_retry(struct arena *arena,
                           struct partition partition,
                           struct span id,
                           const struct deed *deed)
{
    return act(arena, partition, "retry", NULL, id, deed);
}

struct command queue_discard(struct arena *arena,
                             struct partition partition,
                             struct span id,
                             const struct deed *deed)
{
    return act(arena, partition, "discard", NULL, id, deed);
}

struct command queue_pause(struct arena *arena,
                           struct partition partition,
                           struct span what,
                           const struct deed *deed)
{
    return act(arena, partition, "pause", "pause", what, deed);
}

struct command queue_resume(struct arena *arena,
                            struct partition partition,
                            struct span what,
                            const struct deed *deed)
{
    return act(arena, partition, "pause", "resume", what, deed);
}

enum outcome queue_read_deed(const struct reply *reply,
                             enum deed_verdict *out_verdict,
                             enum job_state *out_state,
                             struct fault *fault)
{
    struct reader reader = reader_of(reply);
    enum deed_verdict verdict =
        (enum deed_verdict)reader_between(&reader, DEED_DONE, DEED_WRONG_STATE);
    struct span name = reader_text(&reader);
    enum job_state state = JOB_READY;
    if (out_state && verdict != DEED_NO_SUCH_JOB && !job_state_find(name, &state)) {
        reader.bad = true;
    }
    enum outcome outcome = reader_end(&reader, "a deed", fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    *out_verdict = verdict;
    if (out_state && verdict != DEED_NO_SUCH_JOB) {
        *out_state = state;
    }
    return OUTCOME_DONE;
}

/* The scripts of the four verbs read the same arguments; pause and resume share one. */
static struct command act(struct arena *arena,
                          struct partition partition,
                          const char *script,
                          const char *verb,
                          struct span what,
                          const struct deed *deed)
{
    size_t audit = deed->audit ? wire_job_size(deed->audit) : 0;
    struct wire wire = wire_call(arena, script, partition, (verb ? 5 : 4) + audit);
    if (verb) {
        wire_put_string(&wire, verb);
    }
    wire_put(&wire, what);
    wire_put(&wire, deed->who);
    wire_put(&wire, deed->why);
    wire_put_string(&wire, deed->audit ? "1" : "0");
    if (deed->audit) {
        wire_put_job(&wire, deed->audit);
    }
    return wire_end(&wire);
}
