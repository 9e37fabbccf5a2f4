/* SPDX-License-Identifier: MIT
 * The two endpoints at Stripe: found, made, mended. */
#include "ctl/webhook_ends.h"

#include <assert.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/link/stripe.h"
#include "common/model/event_types.h"

#define COLLECTION "/v1/webhook_endpoints"
#define DESCRIPTION "Tocsin"
#define UNKNOWN "unknown"

enum { MOST_PARAMS = 64, TYPES_BYTES = 64 * 1024, MOST_SENDS = 3, KEY_BYTES = 16 };

/* A form as it grows. */
struct fields {
    struct stripe_param params[MOST_PARAMS];
    size_t count;
};

static void read_end(const struct cJSON *document,
                     struct arena *arena,
                     struct webhook_end ends[END_COUNT]);
static enum webhook_end_place place_of(const struct cJSON *document);
static void compare_types(const struct cJSON *document,
                          enum webhook_end_place place,
                          struct arena *arena,
                          struct webhook_end *end);
static bool names_type(const struct cJSON *document, const char *type);
static bool is_told(enum webhook_end_place place, size_t row);
static void add(struct fields *fields, const char *name, struct span value);
static void add_types(struct fields *fields,
                      enum webhook_end_place place,
                      struct arena *arena);
static enum outcome change(struct stripe *stripe,
                           struct span id,
                           const struct fields *fields,
                           struct arena *arena,
                           struct fault *fault);
static enum outcome send_fields(struct stripe *stripe,
                                const char *path,
                                const struct fields *fields,
                                struct arena *arena,
                                struct stripe_answer *out_answer,
                                struct fault *fault);
static struct span make_key(struct arena *arena);

const char *webhook_ends_name(enum webhook_end_place place)
{
    return place == END_CONNECT ? "connect" : "platform";
}

size_t webhook_ends_types(enum webhook_end_place place)
{
    size_t count = 0;
    for (size_t i = 0; i < event_types_handled_count; i++) {
        count += is_told(place, i) ? 1 : 0;
    }
    return count;
}

enum outcome webhook_ends_find(struct stripe *stripe,
                               const char *url,
                               struct arena *arena,
                               struct webhook_end out_ends[END_COUNT],
                               struct fault *fault)
{
    struct webhook_end ends[END_COUNT] = {0};
    struct span after = {NULL, 0};
    bool has_more = true;
    while (has_more) {
        const struct stripe_param query[] = {{"limit", SPAN("100")},
                                             {"starting_after", after}};
        struct stripe_answer answer = {0};
        enum outcome outcome = stripe_get(stripe,
                                          COLLECTION,
                                          query,
                                          after.len > 0 ? 2 : 1,
                                          SPAN(""),
                                          false,
                                          arena,
                                          &answer,
                                          fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        has_more = json_is_true(answer.document, "has_more");
        struct span last = {NULL, 0};
        for (struct cJSON *at = json_first(answer.document, "data"); at;
             at = json_next(at)) {
            last = arena_span(arena, json_string(at, "id"));
            if (span_is(json_string(at, "url"), url)) {
                read_end(at, arena, ends);
            }
        }
        json_free(answer.document);
        has_more = has_more && last.len > 0;
        after = last;
    }
    memcpy(out_ends, ends, sizeof(ends));
    return OUTCOME_DONE;
}

enum outcome webhook_ends_make(struct stripe *stripe,
                               enum webhook_end_place place,
                               const char *url,
                               struct arena *arena,
                               struct span *out_id,
                               struct span *out_secret,
                               struct fault *fault)
{
    struct stripe_answer answer = {0};
    struct fields fields = {.count = 0};
    add(&fields, "url", span_of(url));
    add(&fields, "api_version", SPAN(STRIPE_VERSION));
    add(&fields, "connect", place == END_CONNECT ? SPAN("true") : SPAN("false"));
    add(&fields, "description", SPAN(DESCRIPTION));
    add(&fields, "metadata[tocsin_endpoint]", span_of(webhook_ends_name(place)));
    add_types(&fields, place, arena);
    enum outcome outcome =
        send_fields(stripe, COLLECTION, &fields, arena, &answer, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct span id = arena_span(arena, json_string(answer.document, "id"));
    struct span secret = arena_span(arena, json_string(answer.document, "secret"));
    json_free(answer.document);
    if (id.len == 0 || !span_starts(secret, "whsec_")) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "webhook_ends",
                         0,
                         "Stripe's answer shows no secret of the endpoint %.*s",
                         SPAN_ARGS(id));
    }
    *out_id = id;
    *out_secret = secret;
    return OUTCOME_DONE;
}

enum outcome webhook_ends_mend(struct stripe *stripe,
                               enum webhook_end_place place,
                               const struct webhook_end *end,
                               struct arena *arena,
                               struct fault *fault)
{
    struct fields fields = {.count = 0};
    add(&fields, "disabled", SPAN("false"));
    if (!end->is_ours) {
        add(&fields, "metadata[tocsin_secret]", SPAN(UNKNOWN));
    }
    add(&fields, "metadata[tocsin_endpoint]", span_of(webhook_ends_name(place)));
    add_types(&fields, place, arena);
    return change(stripe, end->id, &fields, arena, fault);
}

enum outcome webhook_ends_mark(struct stripe *stripe,
                               struct span id,
                               const char *secret_mark,
                               struct arena *arena,
                               struct fault *fault)
{
    struct fields fields = {.count = 0};
    add(&fields, "metadata[tocsin_secret]", span_of(secret_mark));
    return change(stripe, id, &fields, arena, fault);
}

enum outcome webhook_ends_disable(struct stripe *stripe,
                                  struct span id,
                                  struct arena *arena,
                                  struct fault *fault)
{
    struct fields fields = {.count = 0};
    add(&fields, "disabled", SPAN("true"));
    return change(stripe, id, &fields, arena, fault);
}

/* They come newest first. One that is enabled goes before one that is not; what is
 * enabled besides it sends every event once more. */
static void read_end(const struct cJSON *document,
                     struct arena *arena,
                     struct webhook_end ends[END_COUNT])
{
    enum webhook_end_place place = place_of(document);
    struct webhook_end *known = &ends[place];
    struct webhook_end end = {
        .id = arena_span(arena, json_string(document, "id")),
        .status = arena_span(arena, json_string(document, "status")),
        .api_version = arena_span(arena, json_string(document, "api_version")),
        .secret_mark = arena_span(arena, json_string(document, "metadata.tocsin_secret")),
        .livemode = json_is_true(document, "livemode"),
        .is_ours = json_has(document, "metadata.tocsin_endpoint"),
        .is_half_made = json_has(document, "metadata.tocsin_endpoint") &&
                        !json_has(document, "metadata.tocsin_secret"),
    };
    if (span_is(end.secret_mark, UNKNOWN)) {
        end.secret_mark = SPAN("");
    }
    bool is_enabled = span_is(end.status, "enabled");
    if (known->id.len > 0 && span_is(known->status, "enabled")) {
        known->double_id = is_enabled ? end.id : known->double_id;
        return;
    }
    if (known->id.len > 0 && !is_enabled) {
        return;
    }
    compare_types(document, place, arena, &end);
    *known = end;
}

static enum webhook_end_place place_of(const struct cJSON *document)
{
    struct span told = json_string(document, "metadata.tocsin_endpoint");
    if (told.len > 0) {
        return span_is(told, "connect") ? END_CONNECT : END_PLATFORM;
    }
    return json_string(document, "application").len > 0 ? END_CONNECT : END_PLATFORM;
}

static void compare_types(const struct cJSON *document,
                          enum webhook_end_place place,
                          struct arena *arena,
                          struct webhook_end *end)
{
    struct text missing;
    struct text extra;
    text_init(&missing, TYPES_BYTES);
    text_init(&extra, TYPES_BYTES);
    end->has_all = names_type(document, "*");
    for (size_t i = 0; i < event_types_handled_count; i++) {
        const char *type = event_types_handled[i].type;
        if (is_told(place, i) && !end->has_all && !names_type(document, type)) {
            text_addf(&missing, "%s%s", missing.len ? ", " : "", type);
        }
    }
    for (struct cJSON *at = json_first(document, "enabled_events"); at;
         at = json_next(at)) {
        struct span type = json_string(at, "");
        bool is_wanted = false;
        for (size_t i = 0; i < event_types_handled_count; i++) {
            is_wanted = is_wanted ||
                        (is_told(place, i) && span_is(type, event_types_handled[i].type));
        }
        end->types++;
        if (!is_wanted) {
            text_addf(&extra, "%s%.*s", extra.len ? ", " : "", SPAN_ARGS(type));
        }
    }
    end->missing = arena_span(arena, text_span(&missing));
    end->extra = arena_span(arena, text_span(&extra));
    text_done(&missing);
    text_done(&extra);
}

static bool names_type(const struct cJSON *document, const char *type)
{
    for (struct cJSON *at = json_first(document, "enabled_events"); at;
         at = json_next(at)) {
        if (span_is(json_string(at, ""), type)) {
            return true;
        }
    }
    return false;
}

static bool is_told(enum webhook_end_place place, size_t row)
{
    return place == END_CONNECT ? event_types_handled[row].connect
                                : event_types_handled[row].platform;
}

static void add(struct fields *fields, const char *name, struct span value)
{
    assert(fields->count < MOST_PARAMS);
    fields->params[fields->count++] = (struct stripe_param){name, value};
}

static void add_types(struct fields *fields,
                      enum webhook_end_place place,
                      struct arena *arena)
{
    size_t count = 0;
    for (size_t i = 0; i < event_types_handled_count; i++) {
        if (is_told(place, i)) {
            const char *name = arena_format(arena, "enabled_events[%zu]", count++);
            add(fields, name, span_of(event_types_handled[i].type));
        }
    }
}

static enum outcome change(struct stripe *stripe,
                           struct span id,
                           const struct fields *fields,
                           struct arena *arena,
                           struct fault *fault)
{
    struct stripe_answer answer = {0};
    const char *path = arena_format(arena, COLLECTION "/%.*s", SPAN_ARGS(id));
    enum outcome outcome = send_fields(stripe, path, fields, arena, &answer, fault);
    if (outcome == OUTCOME_DONE) {
        json_free(answer.document);
    }
    return outcome;
}

/* Under one key, so that a send whose answer was lost is not done twice. */
static enum outcome send_fields(struct stripe *stripe,
                                const char *path,
                                const struct fields *fields,
                                struct arena *arena,
                                struct stripe_answer *out_answer,
                                struct fault *fault)
{
    enum outcome outcome = OUTCOME_UNSURE;
    struct span key = make_key(arena);
    for (int i = 0; i < MOST_SENDS && outcome == OUTCOME_UNSURE; i++) {
        outcome = stripe_post(stripe,
                              path,
                              fields->params,
                              fields->count,
                              SPAN(""),
                              key,
                              false,
                              arena,
                              out_answer,
                              fault);
    }
    return outcome;
}

static struct span make_key(struct arena *arena)
{
    unsigned char chance[KEY_BYTES];
    struct text text;
    text_init(&text, 128);
    digest_random(chance, sizeof(chance));
    text_add_string(&text, "tocsin-webhooks/");
    for (size_t i = 0; i < sizeof(chance); i++) {
        text_addf(&text, "%02x", chance[i]);
    }
    struct span key = arena_span(arena, text_span(&text));
    text_done(&text);
    return key;
}
