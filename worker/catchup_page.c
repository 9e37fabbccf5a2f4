/* SPDX-License-Identifier: MIT
 * Finds out which events of a page the ledger lacks, and makes jobs of them. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/redis.h"
#include "common/model/event.h"
#include "worker/catchup.h"
#include "worker/catchup_unread.h"
#include "worker/handlers.h"
#include "worker/producer.h"

enum {
    FRESH_MS = 60 * 1000, /* what waits for less is on its way, and no gap */
    FIRST_LINE_BYTES = 80,
    AHEAD_S = 24 * 3600, /* no clock of Stripe's is that far ahead of ours */
};

/* Where an event stands, from the best to the worst. */
enum standing {
    STANDS_LACKING, /* nobody knows of it, as far as was looked */
    STANDS_IGNORED, /* of the other mode: the front door would not keep it either */
    STANDS_KNOWN,
    STANDS_HELD,
    STANDS_RECEIVED, /* the ledger has it, and it is not processed */
    STANDS_WAITING,
    STANDS_LOST, /* its job is done, and the ledger does not have it */
    STANDS_ENQUEUED,
    STANDS_UNREADABLE,
};

struct entry {
    struct event event;
    struct span body;
    enum standing standing;
    struct follow_up job; /* of what is enqueued */
};

struct page {
    struct handling *handling;
    const struct catchup_list *list;
    struct entry entries[CATCHUP_PAGE];
    size_t count;
    int64_t told; /* of those that cannot be read: for the first time */
};

static void read_page(struct page *page, const struct cJSON *document);
static struct entry read_entry(struct page *page, const struct cJSON *object);
static struct span with_account(struct page *page, const struct cJSON *object);
static void date_unreadable(struct page *page);
static enum outcome tell_unreadable(struct page *page, struct fault *fault);
static enum outcome mark_known(struct page *page, struct fault *fault);
static enum outcome mark_processed(struct page *page,
                                   enum standing from,
                                   struct fault *fault);
static enum outcome mark_held(struct page *page, enum standing from, struct fault *fault);
static enum outcome mark(struct page *page,
                         const char *sql,
                         enum standing from,
                         enum standing to,
                         struct fault *fault);
static enum outcome enqueue(struct page *page,
                            enum standing standing,
                            const char *suffix,
                            enum standing known_as,
                            struct fault *fault);
static enum outcome make_job(struct page *page,
                             struct entry *entry,
                             const char *suffix,
                             struct fault *fault);
static enum outcome find_tenant(struct page *page,
                                const struct event *event,
                                struct span *out_tenant,
                                struct fault *fault);
static enum outcome mark_by_jobs(struct page *page, struct fault *fault);
static enum outcome read_states(struct page *page,
                                struct partition partition,
                                struct fault *fault);
static bool has_any(const struct page *page, enum standing standing);
static int64_t older_of(int64_t a_ms, int64_t b_ms);
static struct catchup_found sum_up(const struct page *page);

enum outcome catchup_page(struct handling *handling,
                          const struct catchup_list *list,
                          const struct cJSON *document,
                          struct catchup_found *out_found,
                          struct fault *fault)
{
    struct page *page = ARENA_NEW(handling->arena, struct page);
    page->handling = handling;
    page->list = list;
    read_page(page, document);
    date_unreadable(page);
    enum outcome outcome = tell_unreadable(page, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mark_known(page, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mark_held(page, STANDS_LACKING, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mark_held(page, STANDS_RECEIVED, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = enqueue(page, STANDS_RECEIVED, "", STANDS_RECEIVED, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = enqueue(page, STANDS_LACKING, "", STANDS_WAITING, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mark_by_jobs(page, fault);
    }
    if (outcome == OUTCOME_DONE && has_any(page, STANDS_LOST)) {
        /* The queue does not take the name again before it has forgotten it. The ledger
         * goes by the event's own id. */
        outcome = enqueue(page, STANDS_LOST, "/catchup", STANDS_WAITING, fault);
    }
    if (outcome == OUTCOME_DONE) {
        *out_found = sum_up(page);
    }
    return outcome;
}

void catchup_add(struct catchup_found *sum, const struct catchup_found *part)
{
    sum->seen += part->seen;
    sum->enqueued += part->enqueued;
    sum->gaps += part->gaps;
    sum->held += part->held;
    sum->told += part->told;
    sum->unread += part->unread;
    sum->oldest_ms = older_of(sum->oldest_ms, part->oldest_ms);
    sum->open_ms = older_of(sum->open_ms, part->open_ms);
}

/* Of two moments of which 0 is none. */
static int64_t older_of(int64_t a_ms, int64_t b_ms)
{
    return a_ms == 0 || (b_ms != 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static void read_page(struct page *page, const struct cJSON *document)
{
    for (const struct cJSON *object = json_first(document, "data");
         object && page->count < CATCHUP_PAGE;
         object = json_next(object)) {
        page->entries[page->count++] = read_entry(page, object);
    }
}

/* Read as the front door reads a webhook's body. */
static struct entry read_entry(struct page *page, const struct cJSON *object)
{
    const struct settings *settings = page->handling->settings;
    struct arena *arena = page->handling->arena;
    struct entry entry = {.standing = STANDS_LACKING, .body = with_account(page, object)};
    struct fault unread;
    if (entry.body.len > JOB_PAYLOAD_BYTES - FIRST_LINE_BYTES ||
        event_scan(entry.body, &entry.event, &unread) != OUTCOME_DONE) {
        entry.standing = STANDS_UNREADABLE;
        entry.event = (struct event){.id = catchup_unread_name(object, arena)};
        (void)json_integer(object, "created", &entry.event.created_s);
    } else if (settings->stripe.livemode && entry.event.has_livemode &&
               !entry.event.livemode) {
        entry.standing = STANDS_IGNORED;
    }
    return entry;
}

/* A webhook of a connected account names it; a list that was asked for on its behalf need
 * not. */
static struct span with_account(struct page *page, const struct cJSON *object)
{
    struct arena *arena = page->handling->arena;
    struct span account = page->list->account;
    struct span body = json_print(object, arena);
    if (account.len == 0 || json_has(object, "account") || body.len < 2) {
        return body;
    }
    return span_of(arena_format(arena,
                                "{\"account\":\"%.*s\",%.*s",
                                SPAN_ARGS(account),
                                (int)(body.len - 1),
                                body.at + 1));
}

/* What says no moment, or none that can be, is as old as its neighbour in the list. */
static void date_unreadable(struct page *page)
{
    int64_t now_s = clock_wall_ms(page->handling->clock) / 1000;
    for (size_t i = page->count; i-- > 0;) {
        struct entry *entry = &page->entries[i];
        int64_t created_s = entry->event.created_s;
        if (entry->standing != STANDS_UNREADABLE ||
            (created_s > 0 && created_s <= now_s + AHEAD_S)) {
            continue;
        }
        entry->event.created_s = now_s;
        if (i + 1 < page->count) {
            entry->event.created_s = page->entries[i + 1].event.created_s;
        } else if (i > 0 && page->entries[i - 1].standing != STANDS_UNREADABLE) {
            entry->event.created_s = page->entries[i - 1].event.created_s;
        }
    }
}

/* It may have come by webhook in a better shape, or somebody has seen to it. */
static enum outcome tell_unreadable(struct page *page, struct fault *fault)
{
    enum outcome outcome = mark_processed(page, STANDS_UNREADABLE, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mark_held(page, STANDS_UNREADABLE, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome =
            mark(page, CATCHUP_UNREAD_CLOSED, STANDS_UNREADABLE, STANDS_HELD, fault);
    }
    for (size_t i = 0; outcome == OUTCOME_DONE && i < page->count; i++) {
        const struct event *event = &page->entries[i].event;
        bool is_new = false;
        if (page->entries[i].standing == STANDS_UNREADABLE) {
            outcome = catchup_unread_tell(page->handling,
                                          page->list,
                                          event->id,
                                          event->created_s * 1000,
                                          &is_new,
                                          fault);
        }
        page->told += is_new;
    }
    return outcome;
}

#define IN_LEDGER                                                                        \
    "SELECT stripe_event_id FROM stripe_events WHERE stripe_event_id IN " SQL_100_PLACES

/* A handler that failed has left the event in the ledger, and its job in the queue. */
static enum outcome mark_known(struct page *page, struct fault *fault)
{
    enum outcome outcome = mark_processed(page, STANDS_LACKING, fault);
    return outcome == OUTCOME_DONE
               ? mark(page, IN_LEDGER, STANDS_LACKING, STANDS_RECEIVED, fault)
               : outcome;
}

static enum outcome mark_processed(struct page *page,
                                   enum standing from,
                                   struct fault *fault)
{
    return mark(page,
                IN_LEDGER " AND processed_at IS NOT NULL",
                from,
                STANDS_KNOWN,
                fault);
}

/* Also what Redis has forgotten: who died is archived, and a discard is in the audit
 * log. */
static enum outcome mark_held(struct page *page, enum standing from, struct fault *fault)
{
    enum outcome outcome =
        mark(page,
             "SELECT job_id FROM jobs_archive WHERE job_id IN " SQL_100_PLACES,
             from,
             STANDS_HELD,
             fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mark(page,
                       "SELECT what FROM audit_log WHERE verb = 'discard'"
                       " AND what IN " SQL_100_PLACES,
                       from,
                       STANDS_HELD,
                       fault);
    }
    return outcome;
}

/* Those that stand at `from` and whose ids the statement finds stand at `to` then. */
static enum outcome mark(struct page *page,
                         const char *sql,
                         enum standing from,
                         enum standing to,
                         struct fault *fault)
{
    struct sql_value ids[CATCHUP_PAGE];
    struct sql_rows rows;
    if (!has_any(page, from)) {
        return OUTCOME_DONE;
    }
    for (size_t i = 0; i < CATCHUP_PAGE; i++) {
        bool asked = i < page->count && page->entries[i].standing == from;
        ids[i] = asked ? SQL_SPAN(page->entries[i].event.id) : SQL_NOTHING;
    }
    enum outcome outcome = mariadb_run(page->handling->db,
                                       sql,
                                       ids,
                                       CATCHUP_PAGE,
                                       page->handling->arena,
                                       &rows,
                                       fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    page->handling->answered |= NEIGHBOUR_MARIADB;
    for (size_t i = 0; i < rows.count; i++) {
        for (size_t j = 0; j < page->count; j++) {
            struct entry *entry = &page->entries[j];
            if (entry->standing == from &&
                span_equal(entry->event.id, sql_text(&rows, i, 0))) {
                entry->standing = to;
            }
        }
    }
    return OUTCOME_DONE;
}

/* Under their own names: the webhook that comes later changes nothing, nor does this when
 * it came a moment ago. What was in the queue already waits, or so it seems: it is
 * `known_as`. */
static enum outcome enqueue(struct page *page,
                            enum standing standing,
                            const char *suffix,
                            enum standing known_as,
                            struct fault *fault)
{
    struct handling *handling = page->handling;
    struct follow_up *jobs = ARENA_ARRAY(handling->arena, struct follow_up, CATCHUP_PAGE);
    struct entry *of[CATCHUP_PAGE];
    enum enqueue_verdict verdicts[CATCHUP_PAGE];
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++) {
        struct entry *entry = &page->entries[i];
        if (entry->standing != standing) {
            continue;
        }
        enum outcome made = make_job(page, entry, suffix, fault);
        if (made != OUTCOME_DONE) {
            return made;
        }
        of[count] = entry;
        jobs[count++] = entry->job;
    }
    if (count == 0) {
        return OUTCOME_DONE;
    }
    enum outcome outcome = producer_enqueue(handling, jobs, count, verdicts, fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < count; i++) {
        of[i]->standing = verdicts[i] == ENQUEUE_NEW ? STANDS_ENQUEUED : known_as;
    }
    return outcome;
}

/* As the front door makes it of a webhook (api/webhook.c). */
static enum outcome make_job(struct page *page,
                             struct entry *entry,
                             const char *suffix,
                             struct fault *fault)
{
    struct arena *arena = page->handling->arena;
    const struct event *event = &entry->event;
    struct follow_up *job = &entry->job;
    *job = (struct follow_up){.kind = kind_find(SPAN("stripe.event"))};
    job->lane = job->kind->lane;
    job->id = span_of(arena_format(arena, "%.*s%s", SPAN_ARGS(event->id), suffix));
    int64_t now_ms = clock_wall_ms(page->handling->clock);
    job->payload = span_of(arena_format(arena,
                                        "received_ms=%lld endpoint=catchup\n%.*s",
                                        (long long)now_ms,
                                        SPAN_ARGS(entry->body)));
    memcpy(job->refs, event->refs, sizeof(job->refs));
    job->ref_count = event->ref_count;
    return find_tenant(page, event, &job->tenant, fault);
}

/* What the payment says goes before what its account says. */
static enum outcome find_tenant(struct page *page,
                                const struct event *event,
                                struct span *out_tenant,
                                struct fault *fault)
{
    struct handling *handling = page->handling;
    if (event->amicale_id.len > 0 && event->amicale_id.len <= JOB_TENANT_BYTES) {
        *out_tenant = event->amicale_id;
        return OUTCOME_DONE;
    }
    struct span account = event->account.len > 0 ? event->account : event->destination;
    struct sql_rows rows;
    if (account.len == 0) {
        return OUTCOME_DONE;
    }
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT CAST(amicale_id AS CHAR) FROM stripe_accounts"
                    " WHERE stripe_account_id = ? AND amicale_id IS NOT NULL",
                    SQL_VALUES(SQL_SPAN(account)),
                    handling->arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE && rows.count == 1) {
        *out_tenant = sql_text(&rows, 0, 0);
    }
    return outcome;
}

/* What the queue says of jobs that it knew already. Whoever is done was not so when the
 * ledger was asked, or the ledger was put back to an older state. */
static enum outcome mark_by_jobs(struct page *page, struct fault *fault)
{
    int partitions = (int)page->handling->settings->redis.partitions;
    enum outcome outcome = OUTCOME_DONE;
    for (int i = 0; outcome == OUTCOME_DONE && i < partitions; i++) {
        struct partition partition = {.number = i, .count = partitions};
        outcome = read_states(page, partition, fault);
    }
    return outcome == OUTCOME_DONE ? mark_processed(page, STANDS_LOST, fault) : outcome;
}

static enum outcome read_states(struct page *page,
                                struct partition partition,
                                struct fault *fault)
{
    struct handling *handling = page->handling;
    struct entry *of[CATCHUP_PAGE];
    struct span ids[CATCHUP_PAGE];
    struct job_result results[CATCHUP_PAGE];
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++) {
        struct entry *entry = &page->entries[i];
        if ((entry->standing == STANDS_WAITING || entry->standing == STANDS_RECEIVED) &&
            queue_partition_of(entry->job.id, partition.count).number ==
                partition.number) {
            of[count] = entry;
            ids[count++] = entry->job.id;
        }
    }
    if (count == 0) {
        return OUTCOME_DONE;
    }
    struct command command = queue_results(handling->arena, partition, ids, count);
    struct reply reply;
    enum outcome outcome =
        redis_call(handling->redis, &command, handling->arena, &reply, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = queue_read_results(&reply, count, results, fault);
    }
    for (size_t i = 0; outcome == OUTCOME_DONE && i < count; i++) {
        if (!results[i].known) {
            continue; /* it was done and trimmed meanwhile: the next walk sees it */
        }
        if (results[i].state == JOB_DEAD || results[i].discarded) {
            of[i]->standing = STANDS_HELD;
        } else if (results[i].state == JOB_DONE) {
            of[i]->standing = STANDS_LOST;
        }
    }
    return outcome == OUTCOME_UNSURE ? OUTCOME_LATER : outcome;
}

static bool has_any(const struct page *page, enum standing standing)
{
    for (size_t i = 0; i < page->count; i++) {
        if (page->entries[i].standing == standing) {
            return true;
        }
    }
    return false;
}

static struct catchup_found sum_up(const struct page *page)
{
    struct catchup_found found = {.seen = (int64_t)page->count, .told = page->told};
    int64_t fresh_ms = clock_wall_ms(page->handling->clock) - FRESH_MS;
    for (size_t i = 0; i < page->count; i++) {
        const struct entry *entry = &page->entries[i];
        int64_t created_ms = entry->event.created_s * 1000;
        enum standing standing = entry->standing;
        found.held += standing == STANDS_HELD;
        found.enqueued += standing == STANDS_ENQUEUED;
        bool absent = standing == STANDS_ENQUEUED || standing == STANDS_UNREADABLE ||
                      standing == STANDS_WAITING;
        found.gaps += standing == STANDS_ENQUEUED ||
                      (standing == STANDS_WAITING && created_ms <= fresh_ms);
        bool open = standing == STANDS_ENQUEUED || standing == STANDS_WAITING ||
                    standing == STANDS_RECEIVED;
        found.oldest_ms =
            absent ? older_of(found.oldest_ms, created_ms) : found.oldest_ms;
        found.open_ms = open ? older_of(found.open_ms, created_ms) : found.open_ms;
    }
    return found;
}
