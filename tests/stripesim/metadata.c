/* SPDX-License-Identifier: MIT
 * Names and values on an object. */
#include "tests/stripesim/metadata.h"

#include <stdlib.h>

#include "tests/stripesim/call.h"
#include "tests/stripesim/sim.h"

enum { MOST_KEYS = 50, MOST_KEY = 40, MOST_VALUE = 500 };
enum { MOST_TEXT_BYTES = 256 * 1024 };

static bool check(struct call *call, struct span key, struct span value);
static const struct form_entry *given(const struct call *call, struct span key);

bool metadata_merge(struct call *call, const char *old, const char **out_metadata)
{
    struct fault fault;
    struct cJSON *document = NULL;
    const struct form_entry *whole = form_find(&call->form, "metadata");
    const char *kept = whole && whole->value.len == 0 ? "{}" : old;
    if (json_parse(span_of(kept), &document, &fault) != OUTCOME_DONE) {
        abort(); /* it is text of our own */
    }
    struct text text;
    text_init(&text, MOST_TEXT_BYTES);
    struct json_writer json = json_writer(&text);
    bool good = true;
    int keys = 0;
    json_open(&json, NULL, '{');
    for (struct cJSON *at = json_first(document, ""); at; at = json_next(at)) {
        if (!given(call, json_key(at))) {
            const char *key = arena_copy(&call->arena, json_key(at));
            json_put_string(&json, key, json_string(at, ""));
            keys++;
        }
    }
    size_t at = 0;
    struct span key;
    const struct form_entry *entry;
    while (good && (entry = form_element(&call->form, "metadata", &at, &key))) {
        good = check(call, key, entry->value);
        if (good && entry->value.len > 0) {
            json_put_string(&json, arena_copy(&call->arena, key), entry->value);
            keys++;
        }
    }
    json_close(&json, '}');
    if (good && keys > MOST_KEYS) {
        call_refuse(call,
                    &(struct refusal){.param = "metadata"},
                    "You can have at most %d keys in metadata; you have %d.",
                    MOST_KEYS,
                    keys);
        good = false;
    }
    if (good) {
        *out_metadata = store_copy(&call->sim->store, text_span(&text));
    }
    text_done(&text);
    json_free(document);
    return good;
}

static bool check(struct call *call, struct span key, struct span value)
{
    const char *param = arena_format(&call->arena, "metadata[%.*s]", SPAN_ARGS(key));
    size_t key_len = form_characters(key);
    size_t value_len = form_characters(value);
    if (key_len > MOST_KEY) {
        call_refuse(call,
                    &(struct refusal){.param = param},
                    "Metadata keys can have up to %d characters, but you passed in a key "
                    "that is %zu characters. Invalid key: %.*s",
                    MOST_KEY,
                    key_len,
                    SPAN_ARGS(key));
        return false;
    }
    if (value_len > MOST_VALUE) {
        call_refuse(call,
                    &(struct refusal){.param = param},
                    "Metadata values can have up to %d characters, but you passed in a "
                    "value that is %zu characters. Invalid value: %.*s",
                    MOST_VALUE,
                    value_len,
                    SPAN_ARGS(value));
        return false;
    }
    return true;
}

static const struct form_entry *given(const struct call *call, struct span key)
{
    size_t at = 0;
    struct span one;
    const struct form_entry *entry;
    while ((entry = form_element(&call->form, "metadata", &at, &one))) {
        if (span_equal(one, key)) {
            return entry;
        }
    }
    return NULL;
}
