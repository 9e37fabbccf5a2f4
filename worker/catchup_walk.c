/* SPDX-License-Identifier: MIT
 * Walks one list of events, page by page, and keeps how far it has come. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/stripe.h"
#include "common/model/event.h"
#include "worker/catchup_cursor.h"
#include "worker/catchup_unread.h"
#include "worker/crash_point.h"
#include "worker/events.h"
#include "worker/handlers.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
/* Stripe lists events for 30 days; a cursor that is nearly so old is not relied on. */
#define LISTED_MS (30 * DAY_MS)
#define CURSOR_MOST_MS (29 * DAY_MS)

enum { PAGE_ARENA_BYTES = 128 << 20, MOST_PARAMS = 24, ENTERED_MOST = 3 };

struct walk {
    struct handling page; /* as the job's, with the arena of one page */
    struct arena arena;
    const struct catchup_list *list;
    struct catchup_cursor cursor; /* as the row had it */
    int64_t begun_ms;
    bool forward; /* to newer events, page by page; else the list is being entered */
    int64_t from_s; /* while it is entered: nothing is older */
    int64_t to_s; /* the oldest is older than that; 0: all that is listed is asked for */
    int64_t ask_s; /* what is asked for is older than that; 0: as to_s */
    int entered; /* how often */
    struct catchup_mark newest; /* of what it was entered with */
    struct catchup_mark at; /* the list goes on behind it */
    struct catchup_mark mark; /* the next walk begins there */
    struct catchup_found found;
};

static bool is_done_already(const struct walk *walk,
                            const struct handling *handling,
                            bool again);
static void choose_way(struct walk *walk);
static void enter(struct walk *walk);
static enum outcome walk_list(struct walk *walk, struct fault *fault);
static enum outcome step(struct walk *walk, bool *out_more, struct fault *fault);
static enum outcome get_page(struct walk *walk,
                             struct stripe_answer *out_answer,
                             struct fault *fault);
static size_t add_types(const struct walk *walk,
                        struct stripe_param *query,
                        size_t count);
static struct span seconds(struct walk *walk, int64_t moment_s);
static bool narrow(struct walk *walk, const struct cJSON *page);
static int64_t newest_s(const struct cJSON *page, int64_t otherwise_s);
static enum outcome take_page(struct walk *walk,
                              const struct cJSON *page,
                              bool *out_more,
                              struct fault *fault);
static void note_marks(struct walk *walk, const struct cJSON *page);
static bool read_mark(const struct cJSON *event, struct catchup_mark *out_mark);
static bool is_forgotten(const struct walk *walk, const struct stripe_answer *answer);
static enum outcome count_unread(struct walk *walk, struct fault *fault);

enum outcome catchup_walk(struct handling *handling,
                          const struct catchup_list *list,
                          bool again,
                          struct catchup_found *out_found,
                          struct fault *fault)
{
    struct walk walk = {.page = *handling, .list = list};
    bool taken = false;
    arena_init(&walk.arena, PAGE_ARENA_BYTES);
    walk.page.arena = &walk.arena;
    enum outcome outcome =
        catchup_cursor_take(&walk.page, list, &walk.cursor, &taken, fault);
    walk.begun_ms = clock_wall_ms(handling->clock);
    bool idle = taken && is_done_already(&walk, handling, again);
    if (outcome == OUTCOME_DONE && taken && !idle) {
        choose_way(&walk);
        outcome = walk_list(&walk, fault);
        if (outcome == OUTCOME_DONE) {
            outcome = count_unread(&walk, fault);
        }
        if (outcome == OUTCOME_DONE) {
            outcome = catchup_cursor_end(&walk.page,
                                         &walk.cursor,
                                         walk.begun_ms,
                                         &walk.mark,
                                         &walk.found,
                                         fault);
        }
    }
    if (taken && (idle || outcome != OUTCOME_DONE)) {
        catchup_cursor_leave(&walk.page, &walk.cursor, idle ? NULL : fault);
    }
    handling->answered |= walk.page.answered;
    arena_done(&walk.arena);
    if (outcome == OUTCOME_DONE) {
        *out_found = walk.found;
    }
    return outcome;
}

/* Jobs that waited while a neighbour was away come all at once then: one walk does for
 * them all. */
static bool is_done_already(const struct walk *walk,
                            const struct handling *handling,
                            bool again)
{
    int64_t walked_ms = walk->cursor.walked_ms;
    if (again) {
        return walked_ms != 0 && walk->cursor.gaps == 0;
    }
    int64_t asked_ms = handling->job->enqueued_ms;
    return asked_ms > 0 && walked_ms >= asked_ms &&
           walked_ms <= walk->begun_ms; /* else a clock was ahead then */
}

static void choose_way(struct walk *walk)
{
    const struct catchup_mark *mark = &walk->cursor.mark;
    walk->forward =
        mark->id[0] != '\0' && mark->created_ms > walk->begun_ms - CURSOR_MOST_MS;
    if (walk->forward) {
        walk->at = walk->mark = *mark;
    } else {
        enter(walk);
    }
}

/* What was seen of this walk is seen once more, and counted anew. */
static void enter(struct walk *walk)
{
    walk->forward = false;
    walk->from_s = (walk->begun_ms - LISTED_MS) / 1000;
    walk->to_s = walk->ask_s = 0;
    walk->entered++;
    walk->at = walk->mark = walk->newest = (struct catchup_mark){.id = ""};
    walk->found = (struct catchup_found){0};
}

static enum outcome walk_list(struct walk *walk, struct fault *fault)
{
    bool more = true;
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE && more) {
        outcome = step(walk, &more, fault);
        arena_reset(&walk->arena);
    }
    return outcome;
}

static enum outcome step(struct walk *walk, bool *out_more, struct fault *fault)
{
    struct stripe_answer answer = {0};
    enum outcome outcome = get_page(walk, &answer, fault);
    if (outcome == OUTCOME_NEVER && is_forgotten(walk, &answer)) {
        enter(walk);
        return OUTCOME_DONE;
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    walk->page.answered |= NEIGHBOUR_STRIPE;
    if (walk->forward || !narrow(walk, answer.document)) {
        outcome = take_page(walk, answer.document, out_more, fault);
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
    int64_t before_s = walk->ask_s ? walk->ask_s : walk->to_s;
    query[count++] = (struct stripe_param){"limit", SPAN("100")};
    if (walk->forward) {
        query[count++] = (struct stripe_param){"ending_before", span_of(walk->at.id)};
    } else {
        query[count++] =
            (struct stripe_param){"created[gte]", seconds(walk, walk->from_s)};
        if (before_s != 0) {
            query[count++] =
                (struct stripe_param){"created[lt]", seconds(walk, before_s)};
        }
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

static struct span seconds(struct walk *walk, int64_t moment_s)
{
    return span_of(arena_format(&walk->arena, "%lld", (long long)moment_s));
}

/* A list of more than a page is entered with its oldest events, so that it is walked
 * forward from there, and a walk that ends early is gone on with. They are found by halves:
 * none is older than from_s, and more than a page is older than to_s. True while this page
 * is not the one that holds them, nor one of the second that does. */
static bool narrow(struct walk *walk, const struct cJSON *page)
{
    const struct cJSON *first = json_first(page, "data");
    bool more = json_is_true(page, "has_more");
    if (walk->to_s != 0 && walk->ask_s == 0) {
        return false; /* of one second */
    }
    if (!more && (first || walk->to_s == 0)) {
        return false;
    }
    if (!more) {
        walk->from_s = walk->ask_s;
    } else if (walk->to_s != 0) {
        walk->to_s = walk->ask_s;
    } else {
        walk->to_s = newest_s(page, walk->begun_ms / 1000) + 1;
    }
    int64_t left_s = walk->to_s - walk->from_s;
    walk->ask_s = left_s > 1 ? walk->from_s + left_s / 2 : 0;
    return true;
}

/* By Stripe's clock, and not by ours unless it says nothing. */
static int64_t newest_s(const struct cJSON *page, int64_t otherwise_s)
{
    int64_t newest = 0;
    for (const struct cJSON *event = json_first(page, "data"); event;
         event = json_next(event)) {
        int64_t created_s = 0;
        (void)json_integer(event, "created", &created_s);
        newest = created_s > newest ? created_s : newest;
    }
    return newest > 0 ? newest : otherwise_s;
}

static enum outcome take_page(struct walk *walk,
                              const struct cJSON *page,
                              bool *out_more,
                              struct fault *fault)
{
    struct catchup_found part;
    struct catchup_mark before = walk->at;
    bool more = json_is_true(page, "has_more");
    enum outcome outcome = catchup_page(&walk->page, walk->list, page, &part, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    catchup_add(&walk->found, &part);
    note_marks(walk, page);
    /* What the list was entered with is kept as soon as all of it was looked at. */
    bool is_entered = walk->forward || !more;
    const struct catchup_mark none = {.id = ""};
    outcome = catchup_cursor_page(&walk->page,
                                  &walk->cursor,
                                  is_entered ? &walk->mark : &none,
                                  &part,
                                  fault);
    CRASH_POINT("page_walked");
    *out_more = more || (!walk->forward && walk->to_s != 0);
    if (!walk->forward && is_entered) {
        walk->forward = true;
        walk->at = walk->newest;
    }
    if (outcome == OUTCOME_DONE && *out_more &&
        (walk->at.id[0] == '\0' || strcmp(before.id, walk->at.id) == 0)) {
        outcome = fault_set(fault,
                            OUTCOME_LATER,
                            "catchup",
                            0,
                            "Stripe's list promises more and does not go on");
    }
    return outcome;
}

/* Where the list goes on, and the newest event that the next walk may begin behind: old
 * enough, and older than all that are still to be done. Forward it is overtaken by the
 * pages that follow; of what the list is entered with the first one is it, unless an older
 * page has one to do. */
static void note_marks(struct walk *walk, const struct cJSON *page)
{
    int64_t settled_ms = walk->begun_ms - walk->page.settings->books.overlap_s * 1000;
    int64_t open_ms = walk->found.open_ms;
    if (open_ms != 0 && open_ms <= settled_ms) {
        settled_ms = open_ms - 1;
    }
    if (!walk->forward && walk->mark.created_ms > settled_ms) {
        walk->mark = (struct catchup_mark){.id = ""};
    }
    bool found = !walk->forward && walk->mark.id[0] != '\0';
    bool first = true;
    for (const struct cJSON *event = json_first(page, "data"); event;
         event = json_next(event)) {
        struct catchup_mark mark;
        if (!read_mark(event, &mark)) {
            continue;
        }
        if (!found && mark.created_ms > 0 && mark.created_ms <= settled_ms) {
            walk->mark = mark;
            found = true;
        }
        if (!walk->forward && walk->newest.id[0] == '\0') {
            walk->newest = mark;
        }
        if (first || !walk->forward) {
            walk->at = mark;
        }
        first = false;
    }
}

/* False for what no list can be entered by. */
static bool read_mark(const struct cJSON *event, struct catchup_mark *out_mark)
{
    struct span id = json_string(event, "id");
    int64_t created_s = 0;
    (void)json_integer(event, "created", &created_s);
    if (!event_is_id(id) || id.len > EVENT_ID_BYTES) {
        return false;
    }
    *out_mark = (struct catchup_mark){.created_ms = created_s * 1000};
    memcpy(out_mark->id, id.at, id.len);
    return true;
}

/* Stripe lists an event for 30 days, and may have dropped this one before: the one that the
 * list was entered with as well, but hardly twice. */
static bool is_forgotten(const struct walk *walk, const struct stripe_answer *answer)
{
    return walk->forward && walk->at.id[0] != '\0' && walk->entered < ENTERED_MOST &&
           (answer->status == 404 || span_is(answer->error_code, "resource_missing"));
}

/* Also those that are behind the cursor. */
static enum outcome count_unread(struct walk *walk, struct fault *fault)
{
    struct catchup_found left = {0};
    enum outcome outcome = catchup_unread_left(&walk->page,
                                               walk->list,
                                               &left.unread,
                                               &left.oldest_ms,
                                               fault);
    if (outcome == OUTCOME_DONE) {
        catchup_add(&walk->found, &left);
    }
    return outcome;
}
