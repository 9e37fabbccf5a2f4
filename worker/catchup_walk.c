/* SPDX-License-Identifier: MIT
 * Walks one list of events, page by page, and keeps how far it has come. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "common/model/event.h"
#include "worker/catchup.h"
#include "worker/crash_point.h"
#include "worker/handlers.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
/* Stripe lists events for 30 days; a cursor that is nearly so old is not relied on. */
#define LISTED_MS (30 * DAY_MS)
#define CURSOR_MOST_MS (29 * DAY_MS)

enum { PAGE_ARENA_BYTES = 128 << 20, FAULT_BYTES = 255, MOST_PARAMS = 24 };

/* An event by which the list is entered. */
struct mark {
    char id[EVENT_ID_BYTES + 1]; /* empty: none */
    int64_t created_ms;
};

struct walk {
    struct handling page; /* as the job's, with the arena of one page */
    struct arena arena;
    const struct catchup_list *list;
    int64_t begun_ms;
    bool forward; /* from the cursor to newer events; else from the newest back */
    struct mark at; /* the list goes on behind it */
    struct mark cursor; /* the next walk begins there */
    struct catchup_found found;
    /* As the row had it. */
    int64_t walked_ms;
    int64_t gaps;
    bool seen_before;
};

static enum outcome load(struct walk *walk, struct fault *fault);
static bool is_done_already(const struct walk *walk,
                            const struct handling *handling,
                            bool again);
static void choose_way(struct walk *walk);
static enum outcome walk_list(struct walk *walk, struct fault *fault);
static enum outcome step(struct walk *walk, bool *out_more, struct fault *fault);
static enum outcome get_page(struct walk *walk,
                             struct stripe_answer *out_answer,
                             struct fault *fault);
static size_t add_types(const struct walk *walk,
                        struct stripe_param *query,
                        size_t count);
static void note_marks(struct walk *walk, const struct cJSON *page);
static void set_mark(struct mark *mark, const struct cJSON *event);
static enum outcome keep_page(struct walk *walk,
                              const struct catchup_found *part,
                              struct fault *fault);
static enum outcome keep_end(struct walk *walk, struct fault *fault);
static void keep_fault(struct walk *walk, const struct fault *fault);
static bool is_forgotten(const struct walk *walk, const struct stripe_answer *answer);

enum outcome catchup_walk(struct handling *handling,
                          const struct catchup_list *list,
                          bool again,
                          struct catchup_found *out_found,
                          struct fault *fault)
{
    struct walk walk = {.page = *handling,
                        .list = list,
                        .begun_ms = clock_wall_ms(handling->clock)};
    arena_init(&walk.arena, PAGE_ARENA_BYTES);
    walk.page.arena = &walk.arena;
    enum outcome outcome = load(&walk, fault);
    if (outcome == OUTCOME_DONE && !is_done_already(&walk, handling, again)) {
        choose_way(&walk);
        outcome = walk_list(&walk, fault);
        if (outcome == OUTCOME_DONE) {
            outcome = keep_end(&walk, fault);
        }
        if (outcome != OUTCOME_DONE) {
            keep_fault(&walk, fault);
        }
    }
    handling->answered |= walk.page.answered;
    arena_done(&walk.arena);
    if (outcome == OUTCOME_DONE) {
        *out_found = walk.found;
    }
    return outcome;
}

#define MOMENT_MS(column) "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " column ") DIV 1000"

static enum outcome load(struct walk *walk, struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(walk->page.db,
                    "SELECT last_event_id, " MOMENT_MS("last_event_created") ", " //
                    MOMENT_MS("walked_at") ", gap_count FROM event_cursors"
                                           " WHERE account = ? AND walk = ?",
                    SQL_VALUES(SQL_SPAN(walk->list->account),
                               SQL_STRING(event_walk_name(walk->list->walk))),
                    &walk->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE || rows.count == 0) {
        return outcome;
    }
    struct span id = sql_text(&rows, 0, 0);
    if (id.len <= EVENT_ID_BYTES) {
        memcpy(walk->cursor.id, id.at, id.len);
        walk->cursor.created_ms = sql_i64(&rows, 0, 1);
    }
    walk->walked_ms = sql_i64(&rows, 0, 2);
    walk->gaps = sql_i64(&rows, 0, 3);
    walk->seen_before = true;
    return OUTCOME_DONE;
}

/* Jobs that waited while a neighbour was away come all at once then: one walk does for
 * them all. */
static bool is_done_already(const struct walk *walk,
                            const struct handling *handling,
                            bool again)
{
    if (again) {
        return walk->seen_before && walk->gaps == 0;
    }
    int64_t asked_ms = handling->job->enqueued_ms;
    return asked_ms > 0 && walk->walked_ms >= asked_ms &&
           walk->walked_ms <= walk->begun_ms; /* else a clock was ahead then */
}

static void choose_way(struct walk *walk)
{
    walk->forward = walk->cursor.id[0] != '\0' &&
                    walk->cursor.created_ms > walk->begun_ms - CURSOR_MOST_MS;
    if (walk->forward) {
        walk->at = walk->cursor;
    } else {
        walk->cursor = (struct mark){.id = ""};
    }
}

static enum outcome walk_list(struct walk *walk, struct fault *fault)
{
    bool more = true;
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE && more) {
        outcome = step(walk, &more, fault);
        arena_reset(&walk->arena);
        CRASH_POINT("page_walked");
    }
    return outcome;
}

static enum outcome step(struct walk *walk, bool *out_more, struct fault *fault)
{
    struct stripe_answer answer = {0};
    enum outcome outcome = get_page(walk, &answer, fault);
    if (outcome == OUTCOME_NEVER && is_forgotten(walk, &answer)) {
        /* What was seen of this walk is seen once more, and counted anew. */
        walk->forward = false;
        walk->at = walk->cursor = (struct mark){.id = ""};
        walk->found = (struct catchup_found){0};
        return OUTCOME_DONE;
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    walk->page.answered |= NEIGHBOUR_STRIPE;
    struct catchup_found part;
    outcome = catchup_page(&walk->page, walk->list, answer.document, &part, fault);
    if (outcome == OUTCOME_DONE) {
        struct mark before = walk->at;
        catchup_add(&walk->found, &part);
        note_marks(walk, answer.document);
        *out_more = json_is_true(answer.document, "has_more");
        outcome = keep_page(walk, &part, fault);
        if (outcome == OUTCOME_DONE && *out_more && strcmp(before.id, walk->at.id) == 0) {
            outcome = fault_set(fault,
                                OUTCOME_LATER,
                                "catchup",
                                0,
                                "Stripe's list promises more and does not go on");
        }
    }
    json_free(answer.document);
    return outcome;
}

/* With ending_before Stripe gives the page that lies next to the event, on its newer side,
 * and has_more tells of newer ones still (docs.stripe.com/api/pagination). */
static enum outcome get_page(struct walk *walk,
                             struct stripe_answer *out_answer,
                             struct fault *fault)
{
    struct stripe_param query[MOST_PARAMS];
    size_t count = 0;
    int64_t since_s = (walk->begun_ms - LISTED_MS) / 1000;
    query[count++] = (struct stripe_param){"limit", SPAN("100")};
    if (walk->forward) {
        query[count++] = (struct stripe_param){"ending_before", span_of(walk->at.id)};
    } else {
        query[count++] = (struct stripe_param){
            "created[gte]",
            span_of(arena_format(&walk->arena, "%lld", (long long)since_s))};
        if (walk->at.id[0] != '\0') {
            query[count++] =
                (struct stripe_param){"starting_after", span_of(walk->at.id)};
        }
    }
    count = add_types(walk, query, count);
    return stripe_get(walk->page.stripe,
                      "/v1/events",
                      query,
                      count,
                      walk->list->account,
                      false,
                      &walk->arena,
                      out_answer,
                      fault);
}

/* Those that an endpoint of this account is told of. */
static size_t add_types(const struct walk *walk, struct stripe_param *query, size_t count)
{
    static const char *const names[EVENT_WALK_TYPES] = {
        "types[0]",  "types[1]",  "types[2]",  "types[3]",  "types[4]",
        "types[5]",  "types[6]",  "types[7]",  "types[8]",  "types[9]",
        "types[10]", "types[11]", "types[12]", "types[13]", "types[14]",
        "types[15]", "types[16]", "types[17]", "types[18]", "types[19]"};
    size_t types = 0;
    for (size_t i = 0; i < event_types_handled_count; i++) {
        const struct event_types_row *row = &event_types_handled[i];
        bool told = walk->list->account.len > 0 ? row->connect : row->platform;
        if (told && row->walk == walk->list->walk && types < EVENT_WALK_TYPES) {
            query[count++] = (struct stripe_param){names[types++], span_of(row->type)};
        }
    }
    return count;
}

/* Where the list goes on, and the newest event that the next walk may begin behind: old
 * enough, and older than all that are still to be done. Forward it is overtaken by the
 * pages that follow; backward the first one is it, unless an older page has one to do. */
static void note_marks(struct walk *walk, const struct cJSON *page)
{
    int64_t settled_ms = walk->begun_ms - walk->page.settings->books.overlap_s * 1000;
    int64_t open_ms = walk->found.open_ms;
    if (open_ms != 0 && open_ms <= settled_ms) {
        settled_ms = open_ms - 1;
    }
    if (!walk->forward && walk->cursor.created_ms > settled_ms) {
        walk->cursor = (struct mark){.id = ""};
    }
    bool found = !walk->forward && walk->cursor.id[0] != '\0';
    bool first = true;
    for (const struct cJSON *event = json_first(page, "data"); event;
         event = json_next(event)) {
        int64_t created_s = 0;
        (void)json_integer(event, "created", &created_s);
        if (!found && created_s * 1000 <= settled_ms) {
            set_mark(&walk->cursor, event);
            found = true;
        }
        if (first || !walk->forward) {
            set_mark(&walk->at, event);
        }
        first = false;
    }
}

static void set_mark(struct mark *mark, const struct cJSON *event)
{
    struct span id = json_string(event, "id");
    int64_t created_s = 0;
    (void)json_integer(event, "created", &created_s);
    if (id.len == 0 || id.len > EVENT_ID_BYTES) {
        return;
    }
    *mark = (struct mark){.created_ms = created_s * 1000};
    memcpy(mark->id, id.at, id.len);
}

/* After each page, so that a walk that ends early is gone on with, and so that nothing is
 * said to be complete that is not. A list read from its newest event has a cursor only
 * once it was read to its end. */
static enum outcome keep_page(struct walk *walk,
                              const struct catchup_found *part,
                              struct fault *fault)
{
    struct arena *arena = &walk->arena;
    struct sql_value oldest = sql_moment(arena, part->oldest_ms);
    const struct mark *cursor = walk->forward ? &walk->cursor : &(struct mark){.id = ""};
    return mariadb_run(
        walk->page.db,
        "INSERT INTO event_cursors (account, walk, last_event_id, last_event_created,"
        " gaps_found) VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE"
        " last_event_id = COALESCE(VALUES(last_event_id), last_event_id),"
        " last_event_created = COALESCE(VALUES(last_event_created), last_event_created),"
        " gaps_found = gaps_found + VALUES(gaps_found),"
        " complete_until = LEAST(complete_until,"
        " COALESCE(CAST(? AS DATETIME(3)), complete_until))",
        SQL_VALUES(SQL_SPAN(walk->list->account),
                   SQL_STRING(event_walk_name(walk->list->walk)),
                   sql_optional(span_of(cursor->id)),
                   sql_moment(arena, cursor->created_ms),
                   SQL_I64(part->enqueued),
                   oldest),
        arena,
        NULL,
        fault);
}

/* Of two workers that walk the list at a time, the one that began later has the last
 * word, unless it began so much later that its clock was ahead. What was created within
 * the second in which the walk began may have come behind its back. */
static enum outcome keep_end(struct walk *walk, struct fault *fault)
{
    struct arena *arena = &walk->arena;
    int64_t begun_s = walk->begun_ms / 1000;
    int64_t complete_ms = begun_s * 1000;
    if (walk->found.oldest_ms != 0 && walk->found.oldest_ms < complete_ms) {
        complete_ms = walk->found.oldest_ms;
    }
    struct sql_value begun = sql_moment(arena, walk->begun_ms);
    return mariadb_run(walk->page.db,
                       "UPDATE event_cursors SET last_event_id = ?,"
                       " last_event_created = ?, complete_until = ?, gap_count = ?,"
                       " walked_at = ?, last_fault = NULL WHERE account = ? AND walk = ?"
                       " AND (walked_at IS NULL OR walked_at <= ?"
                       " OR walked_at > ? + INTERVAL 1 HOUR)",
                       SQL_VALUES(sql_optional(span_of(walk->cursor.id)),
                                  sql_moment(arena, walk->cursor.created_ms),
                                  sql_moment(arena, complete_ms),
                                  SQL_I64(walk->found.gaps),
                                  begun,
                                  SQL_SPAN(walk->list->account),
                                  SQL_STRING(event_walk_name(walk->list->walk)),
                                  begun,
                                  begun),
                       arena,
                       NULL,
                       fault);
}

/* Beside the fault that is returned: when it cannot be kept that one says enough. */
static void keep_fault(struct walk *walk, const struct fault *fault)
{
    size_t len = strlen(fault->text);
    struct span text = {fault->text, len < FAULT_BYTES ? len : FAULT_BYTES};
    struct fault second;
    mariadb_rollback(walk->page.db);
    enum outcome kept =
        mariadb_run(walk->page.db,
                    "INSERT INTO event_cursors (account, walk, last_fault)"
                    " VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE"
                    " last_fault = VALUES(last_fault)",
                    SQL_VALUES(SQL_SPAN(walk->list->account),
                               SQL_STRING(event_walk_name(walk->list->walk)),
                               SQL_SPAN(text)),
                    &walk->arena,
                    NULL,
                    &second);
    (void)kept;
}

/* Stripe lists an event for 30 days, and may have dropped this one before. */
static bool is_forgotten(const struct walk *walk, const struct stripe_answer *answer)
{
    return walk->forward && walk->at.id[0] != '\0' &&
           (answer->status == 404 || span_is(answer->error_code, "resource_missing"));
}
