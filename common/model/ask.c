/* SPDX-License-Identifier: MIT
 * Payloads of asked jobs, there and back. */
#include "common/model/ask.h"

#include "common/base/json.h"

enum { ASK_BYTES = 1 << 20 };

static enum outcome unreadable(struct fault *fault);

struct span ask_encode(const struct ask *ask, struct arena *arena)
{
    struct text text;
    text_init(&text, ASK_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    if (ask->user_id > 0) {
        json_put_integer(&json, "user_id", ask->user_id);
        json_put_string(&json, "role", span_of(role_name(ask->role)));
        json_put_integer(&json, "amicale_id", ask->amicale_id);
    }
    json_put_optional(&json, "request_id", ask->request_id);
    json_put_optional(&json, "idempotency_key", ask->idempotency_key);
    json_put_optional(&json, "mac", ask->mac);
    json_put_integer(&json, "at_ms", ask->at_ms);
    json_put_integer(&json, "until_ms", ask->until_ms);
    json_put_raw(&json, "body", ask->body);
    json_close(&json, '}');
    struct span encoded = arena_span(arena, text_span(&text));
    text_wipe(&text);
    return encoded;
}

enum outcome ask_decode(struct span payload,
                        struct arena *arena,
                        struct ask *out_ask,
                        struct fault *fault)
{
    struct cJSON *document = NULL;
    struct ask ask = {.user_id = 0};
    enum outcome outcome = json_parse(payload, &document, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    bool good = json_has(document, "body") &&
                json_integer(document, "at_ms", &ask.at_ms) &&
                json_integer(document, "until_ms", &ask.until_ms);
    if (good && json_has(document, "user_id")) {
        good = json_integer(document, "user_id", &ask.user_id) &&
               json_integer(document, "amicale_id", &ask.amicale_id) &&
               role_find(json_string(document, "role"), &ask.role);
    }
    if (good) {
        ask.request_id = arena_span(arena, json_string(document, "request_id"));
        ask.idempotency_key = arena_span(arena, json_string(document, "idempotency_key"));
        ask.mac = arena_span(arena, json_string(document, "mac"));
        ask.body = json_print(json_at(document, "body"), arena);
        *out_ask = ask;
    }
    json_free(document);
    return good ? OUTCOME_DONE : unreadable(fault);
}

int64_t ask_owner(struct span job_id)
{
    struct span rest;
    struct span name;
    int64_t user_id = 0;
    (void)span_cut(job_id, ':', &rest);
    struct span user = span_cut(rest, ':', &name);
    return name.len > 0 && span_to_i64(user, &user_id) && user_id > 0 ? user_id : 0;
}

static enum outcome unreadable(struct fault *fault)
{
    return fault_set(fault,
                     OUTCOME_NEVER,
                     "ask",
                     ASK_UNREADABLE,
                     "the payload is not what the front door writes");
}
