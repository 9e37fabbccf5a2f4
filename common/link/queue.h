/* SPDX-License-Identifier: MIT
 *
 * queue - the commands of the queue as they go to Redis, and how their replies are read.
 *
 * Owns:    nothing; pure. A command, and what is decoded, lives in the arena given; its
 *          texts are borrowed from the caller or the reply, which must outlive it
 * Callers: api (enqueue), worker (take, settle, beat, sweep), ctl (list, retry, pause)
 * Blocks:  never
 * Units:   milliseconds; moments are wall time in UTC by Redis' clock
 * Order:   queue_<verb>(...) makes the command; whoever has a connection sends it; then
 *          queue_read_<verb>(...) reads its reply
 * Faults:  NEVER "queue" QUEUE_BAD_REPLY when a reply is not what the script promises
 *
 * Each verb is one Lua script in schema/queue/, where its contract stands at the top; the
 * keys are in schema/keys.md. A queue may have several partitions: `{tocsin}` when there
 * is one, `{tocsin:0}` to `{tocsin:N-1}` when there are N. A job lives in the partition
 * of its name, its follow-ups in their parent's.
 */
#ifndef COMMON_LINK_QUEUE_H
#define COMMON_LINK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/reply.h"
#include "common/model/job.h"

enum queue_fault { QUEUE_BAD_REPLY = 1 };

/* A script as it is sent: what all share (schema/queue/lib.lua) is put in behind its
 * first line. */
struct queue_script {
    const char *name; /* "enqueue" */
    const char *source;
    size_t source_len;
    char sha1[41];
};
extern const struct queue_script queue_scripts[];
extern const size_t queue_scripts_count;

/* Which partition of how many; queue_partition_of(name, count) picks it. */
struct partition {
    int number;
    int count; /* 1: no number in the keys */
};
struct partition queue_partition_of(struct span job_id, int count);

/* --- enqueue ----------------------------------------------------------------------- */

struct job_new {
    struct span id;
    const struct kind *kind;
    enum job_lane lane;
    struct span tenant; /* amicale id in decimal, or "-" */
    struct span
        member; /* whose it is within the tenant, at most JOB_TENANT_BYTES: members
                           take turns as tenants do; empty: the tenant's own */
    struct span payload; /* sealed */
    struct span mac; /* 64 hex digits: fingerprint of the canonical body; empty: whatever
                        comes under the name, before or after, counts as the same */
    int64_t delay_ms; /* 0: ready at once; else scheduled for Redis' now + delay */
    struct span reply; /* channel to tell when it is done or dead; empty: nobody waits */
    const struct span *refs; /* evt_, pi_, acct_, re_ ... by which it is found; those that
                                are not made of the characters of names are left out */
    size_t ref_count;
};
enum enqueue_verdict {
    ENQUEUE_NEW, /* now in the queue */
    ENQUEUE_KNOWN, /* the name was there with the same body, or a mac is empty: nothing
                      changed */
    ENQUEUE_CONFLICT, /* the name was there with another body: nothing changed */
};
enum { ENQUEUE_MOST_JOBS = 128 };

/* All the jobs must belong to the partition. One atomic step. */
struct command queue_enqueue(struct arena *arena,
                             struct partition partition,
                             const struct job_new *jobs,
                             size_t count);
/* out_verdicts has room for `count`. */
MUST_USE enum outcome queue_read_enqueue(const struct reply *reply,
                                         size_t count,
                                         enum enqueue_verdict *out_verdicts,
                                         struct fault *fault);

/* --- take -------------------------------------------------------------------------- */

/* What the worker is to a quarantined job, which runs alone. */
enum take_quarantine {
    QUARANTINE_ASK, /* it would become empty for one, if it is told to */
    QUARANTINE_TAKE, /* it is empty: take one and nothing else */
    QUARANTINE_NOT_NOW, /* it cannot become empty now: another may */
};
struct take_kind {
    const struct kind *kind;
    int most; /* general slots that it may still fill: its share, less what runs */
};
struct take {
    struct span worker; /* its name: host:pid:start */
    int live_slots; /* idle slots that serve the live lane only */
    int general_slots; /* idle slots that serve every lane, by weight */
    enum take_quarantine quarantine;
    const struct take_kind *kinds; /* the kinds that this worker knows */
    size_t kind_count;
    int64_t lease_ms;
};
/* A job that a worker holds. */
struct job {
    struct span id;
    const struct kind *kind; /* found in the table handed to queue_read_take */
    enum job_lane lane; /* the lane that it was taken from */
    struct span tenant;
    struct span payload; /* sealed */
    int64_t token; /* fencing token: greater at every take */
    int attempt; /* failures so far; 0 on its first run */
    int crashes;
    int deferrals;
    int64_t enqueued_ms;
    int64_t lease_end_ms;
    struct span reply;
    int group; /* jobs with the same number go to one slot together */
};
struct taken {
    struct job *jobs;
    size_t count;
    size_t waiting_versions; /* put aside: their record's version is unknown */
    bool quarantine_waits; /* a quarantined job waits for this worker, and no other, to
                              become empty */
    int64_t next_due_ms; /* when the next scheduled job is due, from now; -1: none */
};
struct command queue_take(struct arena *arena,
                          struct partition partition,
                          const struct take *take);
/* `known` is the table that kinds are found in. */
MUST_USE enum outcome queue_read_take(const struct reply *reply,
                                      const struct kind *known,
                                      size_t known_count,
                                      struct arena *arena,
                                      struct taken *out_taken,
                                      struct fault *fault);
/* The wake list that an idle fetcher waits on: BLPOP, for at most timeout_ms. */
struct command queue_wait(struct arena *arena,
                          struct partition partition,
                          int64_t timeout_ms);

/* --- settle ------------------------------------------------------------------------ */

struct settlement {
    const struct job *job;
    struct span worker;
    enum outcome outcome;
    const struct fault *fault; /* of LATER, NEVER, UNSURE; else NULL */
    int64_t delay_ms; /* until the next attempt, of LATER and UNSURE */
    bool deferred; /* a neighbour is down (fault->neighbour): burns no attempt */
    bool echoes; /* another one of its group tells of the same failure of the neighbour */
    unsigned answered; /* set of enum neighbour that answered during this attempt */
    struct span result; /* sealed; kept 15 minutes; empty: none */
    int64_t took_ms;
    const struct job_new *follow_ups; /* enqueued in the same step; of any kind */
    size_t follow_up_count;
};
enum settle_verdict {
    SETTLE_DONE, /* recorded: the job is done, scheduled again or dead, as `state` says */
    SETTLE_STALE, /* the token is not the job's any more: nothing changed */
    SETTLE_GONE, /* no such job: nothing changed */
};
struct settled {
    enum settle_verdict verdict;
    enum job_state state; /* where it is now; of SETTLE_DONE */
    int64_t run_at_ms; /* of JOB_SCHEDULED */
};
enum { SETTLE_MOST = 64 };

/* Each is settled on its own; the script is atomic for all. */
struct command queue_settle(struct arena *arena,
                            struct partition partition,
                            const struct settlement *settlements,
                            size_t count);
MUST_USE enum outcome queue_read_settle(const struct reply *reply,
                                        size_t count,
                                        struct settled *out_settled,
                                        struct fault *fault);
/* Jobs that were taken but not begun go back to where they were: no attempt, no crash.
 * The integer reply is how many did; those whose token is stale stay as they are. */
struct command queue_release(struct arena *arena,
                             struct partition partition,
                             const struct job *jobs,
                             size_t count);

/* --- what became of a job: for callers who wait ------------------------------------ */

struct job_result {
    bool known; /* else there is no such job, or it is forgotten; nothing else counts */
    enum job_state state;
    struct span kind; /* empty when only the result is left */
    int attempt; /* failures so far */
    int64_t enqueued_ms; /* 0 when only the result is left */
    struct span result; /* sealed; empty: none, or none any more */
    bool left_out; /* there is one that the reply had no room for: ask again */
    bool discarded; /* done by an operator's word, without having been run */
};
enum { RESULTS_MOST_JOBS = 128 };

/* Where it is published that a job with this reply channel is settled: "<id> <state>". */
struct span queue_settled_channel(struct arena *arena,
                                  struct partition partition,
                                  struct span reply);
/* All the jobs must belong to the partition. */
struct command queue_results(struct arena *arena,
                             struct partition partition,
                             const struct span *ids,
                             size_t count);
/* out_results has room for `count`, in the order of the ids. */
MUST_USE enum outcome queue_read_results(const struct reply *reply,
                                         size_t count,
                                         struct job_result *out_results,
                                         struct fault *fault);

/* --- beat, sweep, trim: what keeps the queue honest -------------------------------- */

struct beat {
    struct span worker;
    struct span about; /* JSON: host, pid, version, slots, what runs; for operators */
    const struct job *held; /* every job that it holds in this partition */
    size_t held_count;
    int64_t lease_ms;
    bool leaving; /* last beat: forget the worker */
};
/* Extends the leases of what is held; jobs leased to this worker that it does not hold (a
 * reply of take that was lost) go back without counting as crashed, once they were leased
 * for 5 s: until then that reply may be on its way. When leaving, at once. */
struct command queue_beat(struct arena *arena,
                          struct partition partition,
                          const struct beat *beat);
/* Tokens of held jobs whose lease was lost meanwhile (their slot must not settle). */
MUST_USE enum outcome queue_read_beat(const struct reply *reply,
                                      struct arena *arena,
                                      int64_t **out_lost_tokens,
                                      size_t *out_lost_count,
                                      struct fault *fault);

struct sweep {
    int64_t dead_after_ms; /* a worker that did not beat for so long is dead */
    int most; /* moves of each sort in one call, so that Redis is not held up */
};
struct swept {
    int64_t due; /* scheduled -> ready */
    int64_t expired; /* leases that ran out */
    int64_t recovered; /* jobs of workers that stopped beating */
    int64_t poisoned; /* of these: dead after three crashes */
    int64_t shifted_ms; /* how far time jumped and leases with it; 0: it did not */
    bool more; /* call again at once */
};
struct command queue_sweep(struct arena *arena,
                           struct partition partition,
                           const struct sweep *sweep);
MUST_USE enum outcome queue_read_sweep(const struct reply *reply,
                                       struct swept *out_swept,
                                       struct fault *fault);

struct trim {
    int64_t done_keep_count;
    int64_t done_keep_ms;
    int64_t dead_keep_ms; /* dead jobs that are archived and older go */
    int most;
};
struct command queue_trim(struct arena *arena,
                          struct partition partition,
                          const struct trim *trim);
/* The integer reply is the number of jobs forgotten. */

/* A job's record for people; the payload stays sealed. */
struct job_record {
    struct span id, kind, lane, tenant, worker, refs, last_fault, reply, mac, payload;
    enum job_state state;
    int version, attempt, max_attempts, crashes, deferrals;
    int64_t enqueued_ms, token;
    int64_t at_ms; /* due, lease end or settled; of ready: since when */
    struct span outcome; /* done, discarded; never, exhausted, poison; else empty */
    struct span history; /* one JSON object a line, oldest first */
    bool archived;
};

/* Dead jobs that are not in MariaDB yet, at most `most`, as show replies. */
struct command queue_unarchived(struct arena *arena,
                                struct partition partition,
                                int most);
/* These are now. A job that was retried after its record was read, even if it died again,
 * is not marked. The integer reply is the number of those that are. */
struct command queue_archived(struct arena *arena,
                              struct partition partition,
                              const struct job_record *records,
                              size_t count);

/* --- what operators do and see ----------------------------------------------------- */

struct command queue_show(struct arena *arena,
                          struct partition partition,
                          struct span id);
/* The job that a reference is the name of, then those that carry it, newest first; at
 * most `most`, without their payloads. */
struct command queue_find(struct arena *arena,
                          struct partition partition,
                          struct span ref,
                          int most);
/* out_records is empty when there is none. Reads show, find, list and unarchived. */
MUST_USE enum outcome queue_read_records(
    const struct reply *reply,
    struct arena *arena,
    struct job_record **out_records,
    size_t *out_count,
    struct span *out_cursor, /* of list; may be NULL */
    bool *out_partial, /* of list: the scan bound was hit; may be NULL */
    struct fault *fault);
struct list {
    enum job_state state;
    struct span lane; /* empty: all. Lane and kind are indexed. */
    struct span kind;
    struct span tenant; /* not indexed: scans at most `scan` records and says so */
    struct span cursor; /* from the page before; empty: from the start */
    int most;
    int scan;
};
/* In the order in which the state runs: ready as they would be taken (a tenant's jobs that
 * have members stand at its turns in some order), scheduled and leased by their time, done
 * and dead newest first. */
struct command queue_list(struct arena *arena,
                          struct partition partition,
                          const struct list *list);

/* One line of the queue's figures: jobs of a lane and kind by state. */
struct lane_counts {
    struct span lane, kind;
    int64_t count[JOB_STATE_COUNT];
    int64_t oldest_ready_ms; /* age of the job that is next; -1: none */
    bool paused; /* by an operator: its kind, its lane or everything */
    struct span waits_for; /* the neighbour that is down; empty: none */
};
struct neighbour_state {
    struct span name;
    int64_t failures;
    int64_t down_since_ms; /* 0: it is up */
    struct span fault; /* what it last said */
};
struct worker_state {
    struct span name, about;
    int64_t beat_age_ms;
};
struct pause_state {
    struct span what, by, why; /* what: "kind:receipt.send", "lane:mail", "all" */
    int64_t since_ms;
};
struct total {
    struct span name; /* enqueued, known, done, dead, later, crashed ... */
    int64_t count; /* since the queue began */
};
struct queue_stats {
    struct lane_counts *lanes;
    size_t lane_count;
    struct neighbour_state *neighbours;
    size_t neighbour_count;
    struct worker_state *workers;
    size_t worker_count;
    struct pause_state *pauses;
    size_t pause_count;
    struct total *totals;
    size_t total_count;
    int64_t now_ms; /* Redis' clock */
};
struct command queue_stats(struct arena *arena, struct partition partition);
MUST_USE enum outcome queue_read_stats(const struct reply *reply,
                                       struct arena *arena,
                                       struct queue_stats *out_stats,
                                       struct fault *fault);

/* Who acts, and the job (kind audit.write) that is enqueued in the same step. */
struct deed {
    struct span who;
    struct span why;
    const struct job_new *audit;
};
enum deed_verdict {
    DEED_DONE,
    DEED_NO_SUCH_JOB,
    DEED_WRONG_STATE, /* for example a retry of a job that is leased or done */
};
/* dead or scheduled -> ready, attempts and crashes counted from nought. */
struct command queue_retry(struct arena *arena,
                           struct partition partition,
                           struct span id,
                           const struct deed *deed);
/* ready, scheduled or dead -> done with the outcome "discarded". */
struct command queue_discard(struct arena *arena,
                             struct partition partition,
                             struct span id,
                             const struct deed *deed);
MUST_USE enum outcome queue_read_deed(
    const struct reply *reply,
    enum deed_verdict *out_verdict,
    enum job_state *out_state, /* now, or as it was; NULL for pause and resume */
    struct fault *fault);
/* `what`: "kind:<kind>", "lane:<lane>" or "all". Resuming what is not paused is
 * DEED_WRONG_STATE. */
struct command queue_pause(struct arena *arena,
                           struct partition partition,
                           struct span what,
                           const struct deed *deed);
struct command queue_resume(struct arena *arena,
                            struct partition partition,
                            struct span what,
                            const struct deed *deed);

/* --- the governor of calls to Stripe ----------------------------------------------- */

/* Asks for one call from the bucket that all workers share (rate_per_s, burst of one
 * second). The integer reply is the wait in ms before calling (0: now); a call that would
 * wait for more than most_ms is not booked. Calls that are not live leave a fifth of the bucket to those that are. The
 * bucket is one for all partitions. */
struct command queue_govern(struct arena *arena,
                            int64_t rate_per_s,
                            bool live,
                            int64_t most_ms);
/* Stripe said 429: the rate halves, at least to 1/s, and comes back by a tenth each
 * second without another. Refusals within a second of it are its echoes. */
struct command queue_govern_refused(struct arena *arena, int64_t rate_per_s);

#endif
