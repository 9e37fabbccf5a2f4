/* SPDX-License-Identifier: MIT
 * Looking into cJSON documents, and writing JSON. */
#include "common/base/json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

enum { KEY_BYTES = 256 };

static void wipe(struct cJSON *value);
static void put_key(struct json_writer *json, const char *key);
static void put_quoted(struct text *text, struct span value);
static size_t utf8_len(struct span rest);

enum outcome json_parse(struct span text,
                        struct cJSON **out_document,
                        struct fault *fault)
{
    enum outcome outcome = json_check(text, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct cJSON *document = cJSON_ParseWithLength(text.at, text.len);
    if (!document) {
        /* json_check is stricter than cJSON, so only memory can be what is missing. */
        abort();
    }
    *out_document = document;
    return OUTCOME_DONE;
}

void json_free(struct cJSON *document)
{
    wipe(document);
    cJSON_Delete(document);
}

/* One may be a password; json_check bounds the depth. */
static void wipe(struct cJSON *value)
{
    for (; value; value = value->next) {
        if (value->valuestring) {
            explicit_bzero(value->valuestring, strlen(value->valuestring));
        }
        wipe(value->child);
    }
}

struct cJSON *json_at(const struct cJSON *document, const char *path)
{
    /* cJSON's getters take no const, yet change nothing. */
    struct cJSON *at = NULL;
    memcpy(&at, &document, sizeof(at));
    while (at && *path != '\0') {
        char key[KEY_BYTES];
        size_t len = strcspn(path, ".");
        assert(len < sizeof(key));
        memcpy(key, path, len);
        key[len] = '\0';
        at = cJSON_IsObject(at) ? cJSON_GetObjectItemCaseSensitive(at, key) : NULL;
        path += len + (path[len] == '.' ? 1 : 0);
    }
    return at && !cJSON_IsNull(at) ? at : NULL;
}

struct span json_string(const struct cJSON *document, const char *path)
{
    const struct cJSON *at = json_at(document, path);
    return cJSON_IsString(at) ? span_of(at->valuestring) : (struct span){NULL, 0};
}

bool json_has(const struct cJSON *document, const char *path)
{
    return json_at(document, path) != NULL;
}

bool json_integer(const struct cJSON *document, const char *path, int64_t *out_number)
{
    const struct cJSON *at = json_at(document, path);
    const double most = 9007199254740992.0; /* 2^53 */
    if (!cJSON_IsNumber(at) || !(at->valuedouble >= -most && at->valuedouble <= most) ||
        (double)(int64_t)at->valuedouble != at->valuedouble) {
        return false;
    }
    *out_number = (int64_t)at->valuedouble;
    return true;
}

bool json_is_true(const struct cJSON *document, const char *path)
{
    return cJSON_IsTrue(json_at(document, path));
}

bool json_is_string(const struct cJSON *document, const char *path)
{
    return cJSON_IsString(json_at(document, path));
}

bool json_is_object(const struct cJSON *document)
{
    return cJSON_IsObject(document);
}

bool json_is_array(const struct cJSON *document, const char *path)
{
    return cJSON_IsArray(json_at(document, path));
}

struct cJSON *json_first(const struct cJSON *document, const char *path)
{
    const struct cJSON *at = json_at(document, path);
    return cJSON_IsArray(at) || cJSON_IsObject(at) ? at->child : NULL;
}

struct cJSON *json_next(const struct cJSON *element)
{
    return element->next;
}

struct span json_key(const struct cJSON *element)
{
    return span_of(element->string);
}

struct span json_print(const struct cJSON *document, struct arena *arena)
{
    char *printed = cJSON_PrintUnformatted(document);
    if (!printed) {
        abort();
    }
    struct span copy = arena_span(arena, span_of(printed));
    explicit_bzero(printed, copy.len);
    cJSON_free(printed);
    return copy;
}

struct json_writer json_writer(struct text *text)
{
    return (struct json_writer){.text = text};
}

void json_open(struct json_writer *json, const char *key, char bracket)
{
    put_key(json, key);
    text_add_char(json->text, bracket);
    json->comma = false;
}

void json_close(struct json_writer *json, char bracket)
{
    text_add_char(json->text, bracket);
    json->comma = true;
}

void json_put_string(struct json_writer *json, const char *key, struct span value)
{
    put_key(json, key);
    put_quoted(json->text, value);
}

void json_put_integer(struct json_writer *json, const char *key, int64_t value)
{
    put_key(json, key);
    text_add_i64(json->text, value);
}

void json_put_bool(struct json_writer *json, const char *key, bool value)
{
    put_key(json, key);
    text_add_string(json->text, value ? "true" : "false");
}

void json_put_null(struct json_writer *json, const char *key)
{
    put_key(json, key);
    text_add_string(json->text, "null");
}

void json_put_raw(struct json_writer *json, const char *key, struct span value)
{
    put_key(json, key);
    text_add(json->text, value);
}

void json_put_optional(struct json_writer *json, const char *key, struct span value)
{
    if (value.len > 0) {
        json_put_string(json, key, value);
    } else {
        json_put_null(json, key);
    }
}

static void put_key(struct json_writer *json, const char *key)
{
    if (json->comma) {
        text_add_char(json->text, ',');
    }
    json->comma = true;
    if (key) {
        put_quoted(json->text, span_of(key));
        text_add_char(json->text, ':');
    }
}

static void put_quoted(struct text *text, struct span value)
{
    text_add_char(text, '"');
    size_t i = 0;
    while (i < value.len) {
        unsigned char byte = (unsigned char)value.at[i];
        struct span rest = {value.at + i, value.len - i};
        size_t len = utf8_len(rest);
        if (byte == '"' || byte == '\\') {
            text_add_char(text, '\\');
            text_add_char(text, (char)byte);
        } else if (byte < 0x20 || byte == 0x7f) {
            text_addf(text, "\\u%04x", byte);
        } else if (len == 0) {
            text_add(text, SPAN("\xEF\xBF\xBD"));
        } else {
            text_add(text, (struct span){rest.at, len});
        }
        i += len == 0 ? 1 : len;
    }
    text_add_char(text, '"');
}

/* Bytes of the character at the front; 0 when it is not valid UTF-8. */
static size_t utf8_len(struct span rest)
{
    unsigned char lead = (unsigned char)rest.at[0];
    size_t len = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead == 0) {
        return 1;
    }
    return len <= rest.len && span_is_utf8((struct span){rest.at, len}) ? len : 0;
}
