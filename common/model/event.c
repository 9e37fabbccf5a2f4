/* SPDX-License-Identifier: MIT
 * Reads a Stripe event's body. json_check goes first, so what walks behind it meets
 * nothing but well-formed JSON of at most 32 levels. */
#include "common/model/event.h"

#include <assert.h>
#include <string.h>

#include "common/base/json.h"

/* One place is kept for the account, which may stand behind the object. */
enum {
    REFERENCE_BYTES = 100,
    AMICALE_DIGITS = 18,
    PLAIN_KEY_BYTES = 32,
    OBJECT_REFS = JOB_REFS - 1
};

/* Where the walk is, and what it fills. */
struct walk {
    const char *at;
    const char *end;
    struct event *event;
    struct span object; /* the top-level one */
    struct span on_behalf_of;
};

/* Takes the value that follows `key`, whatever it is. */
typedef void (*member_fn)(struct walk *walk, struct span key);

static void walk_object(struct walk *walk, member_fn member);
static void top_member(struct walk *walk, struct span key);
static void data_member(struct walk *walk, struct span key);
static void related_member(struct walk *walk, struct span key);
static void object_member(struct walk *walk, struct span key);
static void transfer_member(struct walk *walk, struct span key);
static void metadata_member(struct walk *walk, struct span key);
static void collect_member(struct walk *walk, struct span key);
static void collect(struct walk *walk);
static size_t reference_prefix(struct span value);
static void skip_space(struct walk *walk);
static struct span take_value(struct walk *walk);
static struct span take_string(struct walk *walk);
static struct span take_raw_string(struct walk *walk);
static struct span plain_key(struct span raw, char room[PLAIN_KEY_BYTES]);
static int hex_value(char digit);
static void add_reference(struct event *event, struct span value, size_t most);
static enum outcome check_event(const struct walk *walk, struct fault *fault);

/* What Stripe's object ids begin with, as far as operators search by them. */
static const struct span prefixes[] = {
    {"pi", 2},
    {"ch", 2},
    {"py", 2},
    {"re", 2},
    {"pyr", 3},
    {"acct", 4},
    {"du", 2},
    {"dp", 2},
    {"po", 2},
    {"tr", 2},
    {"tmr", 3},
    {"tml", 3},
};
enum { PREFIX_LEAST = 2, PREFIX_MOST = 4 };

enum outcome event_scan(struct span body, struct event *out_event, struct fault *fault)
{
    enum outcome outcome = json_check(body, fault);
    if (outcome != OUTCOME_DONE) {
        fault->module = "event";
        fault->code = EVENT_NOT_JSON;
        return outcome;
    }
    struct event event = {.created_s = 0};
    struct walk walk = {.at = body.at, .end = body.at + body.len, .event = &event};
    skip_space(&walk);
    if (*walk.at != '{') {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "event",
                         EVENT_NOT_JSON,
                         "it is no JSON object");
    }
    event.ref_count = 1; /* the event's own id, whose place is kept */
    walk_object(&walk, top_member);
    event.refs[0] = event.id;
    if (event.destination.len == 0) {
        event.destination = walk.on_behalf_of;
    }
    add_reference(&event, event.account, JOB_REFS);
    outcome = check_event(&walk, fault);
    if (outcome == OUTCOME_DONE) {
        event.is_thin = span_is(walk.object, "v2.core.event");
        *out_event = event;
    }
    return outcome;
}

static enum outcome check_event(const struct walk *walk, struct fault *fault)
{
    const struct event *event = walk->event;
    if (!job_id_is_valid(event->id) || event->id.len > EVENT_ID_BYTES) {
        return fault_set(fault, OUTCOME_NEVER, "event", EVENT_NO_ID, "it has no id");
    }
    if (!span_is(walk->object, "event") && !span_is(walk->object, "v2.core.event")) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "event",
                         EVENT_NO_OBJECT,
                         "its object is no event");
    }
    if (event->type.len == 0 || event->type.len > EVENT_TYPE_BYTES) {
        return fault_set(fault, OUTCOME_NEVER, "event", EVENT_NO_TYPE, "it has no type");
    }
    return OUTCOME_DONE;
}

/* The cursor stands on { and is left behind }. */
static void walk_object(struct walk *walk, member_fn member)
{
    walk->at++;
    skip_space(walk);
    while (*walk->at != '}') {
        char room[PLAIN_KEY_BYTES];
        struct span key = plain_key(take_raw_string(walk), room);
        skip_space(walk);
        walk->at++; /* the colon */
        skip_space(walk);
        member(walk, key);
        skip_space(walk);
        if (*walk->at == ',') {
            walk->at++;
            skip_space(walk);
        }
    }
    walk->at++;
}

static void top_member(struct walk *walk, struct span key)
{
    struct event *event = walk->event;
    if (span_equal(key, SPAN("id"))) {
        event->id = take_string(walk);
    } else if (span_equal(key, SPAN("object"))) {
        walk->object = take_string(walk);
    } else if (span_equal(key, SPAN("type"))) {
        event->type = take_string(walk);
    } else if (span_equal(key, SPAN("account"))) {
        event->account = take_string(walk);
    } else if (span_equal(key, SPAN("api_version"))) {
        event->api_version = take_string(walk);
    } else if (span_equal(key, SPAN("livemode"))) {
        struct span value = take_value(walk);
        event->livemode = span_is(value, "true");
        event->has_livemode = event->livemode || span_is(value, "false");
    } else if (span_equal(key, SPAN("created"))) {
        struct span value = take_value(walk);
        if (!span_to_i64(value, &event->created_s)) {
            event->created_s = 0;
        }
    } else if (span_equal(key, SPAN("pending_webhooks"))) {
        event->pending_webhooks = take_value(walk);
    } else if (span_equal(key, SPAN("data")) && *walk->at == '{') {
        walk_object(walk, data_member);
    } else if (span_equal(key, SPAN("related_object")) && *walk->at == '{') {
        walk_object(walk, related_member);
    } else {
        (void)take_value(walk);
    }
}

static void data_member(struct walk *walk, struct span key)
{
    if (span_equal(key, SPAN("object")) && *walk->at == '{') {
        const char *start = walk->at;
        walk_object(walk, object_member);
        walk->event->data_object = (struct span){start, (size_t)(walk->at - start)};
    } else {
        (void)take_value(walk);
    }
}

/* A thin event names its object without carrying it. */
static void related_member(struct walk *walk, struct span key)
{
    struct span value = *walk->at == '"' ? take_string(walk) : take_value(walk);
    if (span_equal(key, SPAN("id"))) {
        walk->event->object_id = value;
        add_reference(walk->event, value, OBJECT_REFS);
    } else if (span_equal(key, SPAN("type"))) {
        walk->event->object_kind = value;
    }
}

static void object_member(struct walk *walk, struct span key)
{
    if (span_equal(key, SPAN("id"))) {
        walk->event->object_id = take_string(walk);
        add_reference(walk->event, walk->event->object_id, OBJECT_REFS);
    } else if (span_equal(key, SPAN("object"))) {
        walk->event->object_kind = take_string(walk);
    } else if (span_equal(key, SPAN("metadata")) && *walk->at == '{') {
        walk_object(walk, metadata_member);
    } else if (span_equal(key, SPAN("transfer_data")) && *walk->at == '{') {
        walk_object(walk, transfer_member);
    } else if (span_equal(key, SPAN("on_behalf_of")) && *walk->at == '"') {
        walk->on_behalf_of = take_string(walk);
        add_reference(walk->event, walk->on_behalf_of, OBJECT_REFS);
    } else {
        collect(walk);
    }
}

static void transfer_member(struct walk *walk, struct span key)
{
    if (span_equal(key, SPAN("destination")) && *walk->at == '"') {
        walk->event->destination = take_string(walk);
        add_reference(walk->event, walk->event->destination, OBJECT_REFS);
    } else {
        collect(walk);
    }
}

static void metadata_member(struct walk *walk, struct span key)
{
    if (!span_equal(key, SPAN("amicale_id"))) {
        (void)take_value(walk);
        return;
    }
    struct span value = take_string(walk);
    bool decimal = value.len > 0 && value.len <= AMICALE_DIGITS && value.at[0] != '0';
    for (size_t i = 0; i < value.len && decimal; i++) {
        decimal = value.at[i] >= '0' && value.at[i] <= '9';
    }
    if (decimal) {
        walk->event->amicale_id = value;
    }
}

/* Metadata is what others wrote: what looks like an id there is none. */
static void collect_member(struct walk *walk, struct span key)
{
    if (span_equal(key, SPAN("metadata"))) {
        (void)take_value(walk);
    } else {
        collect(walk);
    }
}

/* References anywhere in a value: its depth was bounded by json_check. */
static void collect(struct walk *walk)
{
    if (*walk->at == '"') {
        add_reference(walk->event, take_string(walk), OBJECT_REFS);
    } else if (*walk->at == '{') {
        walk_object(walk, collect_member);
    } else if (*walk->at == '[') {
        walk->at++;
        skip_space(walk);
        while (*walk->at != ']') {
            collect(walk);
            skip_space(walk);
            if (*walk->at == ',') {
                walk->at++;
                skip_space(walk);
            }
        }
        walk->at++;
    } else {
        (void)take_value(walk);
    }
}

/* A reference is a known prefix and letters and digits behind it, and nothing else: a
 * client_secret begins with pi_ too, and must not become a search word. */
static void add_reference(struct event *event, struct span value, size_t most)
{
    size_t prefix_len = reference_prefix(value);
    if (prefix_len == 0 || value.len > REFERENCE_BYTES || event->ref_count >= most) {
        return;
    }
    for (size_t i = prefix_len; i < value.len; i++) {
        char c = value.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9'))) {
            return;
        }
    }
    for (size_t i = 0; i < event->ref_count; i++) {
        if (span_equal(event->refs[i], value)) {
            return;
        }
    }
    event->refs[event->ref_count++] = value;
}

/* The length of a known prefix with its underscore, when something follows it; else 0. */
static size_t reference_prefix(struct span value)
{
    size_t len = PREFIX_LEAST;
    while (len <= PREFIX_MOST && len < value.len && value.at[len] != '_') {
        len++;
    }
    if (len > PREFIX_MOST || len + 1 >= value.len) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (span_equal(prefixes[i], (struct span){value.at, len})) {
            return len + 1;
        }
    }
    return 0;
}

static void skip_space(struct walk *walk)
{
    while (walk->at < walk->end && (*walk->at == ' ' || *walk->at == '\n' ||
                                    *walk->at == '\r' || *walk->at == '\t')) {
        walk->at++;
    }
}

/* The bytes of one value of any sort. */
static struct span take_value(struct walk *walk)
{
    const char *start = walk->at;
    int depth = 0;
    do {
        assert(walk->at < walk->end);
        char c = *walk->at;
        if (c == '"') {
            (void)take_raw_string(walk);
        } else if (c == '{' || c == '[') {
            depth++;
            walk->at++;
        } else if (c == '}' || c == ']') {
            depth--;
            walk->at++;
        } else if (depth > 0) {
            walk->at++;
        } else { /* a number or a word ends where something else begins */
            while (walk->at<walk->end && * walk->at> ' ' && *walk->at != ',' &&
                   *walk->at != '}' && *walk->at != ']') {
                walk->at++;
            }
        }
    } while (depth > 0);
    return (struct span){start, (size_t)(walk->at - start)};
}

/* The value when it is a string without escapes, else an empty span. */
static struct span take_string(struct walk *walk)
{
    if (*walk->at != '"') {
        (void)take_value(walk);
        return (struct span){NULL, 0};
    }
    struct span raw = take_raw_string(walk);
    bool escaped = raw.len > 0 && memchr(raw.at, '\\', raw.len) != NULL;
    return escaped ? (struct span){NULL, 0} : raw;
}

/* What stands between the quotes. */
static struct span take_raw_string(struct walk *walk)
{
    const char *start = ++walk->at;
    for (;;) {
        const char *quote = memchr(walk->at, '"', (size_t)(walk->end - walk->at));
        assert(quote);
        const char *backslash = quote;
        while (backslash > start && backslash[-1] == '\\') {
            backslash--;
        }
        walk->at = quote + 1;
        if ((quote - backslash) % 2 == 0) {
            return (struct span){start, (size_t)(quote - start)};
        }
    }
}

/* A key as it is meant. The names that matter here are ASCII and short, so an escape that
 * stands for anything else, and a key that is longer, are left as they are: they match
 * none. */
static struct span plain_key(struct span raw, char room[PLAIN_KEY_BYTES])
{
    size_t len = 0;
    if (raw.len == 0 || !memchr(raw.at, '\\', raw.len)) {
        return raw;
    }
    for (size_t i = 0; i < raw.len; i++) {
        char byte = raw.at[i];
        if (byte == '\\') {
            bool is_ascii = raw.len - i >= 6 && memcmp(raw.at + i, "\\u00", 4) == 0;
            int code =
                is_ascii ? hex_value(raw.at[i + 4]) * 16 + hex_value(raw.at[i + 5]) : 0;
            if (code <= 0 || code >= 0x80) {
                return raw;
            }
            byte = (char)code;
            i += 5;
        }
        if (len == PLAIN_KEY_BYTES) {
            return raw;
        }
        room[len++] = byte;
    }
    return (struct span){room, len};
}

/* json_check has seen that it is one. */
static int hex_value(char digit)
{
    return digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
