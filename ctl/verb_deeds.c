/* SPDX-License-Identifier: MIT
 * retry, discard, pause and resume - what operators do to the queue. Each deed and the
 * job that writes it to the audit log are one step of Redis. */
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "ctl/ctl.h"
#include "ctl/queue_calls.h"
#include "ctl/verbs.h"

/* One of queue_retry, queue_discard, queue_pause, queue_resume. */
typedef struct command (*deed_fn)(struct arena *arena,
                                  struct partition partition,
                                  struct span what,
                                  const struct deed *deed);

/* A dead job as jobs_archive keeps it. */
enum {
    ARCHIVE_KIND,
    ARCHIVE_LANE,
    ARCHIVE_TENANT,
    ARCHIVE_REFS,
    ARCHIVE_MAC,
    ARCHIVE_PAYLOAD
};

static int to_job(struct ctl *ctl,
                  const char *verb,
                  struct span why,
                  deed_fn make,
                  bool *out_unknown);
static int retry_archived(struct ctl *ctl, struct span why);
static int enqueue_archived(struct ctl *ctl,
                            struct span id,
                            const struct sql_rows *rows,
                            struct span why);
static int to_queue(struct ctl *ctl, const char *verb, struct span why, deed_fn make);
static bool is_pausable(struct span what);
static enum outcome send_deed(struct ctl *ctl,
                              const struct command *command,
                              enum deed_verdict *out_verdict,
                              enum job_state *out_state);
static int no_such_job(struct ctl *ctl);
static int report(struct ctl *ctl, const char *verb, struct span what, const char *state);

int verb_retry(struct ctl *ctl)
{
    struct span why;
    if (!ctl_why(ctl, false, &why)) {
        return CTL_USAGE;
    }
    bool unknown = false;
    int code = to_job(ctl, "retry", why, queue_retry, &unknown);
    return unknown ? retry_archived(ctl, why) : code;
}

int verb_discard(struct ctl *ctl)
{
    struct span why;
    if (!ctl_why(ctl, true, &why)) {
        return CTL_USAGE;
    }
    bool unknown = false;
    int code = to_job(ctl, "discard", why, queue_discard, &unknown);
    return unknown ? no_such_job(ctl) : code;
}

int verb_pause(struct ctl *ctl)
{
    struct span why;
    return ctl_why(ctl, true, &why) ? to_queue(ctl, "pause", why, queue_pause)
                                    : CTL_USAGE;
}

int verb_resume(struct ctl *ctl)
{
    struct span why;
    return ctl_why(ctl, false, &why) ? to_queue(ctl, "resume", why, queue_resume)
                                     : CTL_USAGE;
}

/* *out_unknown: no partition has a job of this name. */
static int to_job(struct ctl *ctl,
                  const char *verb,
                  struct span why,
                  deed_fn make,
                  bool *out_unknown)
{
    struct span id = span_of(ctl->words[0]);
    struct job_record *record = NULL;
    struct partition partition;
    enum deed_verdict verdict = DEED_NO_SUCH_JOB;
    enum job_state state = JOB_DEAD;
    enum outcome outcome = calls_show(ctl, id, &record, &partition);
    if (outcome == OUTCOME_DONE && record) {
        struct made_deed *made = calls_make_deed(ctl, verb, id, why);
        struct command command = make(&ctl->arena, partition, id, &made->deed);
        outcome = send_deed(ctl, &command, &verdict, &state);
    }
    if (outcome != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    switch (verdict) {
    case DEED_DONE:
        return report(ctl, verb, id, job_state_name(state));
    case DEED_WRONG_STATE:
        return ctl_say(CTL_WRONG_STATE,
                       "%.*s is %s: it cannot be %s",
                       SPAN_ARGS(id),
                       job_state_name(state),
                       make == queue_retry ? "retried" : "discarded");
    case DEED_NO_SUCH_JOB:
        break;
    }
    *out_unknown = true;
    return CTL_NOT_FOUND;
}

/* Redis has forgotten a job that died long ago; MariaDB keeps it with all that it needs.
 */
static int retry_archived(struct ctl *ctl, struct span why)
{
    struct span id = span_of(ctl->words[0]);
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(ctl->db,
                    "SELECT kind, lane, tenant, refs, mac, sealed_payload"
                    " FROM jobs_archive WHERE job_id = ? ORDER BY died_at DESC LIMIT 1",
                    SQL_VALUES(SQL_SPAN(id)),
                    &ctl->arena,
                    &rows,
                    &ctl->fault);
    if (outcome != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    return rows.count == 0 ? no_such_job(ctl) : enqueue_archived(ctl, id, &rows, why);
}

static int enqueue_archived(struct ctl *ctl,
                            struct span id,
                            const struct sql_rows *rows,
                            struct span why)
{
    const struct kind *kind = kind_find(sql_text(rows, 0, ARCHIVE_KIND));
    enum job_lane lane = LANE_BACKFILL;
    if (!kind || sql_is_null(rows, 0, ARCHIVE_PAYLOAD)) {
        return ctl_say(CTL_WRONG_STATE,
                       "%.*s is archived, but %s",
                       SPAN_ARGS(id),
                       kind ? "its payload is gone" : "its kind is not known any more");
    }
    if (!lane_find(sql_text(rows, 0, ARCHIVE_LANE), &lane) || lane == LANE_QUARANTINE) {
        lane = kind->lane;
    }
    struct span refs[JOB_REFS];
    size_t ref_count = 0;
    struct span rest = sql_text(rows, 0, ARCHIVE_REFS);
    while (rest.len > 0 && ref_count < JOB_REFS) {
        refs[ref_count++] = span_cut(rest, ' ', &rest);
    }
    struct made_deed *made = calls_make_deed(ctl, "retry", id, why);
    const struct job_new jobs[] = {
        {
            .id = id,
            .kind = kind,
            .lane = lane,
            .tenant = sql_text(rows, 0, ARCHIVE_TENANT),
            .payload = sql_text(rows, 0, ARCHIVE_PAYLOAD),
            .mac = sql_text(rows, 0, ARCHIVE_MAC),
            .refs = refs,
            .ref_count = ref_count,
        },
        made->audit,
    };
    struct partition partition =
        queue_partition_of(id, (int)ctl->settings->redis.partitions);
    struct command command = queue_enqueue(&ctl->arena, partition, jobs, 2);
    struct reply reply;
    enum enqueue_verdict verdicts[2];
    enum outcome outcome =
        redis_call(ctl->redis, &command, &ctl->arena, &reply, &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        outcome = queue_read_enqueue(&reply, 2, verdicts, &ctl->fault);
    }
    if (outcome != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    return report(ctl, "retry", id, job_state_name(JOB_READY));
}

/* Every partition is told; the audit job goes along until one of them did it, under one
 * name, so that the audit log has one row. */
static int to_queue(struct ctl *ctl, const char *verb, struct span why, deed_fn make)
{
    struct span what = span_of(ctl->words[0]);
    if (!is_pausable(what)) {
        return ctl_say(CTL_USAGE,
                       "%s wants all, lane:<lane> or kind:<kind>, and not %.*s",
                       verb,
                       SPAN_ARGS(what));
    }
    struct made_deed *made = calls_make_deed(ctl, verb, what, why);
    int partitions = (int)ctl->settings->redis.partitions;
    bool done = false;
    for (int i = 0; i < partitions; i++) {
        struct partition partition = {.number = i, .count = partitions};
        struct command command = make(&ctl->arena, partition, what, &made->deed);
        enum deed_verdict verdict = DEED_WRONG_STATE;
        if (send_deed(ctl, &command, &verdict, NULL) != OUTCOME_DONE) {
            return ctl_failed(ctl);
        }
        if (verdict == DEED_DONE) {
            done = true;
            made->deed.audit = NULL;
        }
    }
    if (!done) {
        return ctl_say(CTL_WRONG_STATE, "%.*s is not paused", SPAN_ARGS(what));
    }
    return report(ctl, verb, what, make == queue_pause ? "paused" : "running");
}

static bool is_pausable(struct span what)
{
    struct span name;
    struct span sort = span_cut(what, ':', &name);
    enum job_lane lane;
    return span_is(what, "all") || (span_is(sort, "lane") && lane_find(name, &lane)) ||
           (span_is(sort, "kind") && kind_find(name) != NULL);
}

static enum outcome send_deed(struct ctl *ctl,
                              const struct command *command,
                              enum deed_verdict *out_verdict,
                              enum job_state *out_state)
{
    struct reply reply;
    enum outcome outcome =
        redis_call(ctl->redis, command, &ctl->arena, &reply, &ctl->fault);
    return outcome == OUTCOME_DONE
               ? queue_read_deed(&reply, out_verdict, out_state, &ctl->fault)
               : outcome;
}

/* Names the jobs that were perhaps meant. */
static int no_such_job(struct ctl *ctl)
{
    struct span id = span_of(ctl->words[0]);
    struct job_record *records = NULL;
    size_t count = 0;
    if (calls_find(ctl, id, &records, &count) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    for (size_t i = 0; i < count; i++) {
        (void)ctl_say(CTL_NOT_FOUND,
                      "%.*s is a reference of the job %.*s",
                      SPAN_ARGS(id),
                      SPAN_ARGS(records[i].id));
    }
    return ctl_say(CTL_NOT_FOUND, "there is no job %.*s", SPAN_ARGS(id));
}

static int report(struct ctl *ctl, const char *verb, struct span what, const char *state)
{
    if (!ctl->json) {
        text_addf(&ctl->out, "%.*s is %s\n", SPAN_ARGS(what), state);
        return CTL_OK;
    }
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_string(&json, "verb", span_of(verb));
    json_put_string(&json, "what", what);
    json_put_string(&json, "state", span_of(state));
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
    return CTL_OK;
}
