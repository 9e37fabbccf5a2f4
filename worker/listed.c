/* SPDX-License-Identifier: MIT
 * Walks Stripe's lists, page by page. */
#include "worker/listed.h"

#include "common/base/json.h"
#include "worker/handlers.h"

/* A hundred objects a page: more than any amicale, or all of them together, has. */
enum { MOST_PAGES = 500 };

/* What listed_find looks for, and found. */
struct search {
    const struct listed_mark *marks;
    struct arena *arena;
    struct span printed; /* the object; empty: not found */
};

static enum outcome get_page(struct handling *handling,
                             const struct listed *listed,
                             struct span after,
                             struct stripe_answer *answer,
                             struct fault *fault);
static bool walk_page(const struct cJSON *page,
                      listed_fn each,
                      void *context,
                      struct span *out_last);
static bool is_not_ours(const struct cJSON *object, void *context);
static bool is_marked(const struct cJSON *object, const struct listed_mark *mark);

enum outcome listed_walk(struct handling *handling,
                         const struct listed *listed,
                         listed_fn each,
                         void *context,
                         struct stripe_answer *out_refusal,
                         struct fault *fault)
{
    struct span after = SPAN("");
    for (int page = 0; page < MOST_PAGES; page++) {
        struct stripe_answer answer = {0};
        struct span last = SPAN("");
        enum outcome outcome = get_page(handling, listed, after, &answer, fault);
        if (outcome != OUTCOME_DONE) {
            if (outcome == OUTCOME_NEVER && out_refusal) {
                *out_refusal = answer;
            }
            return outcome;
        }
        bool on = walk_page(answer.document, each, context, &last);
        on = on && json_is_true(answer.document, "has_more") && last.len > 0;
        after = arena_span(handling->arena, last);
        json_free(answer.document);
        if (!on) {
            return OUTCOME_DONE;
        }
    }
    return fault_set(fault, OUTCOME_LATER, "listed", 0, "Stripe's list has no end");
}

static enum outcome get_page(struct handling *handling,
                             const struct listed *listed,
                             struct span after,
                             struct stripe_answer *answer,
                             struct fault *fault)
{
    struct stripe_param query[LISTED_MOST_QUERY + 2];
    size_t count = 0;
    query[count++] = (struct stripe_param){"limit", SPAN("100")};
    for (size_t i = 0; i < listed->query_count; i++) {
        query[count++] = listed->query[i];
    }
    if (after.len > 0) {
        query[count++] = (struct stripe_param){"starting_after", after};
    }
    enum outcome outcome = stripe_get(handling->stripe,
                                      listed->path,
                                      query,
                                      count,
                                      SPAN(""),
                                      listed->live,
                                      handling->arena,
                                      answer,
                                      fault);
    if (outcome == OUTCOME_DONE) {
        handling->answered |= NEIGHBOUR_STRIPE;
    }
    return outcome;
}

/* False once `each` has had enough. */
static bool walk_page(const struct cJSON *page,
                      listed_fn each,
                      void *context,
                      struct span *out_last)
{
    for (const struct cJSON *object = json_first(page, "data"); object;
         object = json_next(object)) {
        *out_last = json_string(object, "id");
        if (!each(object, context)) {
            return false;
        }
    }
    return true;
}

enum outcome listed_find(struct handling *handling,
                         const struct listed *listed,
                         const struct listed_mark marks[LISTED_MARKS],
                         struct cJSON **out_object,
                         struct fault *fault)
{
    struct search search = {.marks = marks, .arena = handling->arena};
    struct cJSON *object = NULL;
    enum outcome outcome =
        listed_walk(handling, listed, is_not_ours, &search, NULL, fault);
    if (outcome == OUTCOME_DONE && search.printed.len > 0) {
        outcome = json_parse(search.printed, &object, fault);
    }
    if (outcome == OUTCOME_DONE) {
        *out_object = object;
    }
    return outcome;
}

static bool is_not_ours(const struct cJSON *object, void *context)
{
    struct search *search = context;
    for (size_t i = 0; i < LISTED_MARKS; i++) {
        const struct listed_mark *mark = &search->marks[i];
        if (mark->value.len > 0 && !is_marked(object, mark)) {
            return true;
        }
    }
    search->printed = json_print(object, search->arena);
    return false;
}

static bool is_marked(const struct cJSON *object, const struct listed_mark *mark)
{
    int64_t number = 0;
    int64_t wanted = 0;
    if (json_integer(object, mark->key, &number)) {
        return span_to_i64(mark->value, &wanted) && number == wanted;
    }
    return span_equal(json_string(object, mark->key), mark->value);
}
